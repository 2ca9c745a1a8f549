"""Words, models and ports; imports nothing of the rest."""
