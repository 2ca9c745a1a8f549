"""One Protocol per decision of the search."""
