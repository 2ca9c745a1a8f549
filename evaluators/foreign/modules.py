"""What a Python file says of itself without being run: its functions, strings and calls, by its syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

LARGEST_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Signature:
    name: str
    first: str
    """Its first parameter's name; empty for a function without one."""
    annotation: str
    others: tuple[str, ...]
    """Further parameters without a default."""


class Module:
    """The syntax tree of one file. `None` from `read` where it is no Python."""

    def __init__(self, tree: ast.Module) -> None:
        self._tree = tree

    @classmethod
    def read(cls, path: Path) -> Module | None:
        try:
            if path.stat().st_size > LARGEST_BYTES:
                return None
            return cls.parse(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError):
            return None

    @classmethod
    def parse(cls, text: str) -> Module | None:
        try:
            return cls(ast.parse(text))
        except (SyntaxError, ValueError, RecursionError):
            return None

    def functions(self) -> dict[str, Signature]:
        found = (node for node in self._tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
        return {node.name: _signature(node) for node in found}

    def names(self) -> frozenset[str]:
        """Of all functions, also those that are imported or assigned."""
        found = set(self.functions())
        for node in self._tree.body:
            if isinstance(node, ast.ImportFrom):
                found |= {alias.asname or alias.name for alias in node.names}
            elif isinstance(node, ast.Assign):
                found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        return frozenset(found)

    def texts(self) -> dict[str, str]:
        """Constants of the module: name → string."""
        found = {}
        for name, value in self._assigned():
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                found[name] = value.value
        return found

    def single_texts(self) -> dict[str, tuple[str, str]]:
        """Constants like `{"code": "..."}`: name → (key, text); a text may be a constant's name."""
        known, found = self.texts(), {}
        for name, value in self._assigned():
            if isinstance(value, ast.Dict) and len(value.keys) == 1 and isinstance(value.keys[0], ast.Constant):
                text = value.values[0]
                content = text.value if isinstance(text, ast.Constant) else None
                if isinstance(text, ast.Name):
                    content = known.get(text.id)
                if isinstance(content, str):
                    found[name] = (str(value.keys[0].value), content)
        return found

    def imports(self, name: str) -> bool:
        """Whether the module `name`, or one below it, is imported anywhere in the file."""
        return any(one == name or one.startswith(f"{name}.") for one in self._imported())

    def mentions(self, text: str) -> bool:
        """Whether a string constant of the file is `text`."""
        return any(isinstance(node, ast.Constant) and node.value == text for node in ast.walk(self._tree))

    def keyword(self, name: str) -> str:
        """The first string given as `name=` in any call, or as that key of a dictionary; empty for none."""
        for node in ast.walk(self._tree):
            if isinstance(node, ast.keyword) and node.arg == name and isinstance(node.value, ast.Constant):
                return str(node.value.value)
        return ""

    def derived_from(self, base: str) -> Sequence[str]:
        """Classes of the file whose base is called so."""
        return [
            node.name
            for node in self._tree.body
            if isinstance(node, ast.ClassDef)
            and any(base in {getattr(one, "id", ""), getattr(one, "attr", "")} for one in node.bases)
        ]

    def last_function(self) -> str:
        return next(reversed(self.functions()), "")

    def _assigned(self) -> Iterator[tuple[str, ast.expr]]:
        for node in self._tree.body:
            if isinstance(node, ast.Assign):
                yield from ((target.id, node.value) for target in node.targets if isinstance(target, ast.Name))
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
                yield node.target.id, node.value

    def _imported(self) -> Iterator[str]:
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module


def _signature(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Signature:
    places = [*node.args.posonlyargs, *node.args.args]
    first = places[0] if places else None
    required = places[1 : len(places) - len(node.args.defaults)] if places else []
    keywords = [
        one.arg for one, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if default is None
    ]
    return Signature(
        name=node.name,
        first=first.arg if first else "",
        annotation=ast.unparse(first.annotation) if first is not None and first.annotation is not None else "",
        others=(*(one.arg for one in required), *keywords),
    )
