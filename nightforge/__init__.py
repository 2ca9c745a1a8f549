"""Nightforge: a design goal in plain words becomes ranked, re-measured candidates."""

__version__ = "0.1.0"
