"""Syntax-tree rewrites of C programs: operators that know loops and arrays and no task.

Each rewrite looks for a syntactic pattern, checks what makes the change legal and answers whole programs, or nothing.
Two assumptions that the text of a C function cannot prove are stated in the note of every draft that needs them: that
a written array overlaps no other array that the loop reads (unless it is the same array), and that sums may be added
in another order. The evaluator checks every result, so that a wrong assumption costs one evaluation and no more.
"""
