"""Candidate to evidence."""
