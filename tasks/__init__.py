"""Ready-made tasks, one folder each; data and seeds, no platform code."""
