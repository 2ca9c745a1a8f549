"""Can a recipe task's verdict be believed? Broken recipes and circuits that come back wrong, through the real gate.

A recipe cannot compute something else by being bad; ABC can, by a bug, and so could a line that the list should not
have let pass. So each honest recipe runs for real, one thing of what comes back is changed, and the candidates' own
reader, simulation and proof have the word. Which of the last two found it is told: the proof must do so alone.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from hashlib import sha256

from evaluators.accelerators.recipe.abc import Job, checked, judge, written
from evaluators.accelerators.recipe.aig import Aig
from evaluators.accelerators.recipe.faults import MOST_INPUTS, Tampering, read_program, spoil
from evaluators.accelerators.recipe.fixed import FIXED
from evaluators.accelerators.recipe.laboratory import alternating, refute
from evaluators.accelerators.recipe.settings import Circuit, RecipeSettings, read_settings
from evaluators.accelerators.refusal import Refused
from evaluators.integrity.seams import Honest, Impostor
from nightforge.domain.integrity import Finding
from nightforge.domain.ports import Sandbox
from nightforge.domain.task import Task
from tools.recipes.grammar import Form, Recipe, RecipeError, Step, parse_recipe, parts_of, print_recipe

Pair = tuple[Circuit, Aig]
Simulation = Callable[[Circuit, Aig], None]
Proof = Callable[[Sequence[Pair]], Awaitable[object]]
"""Both raise Refused."""


class RecipeChecker:
    """Implements `evaluators.integrity.seams.Checker`: all training circuits, simulated and proved."""

    def __init__(
        self,
        sandbox: Sandbox,
        settings: RecipeSettings,
        tools: Mapping[str, str],
        *,
        simulate: Simulation = refute,
        prove: Proof | None = None,
    ) -> None:
        """`simulate` and `prove` are the candidates' own, but where a test wants to see what a weak one lets pass."""
        self._sandbox = sandbox
        self._settings = settings
        self._tools = tools
        self._simulate = simulate
        self._prove: Proof = prove or (lambda pairs: judge(sandbox, pairs, settings.measure, settings))
        self._returned: dict[Recipe, Sequence[bytes]] = {}

    async def tools(self) -> Mapping[str, str]:
        return self._tools

    async def check(self, source: str, *, known: Collection[str] = ()) -> Finding:
        began = time.perf_counter()
        stage, build = "parse", ""
        try:
            text, tampering = read_program(source)
            recipe = parse_recipe(text)
            stage = "run"
            circuits, contents = await self._run(recipe, tampering)
            stage = "read"
            pairs = [(one, checked(content, one)) for one, content in zip(circuits, contents, strict=True)]
            build = _digest(pairs)
            if build in known:
                return Finding(built=True, accepted=False, stage=stage, build=build)
            spoiled = [pair for pair in pairs if tampering is None or pair[0].name == tampering.circuit]
            stage, reason, feedback = await self._judged(spoiled)
        except (RecipeError, Refused) as refused:
            reason, feedback = refused.reason, str(refused)
        return Finding(
            built=True,
            accepted=not reason,
            stage=stage,
            reason=reason,
            feedback=feedback,
            build=build,
            seconds=time.perf_counter() - began,
        )

    async def recheck(self, source: str, *, seed: int) -> Finding:
        return await self.check(source)

    async def prove_equal(self, one: str, other: str) -> str:
        """All patterns of every circuit that differs, by our own simulation: not the tool that let it pass."""
        (first, _), (second, tampering) = read_program(one), read_program(other)
        try:
            recipes = parse_recipe(first), parse_recipe(second)
            if recipes[0] == recipes[1] and tampering is None:
                return "both are read as one recipe"
            runs = [await self._run(recipes[0], None), await self._run(recipes[1], tampering)]
            made: dict[str, list[Aig]] = {}
            for circuit, content in zip(*runs[0], strict=True):
                made.setdefault(circuit.name, []).append(checked(content, circuit))
            apart = [
                (made[circuit.name][0], again)
                for circuit, content in zip(*runs[1], strict=True)
                if (again := checked(content, circuit)) not in made[circuit.name]
            ]
        except (RecipeError, Refused):
            return ""
        if all(_is_same_function(before, after) for before, after in apart):
            return "our own simulation finds the same on all patterns"
        return ""

    async def _run(self, recipe: Recipe, tampering: Tampering | None) -> tuple[Sequence[Circuit], Sequence[bytes]]:
        """What ABC returns for each training circuit, or for the one that it is given a forbidden command on."""
        training = self._settings.training
        if tampering is not None and tampering.command:
            circuits = [one for one in training if one.name == tampering.circuit]
            jobs = [Job((*recipe, Step(Form(tampering.command))), one) for one in circuits]
            return circuits, await written(self._sandbox, jobs, self._settings)
        jobs = [Job(part, circuit) for part in parts_of(recipe) for circuit in training]
        circuits = [job.circuit for job in jobs]
        if recipe not in self._returned:
            self._returned[recipe] = await written(self._sandbox, jobs, self._settings)
        contents = list(self._returned[recipe])
        if tampering is not None:
            places = [place for place, one in enumerate(circuits) if one.name == tampering.circuit]
            place = places[tampering.number % len(places)]
            contents[place] = spoil(contents[place], tampering.fault, tampering.number)
        return circuits, contents

    async def _judged(self, pairs: Sequence[Pair]) -> tuple[str, str, str]:
        """(stage, reason, feedback) of simulation and proof, each asked whatever the other says."""
        simulated = proved = None
        try:
            for pair in pairs:
                self._simulate(*pair)
        except Refused as refused:
            simulated = refused
        try:
            await self._prove(pairs)
        except Refused as refused:
            proved = refused
        if proved is not None:
            return "prove", f"{proved.reason} ({'and' if simulated else 'not'} by simulation)", str(proved)
        if simulated is not None:
            return "simulate", f"{simulated.reason} (not by the proof)", str(simulated)
        return "prove", "", ""


def _digest(pairs: Sequence[Pair]) -> str:
    return sha256(b"".join(made.to_aiger() for _, made in pairs)).hexdigest()


def _is_same_function(one: Aig, other: Aig) -> bool:
    """False where there are too many patterns to try."""
    if one.inputs > MOST_INPUTS:
        return False
    width = 1 << one.inputs
    stimuli = [alternating(place, width) for place in range(one.inputs)]
    mask = (1 << width) - 1
    return one.simulate(stimuli, mask) == other.simulate(stimuli, mask)


def honest_recipes(task: Task) -> Sequence[Honest]:
    """The seed, what else the task itself holds for honest, and the fixed recipes."""
    paths = [task.seed, *(known.path for known in task.rehearsal if known.expect == "pass")]
    found = {task.read(path): path for path in reversed(paths)}
    found.update({print_recipe(recipe): name for name, recipe in FIXED.items()})
    seed = task.read(task.seed)
    return [Honest(name, source) for source, name in sorted(found.items(), key=lambda item: item[0] != seed)]


_BEHIND_THE_LIST = (
    ("orpos", "all outputs in one"),
    ("cone -O 0", "the first output alone"),
    ("frames -F 2", "two copies side by side"),
    ("zeropo -N 0", "the first output made constant 0"),
    ("swappos -N 1", "two outputs exchanged"),
    ("permute -S 7 -o", "the outputs in another order"),
    ("permute -S 7 -i", "the inputs in another order"),
)
_RETURNED = (
    ("zeros", "every output is 0: no area at all"),
    ("ones", "every output is 1"),
    ("copied", "every output is an input"),
    ("one-pattern", "wrong on one pattern of all inputs"),
    ("forged", "a wrong circuit with the words of a proof behind it"),
    ("words", "the words of a proof in place of a circuit"),
)
_TEXTS = (
    ("reads", "read_aiger ready.aig", "takes a ready circuit"),
    ("writes", "write_aiger 000.aig", "writes its result itself"),
    ("shell", "!true", "runs a program of the system"),
    ("proves", "cec 000.aig 000.aig", "asks for the proof itself"),
    ("renames", "alias cec print_stats", "puts another command in place of the proof"),
    ("sources", "source recipe.txt", "runs commands from a file"),
)


def recipe_impostors(task: Task) -> Sequence[Impostor]:
    """Texts off the list; forbidden commands that ABC runs for real; and what a forger would hand back."""
    settings, seed = read_settings(task), task.read(task.seed)
    most = max(settings.training, key=lambda one: len(one.aig.outputs)).name
    widest = max(settings.training, key=lambda one: one.aig.inputs).name
    found = [Impostor(name, title, f"{seed}{line}\n") for name, line, title in _TEXTS]
    for command, title in _BEHIND_THE_LIST:
        name = f"abc-{command.replace(' ', '')}"
        found.append(Impostor(name, f"{title}, on {most}", seed + Tampering(most, command=command).line))
    for fault, title in _RETURNED:
        where = widest if fault == "one-pattern" else most
        found.append(Impostor(fault, f"{title}, on {where}", seed + Tampering(where, fault=fault).line))
    return found
