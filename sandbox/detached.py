"""Platform processes that outlive the terminal: a campaign's watcher, the campaign that it watches, what keeps the
machine awake. Trusted programs of ours only; they keep the environment, whose keys the campaign needs.
"""

from __future__ import annotations

import getpass
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from nightforge.errors import PlatformFault
from sandbox.platform import SYSTEM_PATH, find_tool

RESTARTS_PER_HOUR = 5
FINAL_CODES = (2, 3, 4, 5, 6, 7, 130)
"""Exit codes that another start would not change."""


def own_command(*words: str) -> list[str]:
    """This program again. `-P`: the folder that a person happens to stand in shadows no module."""
    return [sys.executable, "-P", "-m", "nightforge", *words]


def systemd_command(unit: str, argv: Sequence[str], *, working_folder: Path, names: Sequence[str]) -> list[str]:
    """A user unit that is started again when it dies. `names` are variables whose values systemd takes over itself, so
    that no key stands on a command line."""
    properties = [
        "Restart=on-failure",
        "RestartSec=2",
        "StartLimitIntervalSec=3600",
        f"StartLimitBurst={RESTARTS_PER_HOUR + 1}",
        f"RestartPreventExitStatus={' '.join(str(code) for code in FINAL_CODES)}",
        "KillMode=mixed",
        f"WorkingDirectory={working_folder}",
    ]
    kept = [f"--setenv={name}" for name in names]
    settings = [word for setting in properties for word in ("--property", setting)]
    return ["systemd-run", "--user", "--collect", "--quiet", f"--unit={unit}", *settings, *kept, *argv]


def user_units_outlive_logout() -> bool:
    """A user manager of systemd runs, and lingers: without that it ends, and its units with it, at the logout."""
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
    try:
        lingers = Path("/var/lib/systemd/linger", getpass.getuser()).exists()
        return lingers and (runtime / "systemd" / "private").exists() and find_tool("systemd-run") is not None
    except (OSError, KeyError):
        return False


def start_detached(unit: str, argv: Sequence[str], log: Path) -> str:
    """Start `argv` away from this terminal; returns who looks after it: `systemd` or `process PID`.

    Raises PlatformFault when it cannot be started.
    """
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            if user_units_outlive_logout():
                names = [name for name in os.environ if name.startswith(("NIGHTFORGE_", "OPENAI_", "PYTHON", "PATH"))]
                wrapped = systemd_command(unit, argv, working_folder=Path.cwd(), names=names)
                if (
                    subprocess.run(
                        wrapped, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
                    ).returncode
                    == 0
                ):
                    return "systemd"
            with _hang_up_ignored():
                process = subprocess.Popen(
                    argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
                )
    except OSError as error:
        raise PlatformFault(
            f"it could not be started on its own: {error.strerror}", where=str(log), hint="start it without --detach"
        ) from error
    process.returncode = 0  # it is meant to outlive us: no warning that it runs on
    return f"process {process.pid}"


@contextmanager
def _hang_up_ignored() -> Iterator[None]:
    """What is started meanwhile inherits it: a closed terminal is no reason to end.

    Only the main thread can do so; what another one starts has a session of its own, and no terminal to lose.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


class Child:
    """A campaign's process below its watcher."""

    def __init__(self, argv: Sequence[str], log: Path) -> None:
        with log.open("ab") as output:
            # In a session of its own: what is sent to the watcher's group is the watcher's to pass on.
            self._process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait(self, timeout_s: float) -> int | None:
        """The exit code (negative for a signal), or None while it runs."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def tell(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            self._process.send_signal(number)


@contextmanager
def kept_awake(why: str, *, command: Callable[[str], Sequence[str] | None] | None = None) -> Iterator[bool]:
    """Ask the system not to sleep meanwhile; yields whether it agreed.

    The helper ends with the pipe to it, so a killed campaign lets the machine sleep again.
    """
    argv = (command or _awake_command)(why)
    if argv is None:
        yield False
        return
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={
                "PATH": SYSTEM_PATH,
                **{k: v for k, v in os.environ.items() if k in ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")},
            },
        )
    except OSError:
        yield False
        return
    with process:
        try:
            try:
                process.wait(_SAYS_NO_WITHIN_S)
                agreed = False
            except subprocess.TimeoutExpired:
                agreed = True
            yield agreed
        finally:
            if process.stdin is not None:
                process.stdin.close()
            try:
                process.wait(2.0)
            except subprocess.TimeoutExpired:
                process.kill()


_SAYS_NO_WITHIN_S = 0.5


def _awake_command(why: str) -> Sequence[str] | None:
    if (tool := find_tool("systemd-inhibit")) is not None and Path("/run/systemd/system").exists():
        return [str(tool), "--what=sleep:idle", "--who=nightforge", f"--why={why}", "--mode=block", "cat"]
    if sys.platform == "darwin":
        return ["/usr/bin/caffeinate", "-i", "/bin/cat"]
    return None
