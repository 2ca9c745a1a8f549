"""Arithmetic structures as genomes: what they build, how they are read, changed and printed."""
