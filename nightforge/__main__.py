"""`python -m nightforge`."""

from nightforge.cli.main import run

run()
