"""Programs that a user's commands call and that a box does not see: where they lie, and how they come into it.

A box shows this machine's /usr and nothing of a home. A toolchain elsewhere (rustup's below `~/.rustup`, one unpacked
in /opt) becomes a read-only mount whose programs come first; what cannot be mounted is said, with what to do.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nightforge.errors import PrerequisiteMissing, SandboxFault
from sandbox.platform import run_tool
from sandbox.staging import box_can_read

PLACE = ".toolchain"
"""In the tree as boxes see it: toolchains stand below."""
_SYSTEM = ("/usr/bin", "/bin", "/usr/local/bin")
_RUST = frozenset({"cargo", "rustc"})
_OF_PYTHON = frozenset({"pip", "pip3", "pytest", "poetry", "uv", "tox", "nox"})
_NOT_FIRST = re.compile(r"[A-Za-z_]\w*=.*|if|then|else|elif|while|until|do|time|nice|env|exec|!|\{|\(")
_SYSROOT_S = 30.0


@dataclass
class Toolchains:
    """What commands need beside /usr. `mounts`: place in the tree → folder of this machine; `path`: folders in the
    tree with programs; `said`: for the person, what was found and what could not be mounted."""

    mounts: dict[str, str] = field(default_factory=dict)
    path: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def add(self, name: str, folder: Path, program: str) -> None:
        if not box_can_read(folder):
            # Run by root, a box becomes another user, to whom root's home is closed.
            self.said.append(
                f"{program} lies in {folder}, which a box cannot read, because it runs as another user: copy it out of "
                f"the private folder (cp -r {shlex.quote(str(folder))} /opt/{name}), then give "
                f"--mount {PLACE}/{name}=/opt/{name} --path {PLACE}/{name}/bin"
            )
            return
        self.mounts[f"{PLACE}/{name}"] = str(folder)
        self.path.append(f"{PLACE}/{name}/bin")
        self.said.append(f"{program} is taken from {folder}, read-only")


def needed(commands: Sequence[str], *, given: Sequence[Path] = (), tree: Path) -> Toolchains:
    """The toolchains of the programs that `commands` begin with; those in /usr and in the folders `given` are there."""
    found = Toolchains()
    for program in dict.fromkeys(name for command in commands for name in programs_of(command)):
        if any(os.access(folder / program, os.X_OK) for folder in (*map(Path, _SYSTEM), *given)):
            continue
        place = where_is(program)
        if place is None or place.is_relative_to(tree):
            continue
        if program in _RUST:
            folder = _sysroot(place)
            if f"{PLACE}/rust" not in found.mounts and folder is not None:
                found.add("rust", folder, program)
            continue
        real = place.resolve()
        if real.parent.name == "bin" and not real.is_relative_to(Path.home()) and real.parent.parent != Path("/"):
            found.add(real.parent.parent.name, real.parent.parent, program)
        else:
            found.said.append(unseen(program, place))
    return found


def unseen(program: str, place: Path | None) -> str:
    """Why a box does not find a program, and what to do about it."""
    if program == "python":
        return "python is not in a box: say `python3`, or give an environment with --python"
    if program in _OF_PYTHON:
        return (
            f"{program} is not in a box: give an environment that has it with --python, and call `python -m {program}`"
        )
    if program in _RUST and place is not None:
        said = f"{program} lies in {place.parent}"
        return f"{said}: `nightforge task init DIR … --force` mounts its toolchain, or says why not"
    where = "is not below /usr" if place is None else f"lies in {place.parent}, which a box does not see"
    return (
        f"{program} {where}: install it below /usr, or give the folder that has its bin, as "
        f"--mount {PLACE}/{program}=FOLDER --path {PLACE}/{program}/bin"
    )


def where_is(program: str) -> Path | None:
    """As the person's shell finds it, or where rustup puts it."""
    found = shutil.which(program)
    if found is None:
        found = shutil.which(program, path=str(Path.home() / ".cargo" / "bin"))
    return None if found is None else Path(found)


def programs_of(command: str) -> Iterator[str]:
    """First words of the simple commands in a shell line; nothing for what cannot be read as one."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars=";&|()\n")
    lexer.whitespace_split, lexer.commenters = True, ""
    is_first = True
    try:
        for word in lexer:
            if not word.strip(";&|()\n"):
                is_first = True
            elif is_first and not _NOT_FIRST.fullmatch(word):
                is_first = False
                if re.fullmatch(r"[\w.+-]+", word):
                    yield word
    except ValueError:
        return


def _sysroot(program: Path) -> Path | None:
    """The toolchain behind rustup's proxies, which need its settings and a home; a plain one's own folder."""
    compiler = program.with_name("rustc")
    try:
        result = run_tool([str(compiler), "--print", "sysroot"], timeout_s=_SYSROOT_S, environment=_rustup())
    except (PrerequisiteMissing, SandboxFault):
        return None
    folder = Path(result.stdout.decode(errors="replace").strip())
    return folder if result.ok and (folder / "bin" / "rustc").is_file() else None


def _rustup() -> Mapping[str, str]:
    names = ("RUSTUP_HOME", "CARGO_HOME", "RUSTUP_TOOLCHAIN")
    return {"HOME": str(Path.home()), **{name: os.environ[name] for name in names if name in os.environ}}
