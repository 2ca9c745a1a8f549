"""Compute kernels in C, measured on the CPU."""
