"""Rules as formulas: read from a program's source, changed under their units, simplified, printed back."""
