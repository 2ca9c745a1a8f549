"""Tasks with dependencies on unlike processors, makespan: list scheduling by a rank rule and a place rule.

An instance: a directed acyclic graph, each task's time on each processor, each edge's transfer time, which is due where
both ends run on different processors. Shapes and spread of costs as in the experiments of Topcuoglu, Hariri and Wu
(HEFT, 2002): layered graphs, Gaussian elimination, fork and join; ratio of communication to computation 0.1, 1, 5;
heterogeneity 0.75.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random

from evaluators.schedulers.answers import integer_rows, read_integers
from evaluators.schedulers.problem import Cost, Feature, Instance, Split, Violated
from nightforge.domain.base import Json

Edges = list[tuple[int, int]]
_RATIOS = (0.1, 1.0, 5.0)
_BETA = 0.75
_MEAN = 50


@dataclass(frozen=True)
class _Graph:
    costs: list[list[int]]
    """[task][processor]"""
    edges: list[list[int]]
    """[from, to, transfer time]; from < to."""

    @staticmethod
    def of(instance: Instance) -> _Graph:
        return _Graph(integer_rows(instance.data["costs"]), integer_rows(instance.data["edges"]))

    @property
    def processors(self) -> int:
        return len(self.costs[0])


class HeterogeneousDag:
    name = "het-dag"
    functions = ("rank", "place")
    features = (
        Feature("upward", "time", "longest path to the end with mean times and transfers, the task included (HEFT)"),
        Feature("upward_least", "time", "the same with each task's shortest time"),
        Feature("downward", "time", "longest path from the start with mean times and transfers, the task excluded"),
        Feature("mean_oct", "time", "mean over the processors of the optimistic cost after the task (PEFT)"),
        Feature("mean_cost", "time", "of the task over the processors"),
        Feature("least_cost", "time", "of the task"),
        Feature("most_cost", "time", "of the task"),
        Feature("children", "tasks", "that need its result"),
        Feature("parents", "tasks", "whose results it needs"),
        Feature("data_out", "time", "transfers to its children, summed"),
        Feature("data_in", "time", "transfers from its parents, summed"),
        Feature("ready", "time", "when its last parent has ended"),
        Feature("level", "tasks", "on the longest path from the start"),
        Feature("finish", "time", "earliest end on this processor, gaps used", function="place"),
        Feature("start", "time", "earliest start on this processor, gaps used", function="place"),
        Feature("append_finish", "time", "end on this processor behind all its tasks", function="place"),
        Feature("cost", "time", "of the task on this processor", function="place"),
        Feature("least_cost", "time", "of the task on any processor", function="place"),
        Feature("mean_cost", "time", "of the task over the processors", function="place"),
        Feature("oct", "time", "optimistic cost of what follows, were the task here (PEFT)", function="place"),
        Feature("ahead", "time", "latest of its children's earliest ends, were the task here", function="place"),
        Feature("arrival", "time", "when the parents' results are on this processor", function="place"),
        Feature("free", "time", "when this processor has done all its tasks so far", function="place"),
        Feature("load", "time", "work that this processor has been given", function="place"),
        Feature("data_here", "time", "transfers saved because parents ran on this processor", function="place"),
        Feature("data_out", "time", "transfers to its children, summed", function="place"),
        Feature("upward", "time", "as in rank", function="place"),
        Feature("end", "time", "of what is scheduled so far", function="place"),
    )

    @property
    def driver(self) -> str:
        return (Path(__file__).parent / "drivers" / "hetdag.py").read_text(encoding="utf-8")

    @property
    def engine(self) -> str:
        return "hetdag"

    def encode(self, instance: Instance) -> Sequence[int]:
        graph = instance.once(_Graph.of)
        rows = [number for row in (*graph.costs, *graph.edges) for number in row]
        return [len(graph.costs), graph.processors, len(graph.edges), *rows]

    def decode(self, instance: Instance, numbers: Sequence[int]) -> Json:
        return [list(pair) for pair in zip(numbers[::2], numbers[1::2], strict=True)]

    def generate(self, split: Split, seed: int) -> Sequence[Instance]:
        random = Random(f"{self.name} {split} {seed}")
        instances = []
        for tasks, processors, shapes, repeats in _SETS.get(split, ()):
            group = f"{tasks}x{processors}" + ("" if shapes is _SHAPES else "-other")
            for shape, draw in shapes.items():
                for ratio in _RATIOS:
                    for number in range(repeats):
                        name = f"{group}-{shape}-{ratio:g}-{number}"
                        instances.append(_drawn(random, draw, name, group, tasks, processors, ratio))
        return instances

    def bound(self, instance: Instance) -> int:
        """The longest path of shortest times, and all work at its cheapest spread over the processors."""
        graph = instance.once(_Graph.of)
        least = [min(row) for row in graph.costs]
        ends = list(least)
        for one, other, _ in sorted(graph.edges, key=lambda edge: edge[1]):
            ends[other] = max(ends[other], ends[one] + least[other])
        return max(max(ends), -(-sum(least) // graph.processors))

    def related(self, instance: Instance) -> Mapping[str, tuple[Instance, Cost]]:
        """The same instance under other labels: same optimum; for a rule without labels nearly the same cost."""
        graph = instance.once(_Graph.of)
        turned: list[Json] = [list[Json](reversed(row)) for row in graph.costs]
        data: dict[str, Json] = {"costs": turned, "edges": instance.data["edges"]}
        return {"processors": (Instance(f"{instance.name}-processors", instance.group, data), 1)}

    def verify(self, instance: Instance, answer: Json) -> int:
        """`answer[task]` is `[processor, start]`."""
        graph = instance.once(_Graph.of)
        if not isinstance(answer, list) or len(answer) != len(graph.costs):
            raise Violated("form", f"expected {len(graph.costs)} pairs of processor and start, one per task")
        pairs = [read_integers(pair, 2, 0, 10**9, f"task {task}") for task, pair in enumerate(answer)]
        for task, (processor, _) in enumerate(pairs):
            if processor >= graph.processors:
                raise Violated("processor", f"task {task}: there is no processor {processor}")
        ends = [start + graph.costs[task][processor] for task, (processor, start) in enumerate(pairs)]
        for one, other, transfer in graph.edges:
            arrival = ends[one] + (0 if pairs[one][0] == pairs[other][0] else transfer)
            if pairs[other][1] < arrival:
                detail = f"task {other} starts at {pairs[other][1]}, before the result of {one} arrives at {arrival}"
                raise Violated("precedence", detail)
        for processor in range(graph.processors):
            spans = sorted((start, ends[task], task) for task, (place, start) in enumerate(pairs) if place == processor)
            for (_, end, one), (start, _, other) in pairwise(spans):
                if start < end:
                    raise Violated(
                        "processor-overlap", f"processor {processor}: tasks {one} and {other} overlap at {start}"
                    )
        return max(ends)


def _drawn(
    random: Random,
    draw: Callable[[Random, int], tuple[int, Edges]],
    name: str,
    group: str,
    size: int,
    processors: int,
    ratio: float,
) -> Instance:
    tasks, pairs = draw(random, size)
    costs: list[Json] = []
    for _ in range(tasks):
        mean = random.uniform(1, 2 * _MEAN)
        costs.append([max(1, round(mean * random.uniform(1 - _BETA / 2, 1 + _BETA / 2))) for _ in range(processors)])
    edges: list[Json] = [[one, other, round(random.uniform(0, 2 * ratio * _MEAN))] for one, other in sorted(set(pairs))]
    return Instance(name, group, {"costs": costs, "edges": edges})


def _layered(random: Random, size: int) -> tuple[int, Edges]:
    """Layers of about sqrt(size) tasks; up to three parents in the two layers above."""
    layers: list[list[int]] = []
    task = 0
    width = max(2, round(size**0.5))
    while task < size:
        count = min(size - task, random.randint(max(1, width // 2), width + width // 2))
        layers.append(list(range(task, task + count)))
        task += count
    edges: Edges = []
    for number, layer in enumerate(layers[1:], 1):
        above = layers[number - 1] + (layers[number - 2] if number > 1 else [])
        for one in layer:
            edges.append((random.choice(layers[number - 1]), one))
            edges.extend((random.choice(above), one) for _ in range(random.randint(0, 2)))
    return size, edges


def _gauss(random: Random, size: int) -> tuple[int, Edges]:
    """Gaussian elimination of the matrix whose (m * m + m - 2) / 2 tasks come nearest to `size`."""
    order = min(range(3, 40), key=lambda m: abs((m * m + m - 2) // 2 - size))
    number: dict[tuple[int, int], int] = {}
    for step in range(order - 1):
        for column in range(step, order):
            number[step, column] = len(number)
    edges: Edges = []
    for (step, column), task in number.items():
        if column > step:
            edges.append((number[step, step], task))
            if (step + 1, column) in number:
                edges.append((task, number[step + 1, column]))
    return len(number), edges


def _fork_join(random: Random, size: int) -> tuple[int, Edges]:
    """Stages of equal width between single tasks."""
    stages = max(1, size // 13)
    width = (size - 1) // stages - 1
    edges: Edges = []
    task = 0
    for _ in range(stages):
        join = task + width + 1
        for one in range(task + 1, join):
            edges += [(task, one), (one, join)]
        task = join
    return task + 1, edges


def _out_tree(random: Random, size: int) -> tuple[int, Edges]:
    return size, [(random.randrange(max(0, (task - 1) // 3), task), task) for task in range(1, size)]


def _butterfly(random: Random, size: int) -> tuple[int, Edges]:
    """The fast Fourier transform's graph without its recursive calls."""
    width = 2
    while (2 * width) * ((2 * width).bit_length()) <= size:
        width *= 2
    levels = width.bit_length()
    edges: Edges = []
    for level in range(levels - 1):
        for place in range(width):
            task = level * width + place
            edges += [(task, (level + 1) * width + place), (task, (level + 1) * width + (place ^ (1 << level)))]
    return levels * width, edges


_SHAPES: dict[str, Callable[[Random, int], tuple[int, Edges]]] = {
    "layered": _layered,
    "gauss": _gauss,
    "fork-join": _fork_join,
}
_OTHER_SHAPES: dict[str, Callable[[Random, int], tuple[int, Edges]]] = {"out-tree": _out_tree, "butterfly": _butterfly}
_Set = tuple[int, int, dict[str, Callable[[Random, int], tuple[int, Edges]]], int]
_SETS: dict[Split, tuple[_Set, ...]] = {
    Split.TRAIN: ((14, 3, _SHAPES, 1), (27, 4, _SHAPES, 1), (40, 4, _SHAPES, 1)),
    Split.VALIDATION: ((14, 3, _SHAPES, 2), (27, 4, _SHAPES, 2), (40, 4, _SHAPES, 2)),
    Split.HIDDEN: (
        (14, 3, _SHAPES, 1),
        (27, 4, _SHAPES, 1),
        (40, 4, _SHAPES, 2),
        (100, 8, _SHAPES, 1),
        (40, 4, _OTHER_SHAPES, 1),
    ),
}
"""Nominal tasks, processors, shapes, instances per shape and ratio. The other shapes are the shifted distribution."""
