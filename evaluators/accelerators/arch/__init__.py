"""Accelerator architectures: a systolic array, its buffers and its mappings, scored by a closed-form model."""
