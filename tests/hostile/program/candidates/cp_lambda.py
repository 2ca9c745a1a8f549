"""A name at top level, but no function definition."""

pack = lambda circles, seconds: []
