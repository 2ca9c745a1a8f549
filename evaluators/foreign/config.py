"""A peer's `config.yaml`, read as far as it says how a program is evaluated; the search is ours."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import yaml

from nightforge.domain.base import Frozen
from nightforge.errors import UserError

LARGEST_BYTES = 1024 * 1024
THRESHOLDS = (0.5, 0.75, 0.9)
"""OpenEvolve's own, where a folder names none."""
TIMEOUT_S = 300.0
READ = frozenset(
    {"evaluator", "database", "prompt", "max_iterations", "language", "file_suffix", "random_seed", "max_code_length"}
)


class PeerConfig(Frozen):
    """The defaults are OpenEvolve's."""

    file: str = ""
    timeout_s: float = TIMEOUT_S
    cascade: bool = True
    thresholds: tuple[float, ...] = THRESHOLDS
    features: tuple[str, ...] = ()
    suffix: str = ""
    iterations: int | None = None
    words: str = ""
    """The system message: what its author tells a model of the problem."""
    ignored: tuple[str, ...] = ()


def find_config(folder: Path) -> Path | None:
    """`config.yaml`, else the first of `config*.yaml` by name."""
    named = [folder / name for name in ("config.yaml", "config.yml")]
    return next((path for path in [*named, *sorted(folder.glob("config*.y*ml"))] if path.is_file()), None)


def read_config(path: Path | None) -> PeerConfig:
    """UserError for a file that is no YAML, or says something that cannot be meant."""
    if path is None:
        return PeerConfig()
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise UserError("is larger than 1 MiB", where=str(path), hint="a configuration is a short text")
        document = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise UserError(f"is no YAML: {str(error)[:200]}", where=str(path), hint="mend it, or take it away") from error
    if not isinstance(document, dict):
        raise UserError("is no table of settings", where=str(path), hint="mend it, or take it away")
    evaluator, database = _table(document, "evaluator"), _table(document, "database")
    timeout_s = _number(evaluator, "timeout", TIMEOUT_S, path)
    thresholds = evaluator.get("cascade_thresholds", THRESHOLDS)
    return PeerConfig(
        file=path.name,
        timeout_s=timeout_s if timeout_s > 0 else TIMEOUT_S,
        cascade=bool(evaluator.get("cascade_evaluation", True)),
        thresholds=tuple(_finite(one, "evaluator.cascade_thresholds", path) for one in _list(thresholds)),
        features=tuple(str(one) for one in _list(database.get("feature_dimensions", ()))),
        suffix=str(document.get("file_suffix") or ""),
        iterations=_count(document.get("max_iterations")),
        words=str(_table(document, "prompt").get("system_message") or ""),
        ignored=tuple(sorted(str(name) for name in document if name not in READ)),
    )


def _table(document: Mapping[object, object], name: str) -> Mapping[object, object]:
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else []


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _number(table: Mapping[object, object], name: str, default: float, path: Path) -> float:
    return default if table.get(name) is None else _finite(table[name], name, path)


def _finite(value: object, name: str, path: Path) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UserError(f"{name}: {value!r} is no number", where=str(path), hint="mend it, or take it away")
    return float(value)
