"""Correct kernels of a task: what mutants are made from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evaluators.integrity.seams import Honest
from evaluators.kernels.spec import read_settings
from nightforge.domain.task import Task
from tools.rewrites.flatten import Flatten
from tools.rewrites.fusion import Fission, Fusion
from tools.rewrites.polynomial import Polynomial
from tools.rewrites.recompute import Recompute
from tools.rewrites.rewrite import Rewrite
from tools.rewrites.split_accumulators import SplitAccumulators
from tools.rewrites.syntax import Unit
from tools.rewrites.tile_rescale import TileRescale
from tools.rewrites.unroll import Unroll

_REWRITES: tuple[type[Rewrite], ...] = (
    SplitAccumulators,
    TileRescale,
    Polynomial,
    Fusion,
    Fission,
    Recompute,
    Flatten,
    Unroll,
)
"""Those that change arithmetic, passes and loops; not those that only tell the compiler or the processor how."""
_FOLDER = "honest"
"""Correct programs of the task that stand there for their mutants only."""


def honest_kernels(task: Task) -> Sequence[Honest]:
    """The seed, the honest controls, the C baselines, `honest/*.c` and what rewrites make of the seed, each text once.

    What a search finds is rarely as short as a seed: rewritten ones give mutants the places where real candidates err.
    """
    names = [task.seed, *(known.path for known in task.rehearsal if known.expect != "reject")]
    names += [baseline.source for baseline in read_settings(task).baselines if baseline.language == "c"]
    names += sorted(path.relative_to(task.root).as_posix() for path in (task.root / _FOLDER).glob("*.c"))
    found: dict[str, Honest] = {}
    for name in names:
        source = task.read(name)
        found.setdefault(source, Honest(name, source))
    for program in _rewritten(task):
        found.setdefault(program.source, program)
    return list(found.values())


def _rewritten(task: Task) -> Iterator[Honest]:
    unit = Unit.parse(task.read(task.seed))
    for rewrite in _REWRITES if unit is not None else ():
        assert unit is not None
        sources = [variant.source for variant in rewrite().variants(unit)]
        if sources:
            longest = max(sources, key=len)
            yield Honest(f"{task.seed}+{rewrite.name}", longest, is_derived=True)
