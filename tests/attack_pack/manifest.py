"""The list of attacks: which program, with what arguments and limits, and by what an outsider sees that it worked."""

from __future__ import annotations

import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

FOLDER = Path(__file__).parent.parent / "hostile" / "sandbox"
PROGRAMS = FOLDER / "attacks"
MANIFEST = FOLDER / "pack.toml"
SUFFIXES = (".py", ".c", ".sh")


class Effect(StrEnum):
    """What the observer measures. An attack works when its effect is seen, whatever the program says of itself."""

    PROCESSES = "processes"
    """More than `above` of its processes lived at once."""
    MEMORY = "memory"
    """Its processes and the machine's shared memory grew by more than `above` MiB."""
    WRITTEN = "written"
    """More than `above` MiB were written to any file system that it can write."""
    INODES = "inodes"
    """More than `above` files were made there."""
    OUTPUT = "output"
    """The platform took more than `above` bytes of output."""
    LATE = "late"
    """The platform had no result `above` seconds after the start."""
    SURVIVES = "survives"
    """A process of it lived on when the platform had its result."""
    SECRET = "secret"
    """A planted secret came out by any way."""
    KNOCK = "knock"
    """A listener of the host was reached."""
    CHANGED = "changed"
    """A file of the host was changed, made or removed."""
    VICTIM = "victim"
    """The platform or a bystander died, was stopped or traced."""
    TERMINAL = "terminal"
    """Characters were put into the terminal's input."""
    SHOWN = "shown"
    """A control sequence of it reached the terminal."""
    MARKUP = "markup"
    """`pattern` stands unescaped on the page."""
    CLOCK = "clock"
    """The machine's clock was set."""
    HOLDS = "holds"
    """A process of it held a descriptor whose link contains `pattern`."""
    NAMESPACE = "namespace"
    """A process of it got into a user or mount namespace of its own making."""
    ROOT = "root"
    """A process of it ran as root in the eyes of where it is, or with capabilities."""
    RLIMIT = "rlimit"
    """A process of it raised its limit of open files above `above`."""
    PRIORITY = "priority"
    """A process of it got a priority above the ordinary."""
    NODE = "node"
    """A device node was made, or a set-uid file survives on the host."""
    RAW = "raw"
    """It held a raw or packet socket."""
    KEYS = "keys"
    """A key of it lay in the kernel's keyring."""
    LEFTOVER = "leftover"
    """Its files lay on the host when the platform had cleaned up."""
    ACCEPTED = "accepted"
    """The platform took the forged result for a good one."""
    CRASHED = "crashed"
    """The platform raised an error instead of giving a result."""


class Attack(BaseModel):
    """One row of the manifest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    effect: Effect
    held_by: str
    """The layer that holds it, in a few words."""
    above: float = 0.0
    pattern: str = ""
    arguments: tuple[str, ...] = ()
    """Words with {nonce}-like places; see `observe.places`."""
    wall_s: Annotated[float, Field(gt=0)] = 3.0
    cpu_s: Annotated[int, Field(gt=0)] = 4
    processes: int = 48
    memory_mib: int = 96
    writable_mib: int = 24
    inodes: int = 1024
    output_bytes: int = 100_000
    stdin: str = ""
    outputs: tuple[str, ...] = ()
    collect: str = ""
    """How the platform reads the result: see `collectors`. Empty: it takes none."""
    victim_first: bool = False
    """Run the program once as the victim (first argument `victim`) before, and once as the attacker."""
    victim_beside: bool = False
    """Keep it running as the victim in a run of its own while the attacker runs."""
    control_as_root: bool = False
    """The bare control needs root, as in a container that runs as root."""
    slow: bool = False
    """Left out of the quick pass."""

    @property
    def program(self) -> Path:
        for suffix in SUFFIXES:
            path = PROGRAMS / f"{self.name}{suffix}"
            if path.is_file():
                return path
        raise FileNotFoundError(PROGRAMS / self.name)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.victim_first and self.victim_beside:
            raise ValueError(f"{self.name}: a victim runs before or beside, not both")
        if (self.effect in {Effect.HOLDS, Effect.MARKUP}) != bool(self.pattern):
            raise ValueError(f"{self.name}: `pattern` goes with the effects `holds` and `markup`")
        return self


def load_attacks(names: frozenset[str] | None = None) -> tuple[Attack, ...]:
    """All attacks in order, or the named ones; raises KeyError for a name that is not there."""
    rows = tomllib.loads(MANIFEST.read_text(encoding="utf-8"))["attack"]
    attacks = tuple(Attack.model_validate(row) for row in rows)
    if names is None:
        return attacks
    unknown = names - {attack.name for attack in attacks}
    if unknown:
        raise KeyError(f"no attack is called {', '.join(sorted(unknown))}")
    return tuple(attack for attack in attacks if attack.name in names)
