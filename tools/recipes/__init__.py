"""The language `abc-recipe`: which lines a recipe may hold, and operators that make recipes from recipes."""
