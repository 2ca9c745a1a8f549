"""What evaluators import of GEPA: types of `gepa.optimize_anything`, and its log, which goes to what is printed."""
