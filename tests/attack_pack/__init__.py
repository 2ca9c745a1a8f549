"""The attack pack's harness: runs small hostile programs bare and in every tier, and judges them from outside.

`manifest` reads the list, `scene` builds what an attack aims at, `observe` watches one run from outside, `verdicts`
compares the bare control with each tier, `table` writes the table of docs/security.md.
"""
