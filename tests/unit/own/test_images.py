"""A task that names a container image runs in it, whatever tier the others run in; skipped where no daemon answers."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from own_trees import MakeTask

from evaluators.own.evaluator import OwnEvaluator
from nightforge.domain.words import Phase, SandboxTier
from nightforge.errors import NightforgeError, SandboxUnavailable
from sandbox.docker_engine import Engine
from sandbox.images import build_from
from sandbox.platform import require_tool
from sandbox.probe import open_sandbox

pytestmark = pytest.mark.box

BASE = "nightforge-test-base:1"
TOOLS = (
    *("sh", "tar", "mkdir", "dirname", "rm", "ln", "wc", "cat", "head", "true", "prlimit"),
    *("tr", "cut", "sort", "sed", "tail", "touch", "stat", "grep", "test"),
)
SLOW = "at=0\nwhile [ $at -lt 20000 ]; do at=$((at + 1)); done\nonly-in-the-image $1\n"
FAST = "only-in-the-image $1\n"


def base_image(tools: Sequence[str] = TOOLS) -> bytes:
    """A tree with a shell, a few tools, and one program that this machine does not have."""
    buffer, libraries = io.BytesIO(), set[str]()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for folder in ("usr", "usr/bin", "usr/local", "usr/local/bin", "tmp", "etc", "proc"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)
        for name in tools:
            program = require_tool(name).resolve()
            archive.add(program, arcname=f"usr/bin/{name}")
            said = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=True).stdout
            libraries |= {word for word in said.split() if word.startswith("/")}
        for library in sorted(libraries):
            archive.add(Path(library).resolve(), arcname=library.lstrip("/"))
        link = tarfile.TarInfo("bin")
        link.type, link.linkname = tarfile.SYMTYPE, "usr/bin"
        archive.addfile(link)
        content = b'#!/bin/sh\necho "seed $1"\n'
        entry = tarfile.TarInfo("usr/local/bin/only-in-the-image")
        entry.size, entry.mode = len(content), 0o4755
        archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


@pytest.fixture
def image() -> Iterator[str]:
    engine = Engine()
    try:
        engine.check()
        tree = base_image()
        engine.call(
            "import", lambda c: c.import_image_from_data(tree, repository=BASE.split(":")[0], tag="1"), timeout_s=60.0
        )
        made = build_from(engine, BASE)
    except NightforgeError as error:
        pytest.skip(str(error))
    yield made
    for name in (made, BASE):
        engine.call("remove", lambda c, name=name: c.remove_image(name, force=True))  # type: ignore[misc]


MEASURE = {"kind": "time", "command": "sh work.sh {seed}", "metric": "cpu_s", "unit": "s"}


@pytest.mark.slow  # a container per command
async def test_a_task_is_measured_in_its_image(make_task: MakeTask, image: str) -> None:
    task = make_task({"work.sh": SLOW}, evolve=("work.sh",), measure=MEASURE, image=image)
    evaluator = OwnEvaluator(open_sandbox())
    source = task.read(task.seed).replace(SLOW, FAST)
    evidence = await evaluator.evaluate(source, task, {}, seed=3, phase=Phase.SEARCH)
    assert evidence.failure is None
    assert evidence.tier is SandboxTier.DOCKER
    assert evidence.metrics["gain"].value > 1.5
    outside = make_task({"work.sh": SLOW}, evolve=("work.sh",), measure=MEASURE)
    failed = await OwnEvaluator(open_sandbox()).remarks(outside, {}, seed=3, say=lambda _: None)
    assert "only-in-the-image" in [one for one in failed if one.level == "bad"][-1].said


async def test_an_image_that_is_not_there_is_named_with_the_way_to_make_one(make_task: MakeTask) -> None:
    task = make_task({"work.sh": SLOW}, evolve=("work.sh",), measure=MEASURE, image="nobody/has-this:9")
    with pytest.raises(SandboxUnavailable) as raised:
        await OwnEvaluator(open_sandbox()).evaluate(task.read(task.seed), task, {}, seed=3, phase=Phase.SEARCH)
    assert "docker" in str(raised.value)
