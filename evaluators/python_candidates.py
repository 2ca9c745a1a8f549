"""What evaluators of candidates in Python share: the interpreter in the box, and what a text must be before it runs."""

from __future__ import annotations

import ast
from collections.abc import Collection, Sequence

from evaluators.cascade import CandidateFailed
from nightforge.domain.limits import Limits
from nightforge.domain.ports import Sandbox
from nightforge.errors import EvaluatorFault
from sandbox.platform import find_tool, install_hint

PYTHON = "/usr/bin/python3"


def lacking_python() -> Sequence[str]:
    """For `Evaluator.prerequisites`."""
    return () if find_tool("python3") else (f"python3 is not installed: {install_hint('python3')}",)


class BoxedPython:
    """The interpreter that candidates run in; asked once for its version."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._version = ""

    async def tools(self) -> dict[str, str]:
        """For evidence and fingerprints. Raises EvaluatorFault where it does not run."""
        if not self._version:
            result = await self._sandbox.run([PYTHON, "-VV"], limits=Limits(wall_s=10))
            if not result.ok:
                raise EvaluatorFault("python3 does not run inside the box", hint=install_hint("python3"))
            self._version = result.stdout.decode(errors="replace").strip()
        return {"python3": self._version}


def parse_functions(source: str, functions: Sequence[str], failed: type[CandidateFailed]) -> ast.Module:
    """The tree of a text that defines `functions`. Raises `failed`: syntax_error, no_function."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise failed("syntax_error", f"candidate.py: {error}") from error
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    lacking = [name for name in functions if name not in defined]
    if lacking:
        raise failed("no_function", f"the program must define {', '.join(lacking)} at its top level")
    return tree


def check_imports(tree: ast.Module, allowed: Collection[str], failed: type[CandidateFailed]) -> None:
    """A courtesy that gives good messages; the box is the wall. Raises `failed`: forbidden_import."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or "."]
        for name in names:
            if name not in allowed:
                shown = ", ".join(allowed) or "nothing"
                raise failed("forbidden_import", f"line {node.lineno}: import of {name}; allowed: {shown}")
