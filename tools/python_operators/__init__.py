"""Operators for Python programs: numbers, expressions, loops, functions of partners, methods of refinement.

They read programs with Python's `ast` and change the text in place, so that comments and layout stay. They know no
task. Programs that declare features of a rule are left to `tools.rules`.
"""
