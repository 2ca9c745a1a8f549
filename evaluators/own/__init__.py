"""A user's own code: a tree, its commands and a measure."""
