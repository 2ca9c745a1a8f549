"""The offline team: the four roles filled by programs, no model."""
