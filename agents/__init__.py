"""Who thinks: planner, coder, judge, analyst. Context in, typed reply out."""
