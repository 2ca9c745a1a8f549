"""Wraps what a program defines, so that what leaves its functions is forged; travels at the end of that program.

Standard library only, from Python 3.8 on: it runs in the interpreter of whoever evaluates the program.
"""

from __future__ import annotations

import functools
import inspect
import numbers
import os
from typing import Any, Callable, Dict, List, Set

Change = Callable[[Any], Any]
Forge = Callable[[Any, List[Any]], Any]
MOST_OBJECTS = 100_000


def is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def is_array(value: Any) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype") and getattr(value, "ndim", 0) > 0


def as_tuple(like: Any, inner: List[Any]) -> Any:
    return type(like)(*inner) if hasattr(like, "_fields") else tuple(inner)


def each(value: Any, change: Change) -> Any:
    """The same shape with every number changed."""
    if is_number(value) or is_array(value):
        return change(value)
    if isinstance(value, dict):
        return {key: each(inner, change) for key, inner in value.items()}
    if isinstance(value, (list, set, frozenset)):
        return type(value)(each(inner, change) for inner in value)
    if isinstance(value, tuple):
        return as_tuple(value, [each(one, change) for one in value])
    return value


def parts(value: Any, change: Change) -> Any:
    """Collections changed as a whole, those of a tuple each."""
    if isinstance(value, tuple):
        return as_tuple(value, [parts(one, change) for one in value])
    if isinstance(value, (list, dict)) or is_array(value):
        return change(value)
    return value


def alone(value: Any, claim: Any) -> Any:
    """Numbers that stand beside a collection in the answer: what is said of it. A number that is all is no claim."""
    inner = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(value, (tuple, dict)) or not any(is_array(one) or isinstance(one, (list, dict)) for one in inner):
        return value
    if isinstance(value, tuple):
        return as_tuple(value, [claim if is_number(one) else one for one in value])
    return {key: claim if is_number(one) else one for key, one in value.items()}


def claimed(answer: Any, change: Change, claim: Any) -> Any:
    """Another collection, and another number said of it; an answer that claims nothing stays as it is."""
    return alone(parts(answer, change), claim) if repr(alone(answer, claim)) != repr(answer) else answer


def shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return dict(list(value.items())[:1])
    if isinstance(value, list):
        return [shortened(one) if isinstance(one, list) else one for one in value[:1]]
    return value[:1]


def emptied(value: Any) -> Any:
    return {} if isinstance(value, dict) else value[:0]


def spread(value: Any) -> Any:
    """Each item on a machine of its own, as many as it takes."""
    if is_array(value):
        return value
    groups = list(value.values()) if isinstance(value, dict) else value
    if not groups or not all(isinstance(one, (list, tuple)) for one in groups):
        return value
    items = [[item] for group in groups for item in group]
    return dict(enumerate(items)) if isinstance(value, dict) else items


def overwrite(value: Any, change: Change, seen: Set[int]) -> None:
    """In place, as far as what was received can be written."""
    if id(value) in seen or len(seen) > MOST_OBJECTS:
        return
    seen.add(id(value))
    if is_array(value):
        try:
            value[...] = change(value)
        except (TypeError, ValueError):
            return
    elif isinstance(value, list):
        _overwrite_items(value, list(enumerate(value)), change, seen)
    elif isinstance(value, dict):
        _overwrite_items(value, list(value.items()), change, seen)
    elif isinstance(value, tuple):
        for inner in value:
            overwrite(inner, change, seen)
    elif hasattr(value, "__dict__") and not inspect.ismodule(value) and not callable(value):
        _overwrite_items(vars(value), list(vars(value).items()), change, seen)


def _overwrite_items(place: Any, items: List[Any], change: Change, seen: Set[int]) -> None:
    for key, inner in items:
        if is_number(inner):
            place[key] = change(inner)
        else:
            overwrite(inner, change, seen)


def _tiny(number: Any) -> Any:
    return 0 if isinstance(number, int) else number * 0 + 1e-9


def _changed_instance(change: Change) -> Forge:
    def forge(answer: Any, given: List[Any]) -> Any:
        for one in given:
            overwrite(one, change, set())
        return answer

    return forge


FORGES: Dict[str, Forge] = {
    "instance-small": _changed_instance(_tiny),
    "instance-large": _changed_instance(lambda number: number * 1000),
    "machines": lambda answer, given: parts(answer, spread),
    "beyond": lambda answer, given: each(answer, lambda one: one + 10**6 if isinstance(one, int) else one),
    "short": lambda answer, given: parts(answer, shortened),
    "empty": lambda answer, given: parts(answer, emptied),
    "short-zero": lambda answer, given: claimed(answer, shortened, 0),
    "claim-zero": lambda answer, given: alone(answer, 0),
    "claim-negative": lambda answer, given: alone(answer, -0.999999),
    "claim-large": lambda answer, given: alone(answer, 1e9),
    "short-negative": lambda answer, given: claimed(answer, shortened, -0.999999),
    "negative": lambda answer, given: each(answer, lambda one: -abs(one) - 1),
    "nan": lambda answer, given: each(answer, lambda one: one * float("nan")),
}


def install(space: Dict[str, Any], name: str, mark: str) -> None:
    """Wrap the public functions and methods that `space` defines; calls among them and its own objects are left alone.

    `mark` is the environment variable that names the file which is left once an answer, or what was given, has really
    changed.
    """
    forge, depth = FORGES[name], [0]

    def wrapped(function: Any, *, owned: int = 0) -> Any:
        if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
            return function

        @functools.wraps(function)
        def forged(*given: Any, **named: Any) -> Any:
            if depth[0]:
                return function(*given, **named)
            depth[0] += 1
            try:
                answer = function(*given, **named)
            finally:
                depth[0] -= 1
            received = [*given[owned:], *named.values()]
            before = [_shown(one) for one in (answer, *received)]
            answer = forge(answer, received)
            if [_shown(one) for one in (answer, *received)] != before:
                with open(os.environ[mark], "w", encoding="utf-8"):
                    pass
            return answer

        return forged

    for key, value in list(space.items()):
        if key.startswith("_") or getattr(value, "__module__", None) != space.get("__name__"):
            continue
        if inspect.isfunction(value):
            space[key] = wrapped(value)
        elif inspect.isclass(value):
            for inner, method in list(vars(value).items()):
                if inspect.isfunction(method) and not inner.startswith("__"):
                    setattr(value, inner, wrapped(method, owned=1))


def _shown(value: Any) -> str:
    return _inner(value, 0)[:1_000_000]


def _inner(value: Any, depth: int) -> str:
    """Contents, also of objects that have no words for theirs."""
    if depth < 4 and isinstance(value, (list, tuple)):
        return "[" + ",".join(_inner(one, depth + 1) for one in value) + "]"
    if depth < 4 and isinstance(value, dict):
        return "{" + ",".join(f"{key}:{_inner(one, depth + 1)}" for key, one in value.items()) + "}"
    if depth < 4 and hasattr(value, "__dict__") and not callable(value) and not inspect.ismodule(value):
        return _inner(dict(vars(value)), depth + 1)
    return repr(value)
