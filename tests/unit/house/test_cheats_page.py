"""docs/security.md lists every hostile kernel: a cheat that the page leaves out is one that nobody sees judged."""

from __future__ import annotations

import re
from pathlib import Path

from attack_pack.cheats import BEGIN, END, TASKS, found_kernels, label

ROOT = Path(__file__).resolve().parents[3]


def test_every_hostile_kernel_stands_in_the_table() -> None:
    listed = [label(kernel) for kernels in found_kernels(()).values() for kernel in kernels]
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    shown = re.findall(r"(?m)^\| `([^`]+)`", page)
    assert shown == listed
    there = {f"{path.parent.name}/{path.stem}" for path in (ROOT / "tests" / "hostile" / "kernels").rglob("*.c")}
    assert set(listed) == there


def test_kernels_are_chosen_by_name_with_or_without_their_folder() -> None:
    chosen = found_kernels({"01_zeros", "axpy/02_tells_its_shape"})
    assert {task: [label(kernel) for kernel in kernels] for task, kernels in chosen.items()} == {
        TASKS["softmax"]: ["softmax/01_zeros"],
        TASKS["axpy"]: ["axpy/02_tells_its_shape"],
    }
