"""Operators of hardware programs: they change the genome of a generator, or expressions of plain Verilog.

What a genome says is in `tools.rtl.structures`. Every proposal is legal by construction; the evaluator proves it anew.
"""
