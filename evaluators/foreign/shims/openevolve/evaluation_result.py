"""`EvaluationResult` as OpenEvolve's evaluators use it: numbers, and texts or bytes beside them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List, Union

Artifact = Union[str, bytes]


@dataclass
class EvaluationResult:
    metrics: Dict[str, float]
    artifacts: Dict[str, Artifact] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, metrics: Dict[str, float]) -> EvaluationResult:
        return cls(metrics=metrics)

    def to_dict(self) -> Dict[str, float]:
        return self.metrics

    def has_artifacts(self) -> bool:
        return bool(self.artifacts)

    def get_artifact_keys(self) -> List[str]:
        return list(self.artifacts)

    def get_artifact_size(self, key: str) -> int:
        value = self.artifacts.get(key)
        if value is None:
            return 0
        return len(value if isinstance(value, bytes) else str(value).encode("utf-8"))

    def get_total_artifact_size(self) -> int:
        return sum(map(self.get_artifact_size, self.artifacts))
