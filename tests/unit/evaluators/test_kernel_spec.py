"""Settings, hidden shapes, parameters and flags: what is accepted and how the rest is named."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluators.kernels.build import BuildFailure, check_source, compiler_flags, parse_flags
from evaluators.kernels.evaluator import KernelEvaluator
from evaluators.kernels.spec import primary_dims, read_hidden, read_settings
from nightforge.catalogue import load_task
from nightforge.domain.task import Task
from nightforge.errors import UserError
from sandbox.bubblewrap import BubblewrapSandbox

Shipped = Callable[[str], Task]


@pytest.fixture
def edited(shipped: Shipped, tmp_path: Path) -> Callable[[str, str, str], Task]:
    """A copy of softmax-long with one text replaced in one file."""

    def edit(name: str, old: str, new: str) -> Task:
        folder = tmp_path / "softmax-long"
        shutil.copytree(shipped("softmax-long").root, folder)
        text = (folder / name).read_text(encoding="utf-8")
        assert old in text
        (folder / name).write_text(text.replace(old, new), encoding="utf-8")
        return load_task(folder)

    return edit


@pytest.mark.parametrize("name", ["softmax-long", "axpy"])
def test_the_shipped_tasks_are_valid(shipped: Shipped, name: str) -> None:
    KernelEvaluator(BubblewrapSandbox()).check_task(shipped(name))


@pytest.mark.parametrize("name", ["softmax-long", "axpy"])
def test_hidden_shapes_are_not_public_ones_and_not_in_what_agents_see(shipped: Shipped, name: str) -> None:
    task = shipped(name)
    settings, hidden = read_settings(task), read_hidden(task)
    public = [settings.primary, *settings.smoke, *settings.correctness]
    for shape in (*hidden.correctness, *hidden.timed):
        assert shape not in public or shape["n"] < 10
        if shape["n"] > 100:
            assert str(shape["n"]) not in task.read(task.brief) + task.read("task.toml")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('reference = "c-fast"', 'reference = "c-quick"', "c-quick"),
        ('clock = "cpu_ms"', 'clock = "device_ms"', "device_ms"),
        ('kind = "output"', 'kind = "input"', "no argument is an output"),
        ('roof = "roof.c"', 'roof = "cellar.c"', "cellar.c"),
        ("smoke = [{ n = 1 }", "smoke = [{ m = 1 }", "lacks one of the dimensions"),
        ('symbol = "nf_kernel"', 'simbol = "nf_kernel"', "simbol"),
        ('name = "quick"', 'name = "quicker"', "quicker"),
        ('name = "threads"', 'name = "strands"', "threads"),
        ("default = 1\nchoices = [1]", "default = 2\nchoices = [1, 2]", "whole numbers"),
        ('language = "c"', 'language = "rust"', "rust"),
    ],
)
def test_a_bad_task_is_refused_by_name(edited: Callable[[str, str, str], Task], old: str, new: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        KernelEvaluator(BubblewrapSandbox()).check_task(edited("task.toml", old, new))


def test_a_broken_hidden_file_is_named(edited: Callable[[str, str, str], Task]) -> None:
    with pytest.raises(UserError) as caught:
        read_hidden(edited("hidden.toml", "correctness", "correct"))
    assert "hidden.toml" in caught.value.where


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("correctness = [{ m = 3 }]", "lacks"),
        ("correctness = [{ n = 3 }]\ndrawn = { m = [1, 5] }", "lacks"),
        ("correctness = [{ n = 3 }]\ndrawn = { n = [7, 5] }", "above"),
        ("correctness = [{ n = 3 }]\ndrawn = { n = [0, 5] }", "greater"),
    ],
)
def test_hidden_shapes_without_the_tasks_dimensions_are_refused(
    edited: Callable[[str, str, str], Task], shipped: Shipped, text: str, words: str
) -> None:
    whole = (shipped("softmax-long").root / "hidden.toml").read_text(encoding="utf-8")
    with pytest.raises(UserError, match=words) as caught:
        KernelEvaluator(BubblewrapSandbox()).check_task(edited("hidden.toml", whole, text))
    assert "hidden.toml" in caught.value.where


@pytest.mark.parametrize("name", ["softmax-long", "axpy"])
def test_each_confirmation_draws_shapes_of_its_own(shipped: Shipped, name: str) -> None:
    hidden = read_hidden(shipped(name))
    drawn = [hidden.draw(seed) for seed in range(40)]
    assert all(len(shapes) == 3 for shapes in drawn)
    sizes = [shape["n"] for shapes in drawn for shape in shapes]
    assert all(1 <= size <= 1_000_000 for size in sizes)
    assert len({size for size in sizes if size > 1000}) > 40
    assert sum(size < 1000 for size in sizes) > 40
    assert hidden.draw(7) == hidden.draw(7)


def test_parameters_choose_the_timed_shape(shipped: Shipped) -> None:
    task = shipped("softmax-long")
    settings = read_settings(task)
    assert primary_dims(settings, task, {"n": 16777216, "threads": 1}) == {"n": 16777216}


@pytest.mark.parametrize(
    ("parameters", "words"),
    [({"n": 5}, "n = 5"), ({"threads": 2}, "threads = 2"), ({"dtype": "float64"}, "float64"), ({"rows": 2}, "rows")],
)
def test_what_is_not_on_offer_is_refused(shipped: Shipped, parameters: dict[str, int | str], words: str) -> None:
    task = shipped("softmax-long")
    with pytest.raises(UserError, match=words):
        primary_dims(read_settings(task), task, parameters)


def test_flags_come_from_the_list_only() -> None:
    assert parse_flags("// nf-flags: fast-math vec512\n") == ("fast-math", "vec512")
    assert parse_flags("/* text */\n/* nf-flags: unroll */\nint x;") == ("unroll",)
    assert parse_flags("int nf_kernel(void);") == ()
    assert isinstance(parse_flags("// nf-flags: -fplugin=/tmp/x.so"), BuildFailure)
    assert "-ffast-math" in compiler_flags("// nf-flags: fast-math\n")


def test_a_flag_said_often_counts_once() -> None:
    """Else a header line fills the command line, and the box cannot start: a fault that looks like ours."""
    assert parse_flags("// nf-flags:" + " unroll fast-math" * 20_000) == ("unroll", "fast-math")


def test_a_tunable_of_the_flags_is_not_taken_for_the_flags() -> None:
    source = "// nf-flags: vec256\n// nf: tune nf-flags in {fast-math, vec512}\n"
    assert parse_flags(source) == ("vec256",)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("int nf_kernel;" + " " * 300_000, "too_long"),
        ("int nf_kernel;\0", "not_text"),
        ("int nf_kernel; // \ud800", "not_text"),
        ("int main(void) { return 0; }", "no_symbol"),
        ("// nf-flags: turbo\nint nf_kernel;", "unknown_flag"),
    ],
)
def test_sources_that_need_no_compiler_to_be_refused(source: str, reason: str) -> None:
    failure = check_source(source, "nf_kernel")
    assert failure is not None
    assert failure.reason == reason
