"""Scheduling rules: instances, verifiers, scoring."""
