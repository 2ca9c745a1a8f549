"""Python programs whose answer is an object that can be checked exactly: a packing, a scheme, a set."""
