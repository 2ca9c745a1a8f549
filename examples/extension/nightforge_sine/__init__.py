"""An example extension of Nightforge; docs/extending.md walks through it."""
