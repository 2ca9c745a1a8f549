"""`llm4ad.task.…`: the engine's tasks name their own modules by their place in its repository. Below this package every
name is a package, but for those that the folder itself has as a file: `llm4ad.task.a.b.get_data` is its `get_data.py`.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Sequence
from types import ModuleType


class Finder:
    """Looks into the evaluator's folder, the first of `sys.path`. Packages are empty."""

    @classmethod
    def find_spec(
        cls, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if not name.startswith("llm4ad.task."):
            return None
        file = os.path.join(sys.path[0], name.rpartition(".")[2] + ".py")
        if os.path.isfile(file):
            return importlib.util.spec_from_file_location(name, file)
        return importlib.machinery.ModuleSpec(name, None, is_package=True)


sys.meta_path.append(Finder)
