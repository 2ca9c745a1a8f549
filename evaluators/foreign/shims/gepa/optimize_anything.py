"""Names that a module with an `evaluate(candidate)` for GEPA imports; its search is Nightforge's affair."""

from __future__ import annotations

from typing import Any, Dict

SideInfo = Dict[str, Any]


class Settings:
    """Any of GEPA's settings: built at import time, read by nobody here."""

    def __init__(self, *given: Any, **named: Any) -> None:
        self.__dict__.update(named)


class OptimizationState(Settings):
    """Empty: each candidate is evaluated by itself."""


EngineConfig = GEPAConfig = MergeConfig = RefinerConfig = ReflectionConfig = TrackingConfig = Settings


def log(*words: Any, sep: str = " ") -> None:
    print(*words, sep=sep)


def optimize_anything(*given: Any, **named: Any) -> Any:
    raise RuntimeError("only the folder's evaluate() is used here: the search is Nightforge's")
