"""Tasks of the toy domain."""
