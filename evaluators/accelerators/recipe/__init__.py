"""Synthesis recipes: sequences of ABC commands, judged by what they make of a set of circuits."""
