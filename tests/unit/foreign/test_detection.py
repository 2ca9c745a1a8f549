"""Which contract a folder follows, read from its files alone: nothing of it is executed."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluators.foreign.config import PeerConfig, read_config
from evaluators.foreign.contract import Contract
from evaluators.foreign.detect import detect
from nightforge.errors import UserError

PEERS = Path(__file__).resolve().parents[2] / "peer_folders"
PROGRAM = "def f():\n    return 1\n"


def folder(path: Path, **files: str) -> Path:
    for name, content in files.items():
        (path / name.replace("__", ".")).write_text(content, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "contract", "evaluator", "seed", "cascade"),
    [
        ("curve", Contract.PATHS, "evaluator.py", "initial_program.py", ("evaluate_stage1", "evaluate_stage2")),
        ("moody", Contract.PATHS, "evaluator.py", "initial_program.py", ()),
        ("sums_shinka", Contract.SHINKA, "evaluate.py", "initial.py", ()),
        ("text_function", Contract.FUNCTION, "score.py", "SEED_CODE in score.py", ()),
        ("rule_class", Contract.CLASS, "evaluation.py", "template_program of Packing", ()),
    ],
)
def test_each_contract_is_recognised(
    name: str, contract: Contract, evaluator: str, seed: str, cascade: tuple[str, ...]
) -> None:
    found = detect(PEERS / name)
    assert found is not None
    assert (found.contract, found.evaluator, found.seed, found.cascade) == (contract, evaluator, seed, cascade)
    assert found.language == "python"
    assert found.contract.engine in found.describe()[0]


def test_what_the_configuration_says_of_evaluation_is_taken_and_the_rest_named() -> None:
    found = detect(PEERS / "curve")
    assert found is not None
    assert (found.config.timeout_s, found.config.iterations, found.thresholds) == (20.0, 12, (0.05,))
    assert found.features == ("smoothness", "colour")
    assert found.words == "Fit a parabola."
    assert any("diversity" in note for note in found.notes)
    assert any("llm" in note for note in found.notes)


def test_a_time_limit_and_a_message_of_shinka_are_read_from_its_run_script() -> None:
    found = detect(PEERS / "sums_shinka")
    assert found is not None
    assert found.config.timeout_s == 30.0
    assert found.words == "Make the sum large, and no more than a hundred."


def test_the_function_of_a_class_is_the_last_of_its_template() -> None:
    found = detect(PEERS / "rule_class")
    assert found is not None
    assert (found.class_name, found.function) == ("Packing", "priority")
    assert found.words == "Pack items into bins of 10."


def test_detection_executes_nothing(tmp_path: Path) -> None:
    trap = "import pathlib\npathlib.Path('trap').touch()\nraise SystemExit(9)\n"
    place = folder(
        tmp_path, evaluator__py=f"{trap}def evaluate(program_path):\n    return {{}}\n", initial_program__py=trap
    )
    assert detect(place) is not None
    assert not (tmp_path / "trap").exists()


@pytest.mark.parametrize(
    "content", ["", "x = 1\n", "def measure(a):\n    return a\n", "def evaluate():\n    return 1\n"]
)
def test_a_folder_of_something_else_is_nothing_known(tmp_path: Path, content: str) -> None:
    assert detect(folder(tmp_path, evaluator__py=content)) is None


def test_a_missing_folder_and_an_empty_one_are_nothing_known(tmp_path: Path) -> None:
    assert detect(tmp_path / "nowhere") is None
    assert detect(tmp_path) is None


@pytest.mark.parametrize("content", ["def evaluate(:\n", "\0", "x" * 10])
def test_an_evaluator_that_is_no_python_is_nothing_known(tmp_path: Path, content: str) -> None:
    assert detect(folder(tmp_path, evaluator__py=content, initial_program__py=PROGRAM)) is None


def test_an_evaluator_without_a_program_to_start_from_is_refused_with_the_names_looked_for(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no first program") as caught:
        detect(folder(tmp_path, evaluator__py="def evaluate(program_path):\n    return {}\n"))
    assert "initial_program.*" in caught.value.what


def test_a_folder_of_programs_is_refused_and_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "initial_program").mkdir()
    with pytest.raises(UserError, match="several files") as caught:
        detect(folder(tmp_path, evaluator__py="def evaluate(program_path):\n    return {}\n"))
    assert "task init" in caught.value.hint


def test_a_function_that_wants_an_example_is_refused_and_the_wrapper_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="example") as caught:
        detect(folder(tmp_path, main__py="def evaluate(candidate, example):\n    return 1\n", initial__py=PROGRAM))
    assert "def evaluate(candidate)" in caught.value.hint


def test_a_candidate_in_a_dictionary_keeps_its_key(tmp_path: Path) -> None:
    code = 'SEED = "def f(): pass"\nseed_candidate = {"rule": SEED}\n\n\ndef evaluate(candidate):\n    return 1\n'
    found = detect(folder(tmp_path, main__py=code))
    assert found is not None
    assert (found.candidate_key, found.source) == ("rule", "def f(): pass")


def test_an_evaluator_whose_function_takes_a_text_is_no_path_contract(tmp_path: Path) -> None:
    found = detect(folder(tmp_path, evaluator__py="def evaluate(candidate):\n    return 1\n", seed__py=PROGRAM))
    assert found is not None
    assert found.contract is Contract.FUNCTION


def test_the_suffix_of_the_configuration_chooses_among_programs(tmp_path: Path) -> None:
    place = folder(
        tmp_path,
        evaluator__py="def evaluate(program_path):\n    return {}\n",
        initial_program__py=PROGRAM,
        initial_program__rs="fn main() {}\n",
        config__yaml="file_suffix: .rs\n",
    )
    found = detect(place)
    assert found is not None
    assert (found.seed, found.language) == ("initial_program.rs", "rust")


def test_a_first_program_that_is_no_text_is_refused(tmp_path: Path) -> None:
    folder(tmp_path, evaluator__py="def evaluate(program_path):\n    return {}\n")
    (tmp_path / "initial_program.py").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="cannot be read as text"):
        detect(tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "is no YAML"),
        ("- 1\n- 2\n", "no table"),
        ("evaluator:\n  timeout: soon\n", "timeout"),
        ("evaluator:\n  cascade_thresholds: [0.5, .nan]\n", "cascade_thresholds"),
        ("!!python/object/apply:os.system ['touch trap']\n", "is no YAML"),
    ],
)
def test_a_bad_configuration_is_named_with_its_field(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=words) as caught:
        read_config(path)
    assert str(path) in caught.value.where
    assert not (tmp_path / "trap").exists()


@pytest.mark.parametrize("text", ["", "evaluator: 3\n", "evaluator:\n  cascade_thresholds: none\n  timeout: -5\n"])
def test_what_a_configuration_leaves_out_is_the_engines_default(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    read = read_config(path)
    assert read.timeout_s == PeerConfig().timeout_s
    assert read.cascade


def test_a_cascade_with_a_gap_ends_before_it(tmp_path: Path) -> None:
    code = "def evaluate_stage1(p):\n    return {}\n\n\ndef evaluate_stage3(p):\n    return {}\n"
    found = detect(folder(tmp_path, evaluator__py=code, initial_program__py=PROGRAM))
    assert found is not None
    assert found.cascade == ("evaluate_stage1",)


def test_a_cascade_that_is_switched_off_is_not_run(tmp_path: Path) -> None:
    code = "def evaluate(p):\n    return {}\n\n\ndef evaluate_stage1(p):\n    return {}\n"
    off = "evaluator:\n  cascade_evaluation: false\n"
    found = detect(folder(tmp_path, evaluator__py=code, initial_program__py=PROGRAM, config__yaml=off))
    assert found is not None
    assert found.cascade == ()
