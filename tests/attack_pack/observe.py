"""Runs attacks on one platform and reports what an outsider saw: `python -m attack_pack.observe TIER [NAME...]`.

One JSON finding per line on stdout. For the tier `bare` it must run in a throw-away host of its own (`verdicts`
starts it so): new process, mount, network, IPC and host-name namespaces, /tmp in capped memory.
"""

from __future__ import annotations

import base64
import ctypes
import errno
import fcntl
import json
import os
import secrets
import select
import shutil
import signal
import stat
import struct
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from attack_pack import wire
from attack_pack.findings import Finding, judge
from attack_pack.manifest import Attack, Effect, load_attacks
from attack_pack.sampling import Sampler, survivors
from attack_pack.scene import Scene, Terminal
from sandbox.box import SANDBOX_UID

BARE = "bare"
LOCK_VARIABLE = "NF_PACK_LOCK"
HERE = Path(__file__).parent
REPOSITORY = HERE.parent.parent
PYTHON = ("/usr/bin/python3", "-I", "-S")
COMPILE = (
    'source=$1; shift; echo "int main(void){return 0;}" > probe.c && gcc probe.c -o probe '
    '&& gcc -O1 -w -pthread "$source" -o attack && exec ./attack "$@"'
)
STAGING = ("/tmp", "/var/tmp")
GRACE_S = 12.0
START_S = 60.0
_ABSOLUTE, _CANCEL_ON_SET = 1, 2


class Platform:
    """The platform process, with a secret in its environment, an inherited descriptor and a controlling terminal."""

    def __init__(self, tier: str, scene: Scene, *, as_root: bool = False) -> None:
        self._tier = tier
        self._scene = scene
        self._as_root = as_root
        self.terminal = Terminal()
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        scene = self._scene
        hidden = scene.root / "inherited"
        hidden.write_text(scene.secrets["descriptor"])
        self.inherited = os.open(hidden, os.O_RDONLY)
        hidden.unlink()
        command_reader, command_writer = os.pipe()
        reply_reader, reply_writer = os.pipe()
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": "/home/someone-private",
            "LANG": "C.UTF-8",
            "OPENAI_API_KEY": scene.secrets["environment"],
        }
        if self._tier == BARE:
            alone = scene.root / "attack_pack"
            alone.mkdir(exist_ok=True)
            for name in ("__init__.py", "bare_platform.py", "wire.py"):
                shutil.copyfile(HERE / name, alone / name)
            start = [] if self._as_root else scene.drop()
            line = [*start, "/usr/bin/python3", "-I", "-S", str(alone / "bare_platform.py")]
            line += [str(command_reader), str(reply_writer)]
        else:
            line = [sys.executable, "-m", "attack_pack.tier_platform", str(command_reader), str(reply_writer)]
            line.append(self._tier)
            environment |= {"PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'tests'}"}
        process = subprocess.Popen(
            line,
            env=environment,
            cwd="/",
            stdin=self.terminal.inside,
            stdout=self.terminal.inside,
            pass_fds=(command_reader, reply_writer, self.inherited),
            preexec_fn=self.terminal.take_over,
        )
        os.close(command_reader)
        os.close(reply_writer)
        self._commands, self._replies = os.fdopen(command_writer, "wb"), os.fdopen(reply_reader, "rb")
        if self.reply(START_S) is None:
            raise RuntimeError(f"the platform of the tier {self._tier} did not start")
        return process

    def ask(self, request: dict[str, object]) -> None:
        with suppress(BrokenPipeError):
            wire.send(self._commands, request)

    def reply(self, seconds: float) -> dict[str, Any] | None:
        """What it answers within `seconds`; None when it is late or dead."""
        poll = select.poll()
        poll.register(self._replies, select.POLLIN)
        return wire.receive(self._replies) if poll.poll(int(1000 * max(0.0, seconds))) else None

    @property
    def is_dead(self) -> bool:
        return self.process.poll() is not None

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        with suppress(OSError):
            self._commands.close()
        self._replies.close()
        self.terminal.close()
        os.close(self.inherited)


def argv_of(attack: Attack, nonce: str, arguments: list[str]) -> list[str]:
    program = f"{{job}}/{attack.program.name}"
    if attack.program.suffix == ".py":
        return [*PYTHON, program, nonce, *arguments]
    if attack.program.suffix == ".c":
        return ["/bin/sh", "-c", COMPILE, "sh", program, nonce, *arguments]
    return ["/bin/sh", program, nonce, *arguments]


def places(scene: Scene, platform: Platform) -> dict[str, str]:
    """What stands in the braces of an attack's arguments; {job} and {box} are left to the platform."""
    listeners = scene.listeners
    return {
        "{port}": str(listeners.port),
        "{abstract}": listeners.abstract,
        "{socket}": str(listeners.path),
        "{host}": str(scene.host),
        "{platform}": str(platform.process.pid),
        "{bystander}": str(scene.bystander.pid),
        "{inherited}": str(platform.inherited),
    }


def filled(word: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        word = word.replace(name, value)
    return word


class Observer:
    def __init__(self, tier: str) -> None:
        self.tier = tier
        uid = SANDBOX_UID if os.geteuid() == 0 else None
        self._scene = Scene(uid)
        self._platforms: dict[bool, Platform] = {}

    def close(self) -> None:
        for platform in self._platforms.values():
            platform.close()
        self._scene.close()

    def _platform(self, attack: Attack) -> Platform:
        as_root = attack.control_as_root and self.tier == BARE
        platform = self._platforms.get(as_root)
        if platform is None or platform.is_dead:
            if platform is not None:
                platform.close()
            platform = self._platforms[as_root] = Platform(self.tier, self._scene, as_root=as_root)
        return platform

    def run(self, attack: Attack) -> Finding:
        """One attack. Those judged by what the machine has once, memory and clock, wait for the other tiers'."""
        if attack.effect not in {Effect.MEMORY, Effect.CLOCK}:
            return self._run(attack)
        with open(f"/proc/self/fd/{os.environ[LOCK_VARIABLE]}") as lock:  # noqa: PTH123
            fcntl.flock(lock, fcntl.LOCK_EX)
            return self._run(attack)

    def _run(self, attack: Attack) -> Finding:
        scene, platform = self._scene, self._platform(attack)
        nonce = f"nf{secrets.token_hex(8)}"
        platform.terminal.typed()
        platform.terminal.shown()
        scene.listeners.knocks.clear()
        scene.listeners.received.clear()
        clock = Clock()
        request = self._request(attack, nonce, places(scene, platform))
        began = time.monotonic()
        with Sampler(nonce, (platform.process.pid, scene.bystander.pid)) as sampler:
            platform.ask(request)
            reply = platform.reply(self._patience_s(attack))
            elapsed_s = time.monotonic() - began
            living_on = survivors(sampler) if reply is not None and attack.effect is Effect.SURVIVES else 0
            stopped = sampler.peaks.stopped
            for pid in sampler.carriers():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if reply is None and not platform.is_dead:
                with suppress(ProcessLookupError):
                    platform.process.send_signal(signal.SIGCONT)
                late = platform.reply(GRACE_S)
                if late is None:
                    platform.process.kill()
                    platform.process.wait()
                reply = late
        seen: dict[str, Any] = {
            "peaks": sampler.peaks,
            "elapsed_s": elapsed_s,
            "survivors": living_on,
            "stopped": stopped,
            "platform_dead": platform.is_dead,
            "bystander_dead": scene.bystander.poll() is not None,
            "changed": scene.changed(),
            "knocks": sorted(set(scene.listeners.knocks)),
            "typed": platform.terminal.typed(),
            "shown": platform.terminal.shown(),
            "clock_set": clock.was_set(),
            "leftovers": self._leftovers(nonce),
            "setuid": attack.effect is Effect.NODE and self._setuid(),
            "secrets": self._leaked(reply, bytes(scene.listeners.received)),
        }
        finding = judge(attack, self.tier, nonce, reply, seen)
        self._clean(scene)
        return finding

    def _request(self, attack: Attack, nonce: str, values: dict[str, str]) -> dict[str, object]:
        arguments = [filled(word, values) for word in attack.arguments]
        files = {attack.program.name: attack.program.read_bytes(), f"mark-{nonce}": b""}
        victim = argv_of(attack, nonce, ["victim", *arguments, self._scene.secrets["file"]])
        with_role = attack.victim_first or attack.victim_beside
        return {
            "attack": attack.model_dump_json(),
            "argv": argv_of(attack, nonce, ["attacker", *arguments] if with_role else arguments),
            "before": [victim] if attack.victim_first else [],
            "beside": victim if attack.victim_beside else [],
            "files": {name: base64.b64encode(content).decode() for name, content in files.items()},
            "stdin": attack.stdin,
            "outputs": list(attack.outputs),
            "collect": attack.collect,
            "base": str(self._scene.base),
            "keep": attack.effect is Effect.NODE,
        }

    def _patience_s(self, attack: Attack) -> float:
        """How long the observer waits for the platform; a careless one is given no longer than the proof needs."""
        if self.tier == BARE:
            return attack.above + 0.3 if attack.effect is Effect.LATE else attack.wall_s + 3.0
        return attack.wall_s + GRACE_S

    def _leaked(self, reply: dict[str, Any] | None, received: bytes) -> list[str]:
        out = received
        if reply is not None:
            out += base64.b64decode(reply["stdout"]) + base64.b64decode(reply["stderr"])
            out += json.dumps(reply["accepted"]).encode()
        return sorted(name for name, secret in self._scene.secrets.items() if secret.encode() in out)

    def _leftovers(self, nonce: str) -> list[str]:
        found = [str(path) for path in self._scene.base.iterdir()]
        for root in STAGING:
            for folder in Path(root).glob("nightforge-*"):
                with suppress(OSError):
                    if (folder / "job" / f"mark-{nonce}").exists():
                        found.append(str(folder))
        return found

    def _setuid(self) -> bool:
        for folder, _, names in os.walk(self._scene.base):
            for name in names:
                with suppress(OSError):
                    if (Path(folder) / name).lstat().st_mode & (stat.S_ISUID | stat.S_ISGID):
                        return True
        return False

    def _clean(self, scene: Scene) -> None:
        subprocess.run(["/bin/chmod", "-R", "u+rwx", str(scene.base)], check=False, capture_output=True)
        for path in scene.base.iterdir():
            subprocess.run(["/bin/rm", "-rf", str(path)], check=False)
        scene.repair()
        if scene.bystander.poll() is not None:
            scene.revive()


class Clock:
    """Tells whether somebody set the real-time clock, even to what it was: that cancels a timer (timerfd_create(2))."""

    def __init__(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._timer = libc.timerfd_create(time.CLOCK_REALTIME, os.O_NONBLOCK | os.O_CLOEXEC)
        far = struct.pack("4q", 0, 0, int(time.time()) + 86400, 0)
        if self._timer < 0 or libc.timerfd_settime(self._timer, _ABSOLUTE | _CANCEL_ON_SET, far, None) < 0:
            raise OSError(ctypes.get_errno(), "no timer that tells of a set clock")

    def was_set(self) -> bool:
        try:
            os.read(self._timer, 8)
        except OSError as error:
            return error.errno == errno.ECANCELED
        finally:
            os.close(self._timer)
        return False


def main() -> None:
    tier, *names = sys.argv[1:]
    observer = Observer(tier)
    try:
        for attack in load_attacks(frozenset(names) if names else None):
            sys.stdout.write(observer.run(attack).model_dump_json() + "\n")
            sys.stdout.flush()
    finally:
        observer.close()


if __name__ == "__main__":
    main()
