"""Accelerator designs: RTL with proof, configurations, synthesis recipes."""
