"""Look-up tables of six inputs on circuits of the EPFL suite's sizes: a recipe, the fixed ones, the anchors.

    python benchmarks/recipe_anchors.py RECIPE.txt

The circuits are our own generators' at the sizes of the EPFL suite's adder, bar, priority and max: the same functions
(the direction of `bar`'s shift apart), not the same graphs. Every result is proven equivalent. The best known sizes of
the task's settings come from any method and any effort; `if -K 6` after a recipe takes seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path

import tasks
from evaluators.accelerators.recipe.laboratory import Laboratory
from evaluators.accelerators.recipe.settings import Circuit, Measure, read_settings
from nightforge.catalogue import load_task
from sandbox.probe import open_sandbox
from tools.recipes.grammar import parse_recipe

CIRCUITS = (
    Circuit(name="adder", kind="adder", numbers={"bits": 128}),
    Circuit(name="priority", kind="priority", numbers={"bits": 128}),
    Circuit(name="bar", kind="shifter", numbers={"bits": 128}),
    Circuit(name="max", kind="max", numbers={"words": 4, "bits": 128}),
)


async def main(source: str) -> None:
    settings = read_settings(load_task(Path(next(iter(tasks.__path__))) / "recipe-lut6"))
    anchors = {anchor.circuit: anchor.value for anchor in settings.anchors}
    wide = settings.model_copy(update={"cpu_s": 300, "memory_mib": 2048, "measure": Measure.LUT6})
    laboratory, recipe = Laboratory(open_sandbox()), parse_recipe(source)
    print(f"{'circuit':10} {'ANDs':>6} {'best fixed':>18} {'recipe':>8} {'best known':>10}")
    for circuit in CIRCUITS:
        started = time.perf_counter()
        (row,) = await laboratory.measure(recipe, [circuit], wide)
        fixed = f"{row.best.size:g} ({row.best_name})"
        ands, known = len(circuit.aig.ands), anchors[circuit.name]
        seconds = time.perf_counter() - started
        print(f"{row.circuit:10} {ands:6} {fixed:>18} {row.quality.size:8g} {known:10g}   {seconds:.1f} s in all")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    asyncio.run(main(parser.parse_args().recipe.read_text(encoding="utf-8")))
