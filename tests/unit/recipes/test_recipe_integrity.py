"""`task check` on recipe tasks: impostors and mutants through the real gate, and gates that let something through."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

import pytest

from evaluators.accelerators import toolchain
from evaluators.accelerators.recipe.abc import checked
from evaluators.accelerators.recipe.aig import Aig
from evaluators.accelerators.recipe.evaluator import RecipeEvaluator
from evaluators.accelerators.recipe.faults import Tampering, break_program, read_program, spoil
from evaluators.accelerators.recipe.integrity import RecipeChecker, honest_recipes
from evaluators.accelerators.recipe.laboratory import refute
from evaluators.accelerators.recipe.settings import Circuit, RecipeSettings, read_settings
from evaluators.accelerators.refusal import Refused
from evaluators.integrity.admission import admit
from evaluators.integrity.mutation import MutationTest, draw_mutants
from evaluators.integrity.seams import Mutant, OffersChecker, OffersImpostors, OffersMutants
from nightforge.catalogue import find_task
from nightforge.domain.integrity import AdmissionCheck, MutantFate, MutationReport
from nightforge.domain.ports import Sandbox
from sandbox.probe import open_sandbox
from tools.recipes.grammar import RecipeError, parse_recipe

ALU = Circuit(name="alu4", kind="alu", numbers={"bits": 4})
WIDE = Circuit(name="adder20", kind="adder", numbers={"bits": 20})
needs_abc = pytest.mark.skipif(toolchain.find(toolchain.ABC) is None, reason="no ABC: make setup-eda")
OF_A_LINE = {"misspelt", "option", "chained", "command", "letter", "range", "joined", "too-many"}


@pytest.fixture(scope="module")
def box() -> Sandbox:
    return open_sandbox()


@pytest.fixture(scope="module")
def small() -> RecipeSettings:
    """Five circuits of the shipped task, one of them too wide to try all patterns."""
    settings = read_settings(find_task("recipe-adp"))
    kept = [one for one in settings.training if one.name in {"alu4", "adder20", "table1", "decoder4", "random1"}]
    return settings.model_copy(update={"training": tuple(kept)})


def mutated(checker: RecipeChecker, mutants: Sequence[Mutant]) -> MutationReport:
    honest = honest_recipes(find_task("recipe-adp"))
    return asyncio.run(MutationTest(checker, honest, seed=1).run(mutants, wanted=len(mutants)))


def drawn(settings: RecipeSettings, kinds: set[str], count: int) -> Sequence[Mutant]:
    honest = honest_recipes(find_task("recipe-adp"))
    mutants = draw_mutants(honest, lambda source: break_program(source, settings.training), seed=2)
    return [one for one in mutants if one.change.operator in kinds][:count]


def test_it_offers_all_three(box: Sandbox) -> None:
    evaluator = RecipeEvaluator(box)
    assert isinstance(evaluator, OffersChecker)
    assert isinstance(evaluator, OffersMutants)
    assert isinstance(evaluator, OffersImpostors)


@pytest.mark.parametrize("name", ["recipe-adp", "recipe-lut6"])
def test_no_broken_line_is_a_recipe(name: str) -> None:
    """Each breaks its line by construction; the parser is asked here without ABC."""
    task = find_task(name)
    found = Counter[str]()
    for program in honest_recipes(task):
        parse_recipe(program.source)
        for change in break_program(program.source, ()):
            with pytest.raises(RecipeError):
                parse_recipe(change.source)
            found[change.operator] += 1
    assert set(found) == OF_A_LINE
    assert found.total() > 500


def test_what_is_done_beside_a_recipe_is_read_back() -> None:
    fault, command = Tampering("alu4", fault="inverted", number=17), Tampering("alu4", command="swappos -N 1")
    assert fault.line == "! fault alu4 inverted 17\n"
    for done in (fault, command):
        assert read_program(f"dch\nbalance\n{done.line}") == ("dch\nbalance\n", done)
        with pytest.raises(RecipeError):
            parse_recipe(f"dch\nbalance\n{done.line}")
    assert read_program("dch\n!true\n") == ("dch\n!true\n", None)


@pytest.mark.parametrize(
    "kind", ["swapped", "negated", "stuck-at-0", "stuck-at-1", "zeros", "ones", "copied", "crossed", "forged"]
)
def test_gross_faults_change_what_a_circuit_computes(kind: str) -> None:
    for number in range(4):
        with pytest.raises(Refused) as refused:
            refute(ALU, checked(spoil(ALU.aig.to_aiger(), kind, number), ALU))
        assert refused.value.reason == "not_equivalent"


@pytest.mark.parametrize("kind", ["inverted", "exchanged", "dropped"])
def test_faults_of_one_gate_change_one_gate(kind: str) -> None:
    for number in range(40):
        made = checked(spoil(ALU.aig.to_aiger(), kind, number), ALU)
        apart = [pair for pair in zip(made.ands, ALU.aig.ands, strict=True) if set(pair[0]) != set(pair[1])]
        assert len(apart) <= 1
        assert made.outputs == ALU.aig.outputs
        assert len(set(apart[0][0]) & set(apart[0][1])) <= 1 if apart else kind == "exchanged"


def test_one_pattern_is_wrong_for_one_pattern() -> None:
    small = Circuit(name="adder3", kind="adder", numbers={"bits": 3})
    stimuli = [sum(1 << row for row in range(64) if row >> place & 1) for place in range(6)]
    for number in range(5):
        made = checked(spoil(small.aig.to_aiger(), "one-pattern", number), small)
        mask = (1 << 64) - 1
        pairs = zip(small.aig.simulate(stimuli, mask), made.simulate(stimuli, mask), strict=True)
        assert sum((one ^ other).bit_count() for one, other in pairs) == 1
    refute(WIDE, checked(spoil(WIDE.aig.to_aiger(), "one-pattern", 3), WIDE))


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("cut", "no_circuit"),
        ("latch", "no_circuit"),
        ("undriven", "no_circuit"),
        ("words", "no_circuit"),
        ("output-less", "ports_changed"),
        ("input-more", "ports_changed"),
    ],
)
def test_what_has_another_form_is_not_read(kind: str, reason: str) -> None:
    for circuit in (ALU, WIDE):
        with pytest.raises(Refused) as refused:
            checked(spoil(circuit.aig.to_aiger(), kind, 0), circuit)
        assert refused.value.reason == reason


@needs_abc
@pytest.mark.box
def test_impostors_are_refused_and_honest_recipes_admitted(box: Sandbox, small: RecipeSettings) -> None:
    task = find_task("recipe-adp")
    evaluator = RecipeEvaluator(box)
    honest, impostors = evaluator.honest_programs(task), evaluator.impostors(task)
    most = max(read_settings(task).training, key=lambda one: len(one.aig.outputs))
    settings = small.model_copy(update={"training": (*small.training, most)})

    async def run() -> Sequence[AdmissionCheck]:
        return await admit(RecipeChecker(box, settings, {}), honest[:2], impostors)

    checks = {check.name: check for check in asyncio.run(run())}
    assert [name for name, check in checks.items() if not check.held] == []
    said = {name: (check.stage, check.outcome) for name, check in checks.items()}
    assert said["one-pattern"] == ("prove", "not_equivalent (not by simulation)")
    for name in ("abc-swappos-N1", "abc-permute-S7-i", "abc-zeropo-N0", "forged", "zeros", "copied"):
        assert said[name] == ("prove", "not_equivalent (and by simulation)"), name
    for name in ("abc-orpos", "abc-cone-O0", "abc-frames-F2"):
        assert said[name] == ("read", "ports_changed"), name
    assert all(said[name] == ("parse", "not_allowed") for name in ("reads", "writes", "shell", "proves", "renames"))


@needs_abc
@pytest.mark.box
def test_faults_are_caught_by_the_proof_or_are_none(box: Sandbox, small: RecipeSettings) -> None:
    mutants = drawn(small, {"inverted", "exchanged", "dropped", "crossed", "one-pattern", "cut"}, 36)
    report = mutated(RecipeChecker(box, small, {}), mutants)
    fates = Counter(result.fate for result in report.results)
    assert set(fates) <= {MutantFate.CAUGHT, MutantFate.EQUIVALENT, MutantFate.DUPLICATE}, report.survivors
    assert fates[MutantFate.CAUGHT] >= 25
    caught = [result.why for result in report.results if result.fate is MutantFate.CAUGHT]
    assert any(why == "prove: not_equivalent (not by simulation)" for why in caught)
    assert not any("not by the proof" in why for why in caught)


@needs_abc
@pytest.mark.box
def test_a_gate_without_a_proof_has_survivors(box: Sandbox, small: RecipeSettings) -> None:
    """What a sample of patterns does not find would get a number, were the proof left out."""

    async def believe(pairs: Sequence[tuple[Circuit, Aig]]) -> None:
        return None

    def wave_through(circuit: Circuit, made: Aig) -> None:
        return None

    wide = small.model_copy(update={"training": tuple(one for one in small.training if one.name == "adder20")})
    mutants = drawn(wide, {"one-pattern"}, 3)
    survived = mutated(RecipeChecker(box, wide, {}, prove=believe), mutants)
    assert {one.fate for one in survived.results} == {MutantFate.SURVIVED}
    narrow = small.model_copy(update={"training": tuple(one for one in small.training if one.name == "table1")})
    gross = drawn(narrow, {"swapped"}, 2)
    blind = mutated(RecipeChecker(box, narrow, {}, prove=believe, simulate=wave_through), gross)
    assert {one.fate for one in blind.results} == {MutantFate.SURVIVED}
    simulated = mutated(RecipeChecker(box, narrow, {}, prove=believe), gross)
    assert {one.why for one in simulated.results} == {"simulate: not_equivalent (not by the proof)"}


@needs_abc
@pytest.mark.box
def test_equality_is_found_by_trying_all_patterns(box: Sandbox, small: RecipeSettings) -> None:
    checker = RecipeChecker(box, small, {})
    same = Tampering("alu4", fault="crossed", number=0)

    def proof(one: str, other: str) -> str:
        return asyncio.run(checker.prove_equal(one, other))

    assert proof("dch\n", "# the same\ndch\n") == "both are read as one recipe"
    assert proof("dch\n", f"dch\n{same.line}") == ""
    assert proof("dch\n", "cec\n") == ""
    assert proof("balance\n", "balance\nbalance\n") == "our own simulation finds the same on all patterns"
    assert proof("balance\n", "dch\n") == "", "adder20 has too many patterns to try"


@needs_abc
@pytest.mark.box
@pytest.mark.slow
@pytest.mark.parametrize("name", ["recipe-adp", "recipe-lut6"])
def test_all_mutants_of_a_shipped_task_are_caught_or_proved_the_same(box: Sandbox, name: str) -> None:
    task = find_task(name)
    evaluator = RecipeEvaluator(box)

    async def run() -> MutationReport:
        async with evaluator.open_checker(task, {}, seed=5) as checker:
            honest = evaluator.honest_programs(task)
            mutants = draw_mutants(honest, evaluator.mutator(task), seed=5)
            return await MutationTest(checker, honest, seed=5).run(mutants, wanted=200)

    report = asyncio.run(run())
    assert report.score == 1.0, report.survivors[:3]
    assert report.counted == 200
    assert not any("not by the proof" in result.why for result in report.results)
