"""Task folders made for other engines, run unchanged: their whole evaluator in the box, their evidence `foreign`."""
