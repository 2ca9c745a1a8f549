"""What confirmation asks of an honest program, but for its timing: hidden and drawn shapes, the tasks' relations."""

from __future__ import annotations

import asyncio
from threading import Event

import pytest
from attack_pack.shapes import SMALL, shrunk

from evaluators.kernels.bench import Cast, checking_cpus, open_bench
from evaluators.kernels.build import Built, build_kernel
from evaluators.kernels.correctness import Allowance, examine
from evaluators.kernels.relations import RelationCheck, hidden_shapes, load_relations
from evaluators.kernels.spec import load_problem, read_hidden, read_settings
from evaluators.kernels.toolchain import Recipe, Toolchain
from nightforge.domain.task import Task
from sandbox.probe import open_sandbox

pytestmark = pytest.mark.box

_SEED = 20261122


async def _cast(task: Task) -> Cast:
    settings, toolchain = read_settings(task), Toolchain(open_sandbox())
    built = await build_kernel(open_sandbox(), task.read("c_fast.c"), wall_s=60)
    recipe = await toolchain.program(task, settings.reference_baseline)
    assert isinstance(built, Built)
    assert isinstance(recipe, Recipe)
    roof, worker = await toolchain.library(task, settings.roof), await toolchain.worker()
    inputs, oracle = load_problem(task)
    recipes = {settings.reference: recipe}
    return Cast(settings, inputs, oracle, worker, roof, recipes, built.library, load_relations(task))


@pytest.mark.parametrize("name", sorted(SMALL))
async def test_hidden_shapes_and_relations_hold(name: str) -> None:
    task = shrunk(name)
    hidden, cast = read_hidden(task), await _cast(task)
    settings, relations = cast.settings, cast.relations
    assert relations is not None
    unseen = [*hidden.correctness, *hidden.draw(_SEED)]

    def ask() -> int:
        with open_bench(open_sandbox(), cast, [settings.primary], [_SEED], Event(), unseen) as bench:
            bench.cpus = checking_cpus(1)
            with (
                bench.open(bench.candidate_program()) as candidate,
                bench.open(bench.reference_program(settings.reference)) as reference,
            ):
                allowance = Allowance(60.0)
                names = settings.distributions
                examine(bench.examiner, candidate, reference, unseen, names, bench.rng, allowance=allowance)
                check = RelationCheck(bench.examiner, relations, allowance)
                sides = {"candidate": candidate, "reference": reference}
                return sum(check.run(bench.rng, dims, names[0], **sides) for dims in hidden_shapes(unseen))

    assert await asyncio.to_thread(ask) == 2 * len(relations.NAMES)
