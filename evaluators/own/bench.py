"""Boxes for a user's commands: what lies in them, how a command is started, and what comes back.

Every command runs in a box of its own: no network, the tree unpacked in private memory, mounts read-only. What a build
leaves goes on as an archive that only boxes open. Before each command the user's own files are laid over it again, so
that a build cannot change a test or a benchmark for those that follow.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluators.own.spec import SEED_WORD, OwnSettings, wall_s
from evaluators.own.tree import Snapshot
from nightforge.domain.limits import ExecResult
from nightforge.domain.ports import Sandbox
from nightforge.domain.task import Task
from nightforge.errors import UserError

SHELL = "/bin/sh"
BUILT = "built.tar"
ANSWER = "answer"
SEED_VARIABLE = "NF_SEED"
ANSWER_VARIABLE = "NF_ANSWER"
FRAME_BYTES = 12
NO_FILE = "9" * FRAME_BYTES
_SYSTEM_PATH = "/usr/bin:/bin:/usr/local/bin"
_IMAGE_PATH = "/usr/local/bin:/usr/bin:/bin"
"""Images install what they are made for in /usr/local."""
_WRAPPED = 124


@dataclass(frozen=True)
class Staged:
    """A program's files as an archive, and what its build left (None before, or where nothing is built)."""

    packed: bytes
    built: bytes | None = None


class Bench:
    """Runs the commands of one task. UserError when it is made names an environment that is none."""

    def __init__(self, sandbox: Sandbox, task: Task, settings: OwnSettings, snapshot: Snapshot) -> None:
        self.sandbox = sandbox
        self.task = task
        self.settings = settings
        self.snapshot = snapshot
        self._mounts, self._preparation = _mounts(task, settings)

    def files(self, staged: Staged, more: Mapping[str, bytes] | None = None) -> dict[str, bytes | Path]:
        found: dict[str, bytes | Path] = {"tree.tar": self.snapshot.packed, "program.tar": staged.packed}
        if staged.built is not None:
            found[BUILT] = staged.built
        return {**found, **self._mounts, **(more or {})}

    def script(
        self, command: str, *, seed: int | None = None, keep: bool = False, before: str = "", framed: bool = False
    ) -> str:
        """A shell script that unpacks, prepares and runs one command in the tree; its exit code is the command's.

        `framed`: what is printed, and each file of the answer, comes with its length before it (`FRAME_BYTES` digits);
        a file that was not written has the length `NO_FILE`.
        """
        ending = "exit $code"
        if framed:
            ending = "\n".join([*self._sending(), ending])
        if keep:
            # An archive that does not fit is a failed build, and is told by its exit code.
            ending = f"[ $code -eq 0 ] && {{ tar cf /box/{BUILT} . || exit {_WRAPPED}; }}; exit $code"
        exported = {
            "PATH": self._path(),
            "HOME": "/box/home",
            "PYTHONPATH": ":".join(f"/box/work/{path}".removesuffix("/.") for path in self.settings.python_path),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "0",
            **({SEED_VARIABLE: str(seed)} if seed is not None else {}),
            **self.settings.environment,
        }
        lines = [
            "mkdir -p /box/work /box/home && cd /box/work || exit 125",
            f"for one in /job/{BUILT} /job/tree.tar /job/program.tar; do",
            '  if [ -f "$one" ]; then tar xf "$one" --no-same-owner || exit 125; fi',
            "done",
            *self._preparation,
            *(f"export {name}={shlex.quote(value)}" for name, value in exported.items()),
            *([before] if before else []),
            f"{SHELL} -c {shlex.quote(with_seed(command, seed))}" + (" < /dev/null > /box/printed" if framed else ""),
            "code=$?",
            ending,
        ]
        return "\n".join(lines) + "\n"

    def _path(self) -> str:
        first = ["/box/python/bin"] if self.settings.interpreter else []
        system = _IMAGE_PATH if self.settings.image else _SYSTEM_PATH
        return ":".join([*first, *(f"/box/work/{folder}" for folder in self.settings.path), system])

    def _sending(self) -> list[str]:
        names = ["/box/printed", *map(shlex.quote, self.settings.measure.answers)]
        return [
            "exec 3>&-",
            f"for one in {' '.join(names)}; do",
            '  if [ -f "$one" ] && [ ! -h "$one" ]; then',
            f'    printf \'%0{FRAME_BYTES}d\' $(wc -c < "$one"); cat "$one"',
            f"  else printf '%s' {NO_FILE}; fi",
            "done",
        ]

    async def run(
        self,
        command: str,
        staged: Staged,
        *,
        stage: str,
        seed: int | None = None,
        keep: bool = False,
        outputs: Sequence[str] = (),
        more: Mapping[str, bytes] | None = None,
        at_most_s: float | None = None,
        before: str = "",
    ) -> ExecResult:
        """One command in a fresh box, under the limits of `stage`. Files asked for come back under their own names."""
        limit_s = wall_s(self.task, stage)
        script = self.script(command, seed=seed, keep=keep, before=before)
        result = await self.sandbox.run(
            [SHELL, "/job/stage.sh"],
            files=self.files(staged, {"stage.sh": script.encode(), **(more or {})}),
            limits=self.settings.limits(limit_s if at_most_s is None else min(limit_s, at_most_s)),
            outputs=[*(f"work/{name}" for name in outputs), *([BUILT] if keep else [])],
        )
        came = {name.removeprefix("work/"): data for name, data in result.outputs.items()}
        return result.model_copy(update={"outputs": came})


def with_seed(command: str, seed: int | None) -> str:
    return command if seed is None else command.replace(SEED_WORD, str(seed))


def _mounts(task: Task, settings: OwnSettings) -> tuple[dict[str, Path], list[str]]:
    """Name below /job → host path, and the lines that put each where the commands look for it."""
    mounts: dict[str, Path] = {}
    lines: list[str] = []
    for number, (place, source) in enumerate(settings.mounts.items()):
        mounts[f"mounts/{number}"] = (task.root / source).resolve()
        target = shlex.quote(place)
        lines.append(f'mkdir -p "$(dirname {target})" && rm -rf {target} && ln -s /job/mounts/{number} {target}')
    if settings.interpreter:
        more, steps = _interpreter(task.root / settings.interpreter)
        mounts |= more
        lines += steps
    return mounts, lines


def _interpreter(folder: Path) -> tuple[dict[str, Path], list[str]]:
    """The environment as a folder of links in the box: its packages where they are, its interpreter where that is.

    Scripts of `bin` are not taken: they name their interpreter by a path that does not exist in there.
    """
    python = folder / "bin" / "python"
    packages = sorted((folder / "lib").glob("python3*"))
    if not python.exists() or not packages:
        raise UserError(
            "is no Python environment: no bin/python, or no lib/python3*",
            where=str(folder),
            hint="name the folder that `python -m venv` made",
        )
    version = packages[-1].name
    real = Path(os.path.realpath(python))
    mounts = {"environment": packages[-1].resolve()}
    home = real.parent
    if not real.is_relative_to("/usr"):
        mounts["base"] = real.parent.parent
        home = Path("/job/base/bin")
    return mounts, [
        "mkdir -p /box/python/bin /box/python/lib",
        f"printf 'home = {home}\\ninclude-system-site-packages = false\\n' > /box/python/pyvenv.cfg",
        f"ln -s /job/environment /box/python/lib/{version}",
        f"for one in python python3 {version}; do ln -s {home}/{real.name} /box/python/bin/$one; done",
        "export VIRTUAL_ENV=/box/python",
    ]
