"""What leaves with an exported rule: a module that any scheduler can import, with what its features mean."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping

from nightforge.domain.artifact import ExportedFile
from nightforge.domain.task import Task

_FEATURE = re.compile(r"^#\s*nf:\s*feature\s+(?P<name>\w+)\s+(?P<meaning>.+)$", re.MULTILINE)


def rule_files(source: str, task: Task) -> Mapping[str, ExportedFile]:
    return {"rule.py": ExportedFile(content=rule_module(source, task), what="the rule as a module to import")}


def rule_module(source: str, task: Task) -> str:
    """The program as it was measured, the meaning of its features beside it."""
    functions = [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    features = {found["name"]: found["meaning"].strip() for found in _FEATURE.finditer(task.read(task.seed))}
    used = {name: meaning for name, meaning in features.items() if re.search(rf"[\"']{name}[\"']", _code(source))}
    title = " ".join(task.title.replace('"""', "'''").replace("\\", "/").split())
    lines = [
        f'"""{title}',
        "",
        f"Functions: {', '.join(functions)}. The program below is the one that was measured, line for line.",
        "FEATURES says what each entry of the argument that it reads means, with its unit.",
        '"""',
        "",
        "FEATURES = {",
        *(f"    {name!r}: {meaning!r}," for name, meaning in used.items()),
        "}",
        "",
        source.rstrip("\n"),
        "",
    ]
    return "\n".join(lines)


def _code(source: str) -> str:
    """Without comments and docstrings: `ast` keeps neither, once they are taken out."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.Module) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)
