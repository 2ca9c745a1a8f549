"""Code of a person's own through the real program: from `task init` to a confirmed patch that git applies."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Protocol

import pytest

pytestmark = pytest.mark.box

MAKEFILE = """CFLAGS = -O1
bench: bench.c work.o table.o
\t$(CC) $(CFLAGS) -o $@ bench.c work.o table.o
test: bench
\t./bench 3 | grep -q "^sum"
"""
WORK = """/* nf: tune ROUNDS in {60, 1} */
#define ROUNDS 60
unsigned long table(unsigned long at);
unsigned long work(unsigned long n) {
    unsigned long sum = 0;
    for (int round = 0; round < ROUNDS; round++) {
        sum = 0;
        for (unsigned long i = 0; i < 20000; i++) sum += table(n + i) * i;
    }
    return sum;
}
"""
TABLE = "unsigned long table(unsigned long at) { return (at * 2654435761UL) >> 7; }\n"
BENCH = """#include <stdio.h>
#include <stdlib.h>
unsigned long work(unsigned long n);
int main(int argc, char **argv) {
    unsigned long sum = 0;
    for (int i = 0; i < 20; i++) sum += work(strtoul(argv[1], NULL, 10) + i);
    printf("sum %lu\\n", sum);
    return 0;
}
"""


class Ended(Protocol):
    code: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, object]]: ...


class Program(Protocol):
    home: Path

    def start(self, *arguments: str) -> subprocess.Popen[str]: ...
    def run(self, *arguments: str) -> Ended: ...


def git(tree: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=n", "-c", "user.email=e@example.org")
    return subprocess.run(["git", *identity, *arguments], cwd=tree, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A C program of three files below the top of a git repository."""
    place = tmp_path / "repository" / "fast code"
    place.mkdir(parents=True)
    for name, text in {"Makefile": MAKEFILE, "work.c": WORK, "table.c": TABLE, "bench.c": BENCH}.items():
        (place / name).write_text(text)
    git(place.parent, "init", "-q")
    git(place.parent, "add", "-A")
    git(place.parent, "commit", "-qm", "first")
    return place


def init(program: Program, tree: Path, *more: str) -> Ended:
    flags = ("--evolve", "work.c", "--evolve", "table.c", "--build", "make -s", "--check", "make -s test")
    return program.run("task", "init", str(tree), *flags, "--time", "./bench {seed}", "--seeds", "3", *more)


def state_of(program: Program, ref: str) -> object:
    (shown,) = program.run("show", ref, "--json").records
    return shown.get("state")


@pytest.mark.timeout(900)
def test_from_a_tree_to_a_confirmed_patch(program: Program, tree: Path) -> None:
    made = init(program, tree, "--hidden-seeds", "4")
    assert made.code == 0, made.err
    folder = tree / "nightforge"
    assert made.out.strip() == str(folder)
    night = program.start("run", str(tree), "--offline", "--evaluations", "6", "--yes", "--json")
    out, err = night.communicate(timeout=800)
    assert night.returncode == 0, err
    records = [json.loads(line) for line in out.splitlines()]
    campaign, done = str(records[0]["campaign_id"]), records[-1]
    assert done["improved"] is True
    confirmed = [number for number in range(1, 7) if state_of(program, f"{campaign}.{number}") == "confirmed"]
    best = next(
        number
        for number in confirmed
        if "+#define ROUNDS 1\n" in program.run("diff", f"{campaign}.{number}", "seed").out
    )
    patch = program.home.parent / "best.patch"
    exported = program.run("export", f"{campaign}.{best}", "--patch", str(patch))
    assert exported.code == 0, exported.err
    assert "it applies" in exported.err
    git(tree.parent, "apply", str(patch))
    assert git(tree.parent, "diff", "--name-only").split("\n")[0].strip('"') == "fast code/work.c"
    assert "#define ROUNDS 1\n" in (tree / "work.c").read_text()
    (tree / "work.c").write_text("int other;\n")
    again = program.run("export", f"{campaign}.{best}", "--patch", str(program.home.parent / "again.patch"))
    assert again.code == 2
    assert "does not apply" in again.err


def test_init_writes_nothing_but_the_folder_and_keeps_what_is_there(program: Program, tree: Path) -> None:
    assert init(program, tree).code == 0
    assert git(tree.parent, "status", "--porcelain").strip().strip('"') in {
        '?? "fast code/nightforge/',
        "?? fast code/nightforge/",
    }
    twice = init(program, tree)
    assert twice.code == 2
    assert "--force" in twice.err
    assert init(program, tree, "--force", "--name", "own-other").code == 0
    assert 'name = "own-other"' in (tree / "nightforge" / "task.toml").read_text()


@pytest.mark.parametrize(
    ("flags", "said", "hint"),
    [
        ((), "no file may change", "--evolve"),
        (("--evolve", "work.c"), "how is it measured", "--time CMD"),
        (("--evolve", "work.c", "--time", "./b", "--report", "./b"), "2 measures", "one of"),
        (("--evolve", "work.c", "--report", "./b"), "no name", "--metric"),
        (("--evolve", "work.c", "--answer", "./b", "--metric", "m"), "judge", "both"),
        (("--evolve", "absent.c", "--time", "./b"), "cannot be read", "a file of the tree"),
        (("--evolve", "../up.c", "--time", "./b"), "no plain path", "docs/own-code.md"),
        (("--evolve", "work.c:9-99", "--time", "./b"), "9-99", "count from 1"),
        (("--evolve", "work.c", "--time", "./b", "--constraint", "x=3"), "is no bound", "peak_mb<=64"),
        (("--evolve", "work.c", "--time", "./b", "--env", "A"), "NAME=VALUE", "--env"),
        (("--evolve", "work.c", "--time", "./b", "--name", "Bad Name"), "pattern", "docs/own-code.md"),
        (("--evolve", "work.c", "--report", "./b", "--metric", "m", "--pattern", "("), "regular", "docs/own-code.md"),
        (("--evolve", "program.bin", "--time", "./b"), "binary", "source"),
    ],
)
def test_bad_flags_are_named_with_their_mend(
    program: Program, tree: Path, flags: tuple[str, ...], said: str, hint: str
) -> None:
    (tree / "program.bin").write_bytes(b"\0\1")
    ended = program.run("task", "init", str(tree), *flags)
    assert ended.code == 2, ended.out
    assert said in ended.err
    assert hint in ended.err
    assert not (tree / "nightforge").exists()


def test_lines_of_a_file_become_a_block_that_a_patch_does_not_show(program: Program, tree: Path) -> None:
    ended = program.run("task", "init", str(tree), "--evolve", "work.c:6-9", "--time", "./bench {seed}", "--json")
    assert ended.code == 0, ended.err
    seed = (tree / "nightforge" / "seed.bundle").read_text()
    assert seed.count("(nightforge)") == 2
    assert "    // EVOLVE-BLOCK-START (nightforge)\n    for (int round" in seed
    assert ended.records[0]["name"] == "own-fast-code"


def test_a_folder_that_is_not_there(program: Program, tmp_path: Path) -> None:
    ended = program.run("task", "init", str(tmp_path / "absent"), "--evolve", "a", "--time", "b")
    assert ended.code == 7
    assert "no folder" in ended.err
    run = program.run("run", str(tmp_path / "absent"), "--offline", "--yes")
    assert run.code == 7
    assert "nothing at this path" in run.err
