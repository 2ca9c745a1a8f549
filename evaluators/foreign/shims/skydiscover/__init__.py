"""What evaluators import of SkyDiscover: where its result type is, and nothing of its engine."""

from __future__ import annotations

from .evaluation.evaluation_result import EvaluationResult

__all__ = ["EvaluationResult"]
