from .evaluation_result import EvaluationResult

__all__ = ["EvaluationResult"]
