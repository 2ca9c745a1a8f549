"""What evaluators import of OpenEvolve: its result type, and nothing of its engine."""

from __future__ import annotations

from .evaluation_result import EvaluationResult

__all__ = ["EvaluationResult"]
