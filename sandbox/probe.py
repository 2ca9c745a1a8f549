"""Which tier works on this machine: found by running a canary in each, never by a version number."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from nightforge.domain.base import Frozen
from nightforge.domain.limits import MIB, ExecResult, Limits
from nightforge.domain.ports import Sandbox
from nightforge.domain.words import SandboxChoice, SandboxTier
from nightforge.errors import NightforgeError, SandboxFault, SandboxUnavailable
from sandbox.box import Launcher, OuterStage
from sandbox.bubblewrap import BubblewrapSandbox, drop_target
from sandbox.docker import DockerSandbox
from sandbox.docker_engine import Engine, Image, init_hash, sweep_containers
from sandbox.local import LocalSandbox
from sandbox.staging import sweep
from sandbox.supervise import Stop
from sandbox.threaded import ThreadedSandbox

BWRAP = "/usr/bin/bwrap"
BWRAP_PACKAGE_HINT = "apt-get install bubblewrap"

OWN_IMAGE_HINT = "`python -m sandbox.images from NAME` makes one of an image of yours, and says what it is called"
IMAGE_NEEDS = "install util-linux (prlimit), coreutils, grep, sed and tar in it, as Debian and its children have them"
IMAGE_HINT = "`python -m sandbox.images` makes one in a second (`make image` in a checkout)"

APPARMOR_PROFILE_PATH = "/etc/apparmor.d/bwrap"
_STRICT_PROFILE = "/etc/apparmor.d/bwrap-userns-restrict"
APPARMOR_PROFILE = """abi <abi/4.0>,
include <tunables/global>

profile bwrap /usr/bin/bwrap flags=(unconfined) {
  userns,
  include if exists <local/bwrap>
}
"""

_CANARY_LIMITS = Limits(
    wall_s=10.0, cpu_s=5, memory_bytes=256 * MIB, processes=16, writable_bytes=4 * MIB, writable_inodes=128
)
_SYSTEM_TOOLS = ("sh", "mount", "mkdir", "prlimit")

# Answers one `name=value` per line; what a value must be stands in `_judge`.
_CANARY = """
echo "ran=yes"
test -e "$1" && echo "host_file=seen" || echo "host_file=hidden"
cat /etc/shadow >/dev/null 2>&1 && echo "shadow=seen" || echo "shadow=hidden"
cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | cut -d= -f1 | sort -u | tr '\\n' ' ' | sed 's/^/environment=/'
echo
echo "interfaces=$(tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' \\n')"
bash -c 'exec 9<>"/dev/tcp/127.0.0.1/$1"' bash "$2" 2>/dev/null && echo "network=reached" || echo "network=closed"
touch /job/x /usr/x /x 2>/dev/null && echo "system=writable" || echo "system=read-only"
touch /box/x /tmp/x /dev/shm/x && echo "private=writable" || echo "private=closed"
echo "inodes=$(stat -f -c %c /tmp)"
grep -E '^(NoNewPrivs|Seccomp|CapEff|CapBnd):' /proc/self/status | tr -d '\\t' | tr ':' '='
"""

_EXPECTED = {
    "ran": "yes",
    "host_file": "hidden",
    "shadow": "hidden",
    "interfaces": "lo",
    "network": "closed",
    "system": "read-only",
    "private": "writable",
    "NoNewPrivs": "1",
    "Seccomp": "2",
    "CapEff": "0000000000000000",
    "CapBnd": "0000000000000000",
}
_HELD = "no network, no host files, private capped memory, seccomp, no capabilities"
_KNOWN_VARIABLES = {"PATH", "HOME", "TMPDIR", "LANG", "PWD"}


class TierReport(Frozen):
    """What the canary of one tier found. `hint` says what to do where it does not work."""

    tier: SandboxTier
    works: bool
    detail: str
    hint: str = ""


def probe_tiers() -> Sequence[TierReport]:
    """Every tier this release has, strongest first."""
    return (probe_docker(), probe_bubblewrap(), _local_report())


def open_sandbox(
    *,
    tier: SandboxChoice = SandboxChoice.AUTO,
    docker_image: str = "",
    docker_gpus: Sequence[str] = (),
    docker_warm: int = 0,
    unsafe_local: bool = False,
) -> Sandbox:
    """The asked tier if its canary passes; with `auto` bubblewrap, and docker where that does not work.

    `docker_image` is a name or an id, empty for the newest that fits this release; `docker_gpus` are ids of NVIDIA
    devices, or "all"; `docker_warm` containers are made ahead of need. `unsafe_local` is a person's typed word, and
    the only way to the tier that holds almost nothing; it is taken only where no real tier works. Raises
    SandboxUnavailable.
    """
    sweep()
    ways: dict[SandboxChoice, Callable[[], tuple[TierReport, Sandbox | None]]] = {
        SandboxChoice.BUBBLEWRAP: _open_bubblewrap,
        SandboxChoice.DOCKER: lambda: _try_docker(docker_image, docker_gpus, docker_warm),
    }
    wanted = list(ways) if tier is SandboxChoice.AUTO else [tier]
    reports = []
    for choice in wanted:
        report, found = ways[choice]()
        if found is not None:
            return found
        reports.append(report)
    if unsafe_local and platform.system() == "Linux":
        return LocalSandbox(drop_target())
    details = "; ".join(f"{report.tier.value}: {report.detail}" for report in reports)
    hints = "; or ".join(report.hint for report in reports if report.hint)
    raise SandboxUnavailable(f"no sandbox works here: {details}", where=reports[0].tier.value, hint=hints)


def _open_bubblewrap() -> tuple[TierReport, Sandbox | None]:
    report, launcher = _try_bubblewrap(BWRAP)
    return report, BubblewrapSandbox(launcher) if launcher is not None else None


def probe_docker(image: str = "") -> TierReport:
    return _try_docker(image)[0]


def _try_docker(image: str, gpus: Sequence[str] = (), warm: int = 0) -> tuple[TierReport, DockerSandbox | None]:
    try:
        if platform.system() != "Linux":
            raise SandboxUnavailable(
                f"on {platform.system()} the daemon's containers run under another kernel than Nightforge, which "
                "hands them descriptors and measures them from outside",
                where="docker",
                hint="run Nightforge inside Linux: a virtual machine, or WSL 2",
            )
        engine = Engine()
        engine.check()
        sweep_containers(engine)
        found = DockerSandbox(_image(engine, image), engine=engine, gpus=gpus, warm=warm)
    except NightforgeError as error:
        return TierReport(tier=SandboxTier.DOCKER, works=False, detail=error.what, hint=error.hint), None
    report = _canary_report(found, f"{_HELD}; memory and processes held by control groups")
    return report, found if report.works else None


def _image(engine: Engine, name: str) -> Image:
    images = engine.images(init_hash())
    fitting = [one for one in images if not name or name in {one.name, one.name.removesuffix(":latest"), one.reference}]
    if not fitting:
        what = (
            f"the image {name!r} is not there, or not made by this release" if name else "there is no image for boxes"
        )
        raise SandboxUnavailable(what, where="docker", hint=f"{IMAGE_HINT}; {OWN_IMAGE_HINT}" if name else IMAGE_HINT)
    return fitting[0]


def probe_bubblewrap(bwrap: str = BWRAP) -> TierReport:
    return _try_bubblewrap(bwrap)[0]


def _try_bubblewrap(bwrap: str) -> tuple[TierReport, Launcher | None]:
    """The first way of launching whose canary passes, or the report of the last that failed."""
    missing = _missing(bwrap)
    if missing is not None:
        return missing, None
    report = missing
    for outer in OuterStage:
        launcher = Launcher(bwrap, outer)
        report = _report(launcher)
        if report.works:
            return report, launcher
    assert report is not None
    return report, None


def _report(launcher: Launcher) -> TierReport:
    return _canary_report(BubblewrapSandbox(launcher), f"{_HELD}; started through {launcher.outer.value}")


def _canary_report(sandbox: ThreadedSandbox, held: str) -> TierReport:
    try:
        faults = _judge(_run_canary(sandbox))
    except (SandboxFault, SandboxUnavailable) as fault:
        detail, hint = str(fault), fault.hint
        if sandbox.tier is SandboxTier.BUBBLEWRAP:
            detail, hint = _explain(detail)
        return TierReport(tier=sandbox.tier, works=False, detail=detail, hint=hint)
    if sandbox.tier is SandboxTier.DOCKER and any("No such file" in fault for fault in faults):
        said = f"the image lacks programs that a box needs: {'; '.join(faults)}"
        return TierReport(tier=sandbox.tier, works=False, detail=said, hint=IMAGE_NEEDS)
    if faults:
        return TierReport(
            tier=sandbox.tier,
            works=False,
            detail="the canary found the box open: " + "; ".join(faults),
            hint="report this machine's kernel and distribution; Nightforge will not run candidates here",
        )
    return TierReport(tier=sandbox.tier, works=True, detail=held)


def _missing(bwrap: str) -> TierReport | None:
    if platform.system() != "Linux":
        return TierReport(
            tier=SandboxTier.BUBBLEWRAP,
            works=False,
            detail=f"bubblewrap needs Linux, this is {platform.system()}",
            hint="run Nightforge in a Linux virtual machine or container",
        )
    if not os.access(bwrap, os.X_OK):
        return TierReport(
            tier=SandboxTier.BUBBLEWRAP, works=False, detail=f"{bwrap} is not installed", hint=BWRAP_PACKAGE_HINT
        )
    absent = [tool for tool in _SYSTEM_TOOLS if shutil.which(tool, path="/usr/bin:/bin") is None]
    if absent:
        return TierReport(
            tier=SandboxTier.BUBBLEWRAP,
            works=False,
            detail="missing system tools: " + ", ".join(absent),
            hint="apt-get install util-linux mount coreutils",
        )
    return None


def _run_canary(sandbox: ThreadedSandbox) -> ExecResult:
    stop = Stop()
    try:
        with tempfile.NamedTemporaryFile(dir="/tmp") as sentinel, socket.socket() as listener:
            Path(sentinel.name).chmod(0o644)
            listener.bind(("127.0.0.1", 0))
            listener.listen(1)
            port = str(listener.getsockname()[1])
            argv = ["sh", "/job/canary.sh", sentinel.name, port]
            return sandbox.run_blocking(argv, {"canary.sh": _CANARY.encode()}, b"", _CANARY_LIMITS, (), stop)
    finally:
        stop.close()


def _judge(result: ExecResult) -> Sequence[str]:
    """What the canary's answers show to be wrong; empty when all is as promised."""
    lines = result.stdout.decode(errors="replace").splitlines()
    answers = dict(line.split("=", 1) for line in lines if "=" in line)
    faults = [
        f"{name} is {answers.get(name, 'unanswered')}, not {wanted}"
        for name, wanted in _EXPECTED.items()
        if answers.get(name) != wanted
    ]
    strangers = set(answers.get("environment", "").split()) - _KNOWN_VARIABLES
    if strangers or "environment" not in answers:
        faults.append(f"the environment holds {', '.join(sorted(strangers)) or 'nothing readable'}")
    inodes = answers.get("inodes", "")
    if not inodes.isdigit() or not 0 < int(inodes) <= 2 * _CANARY_LIMITS.writable_inodes:
        faults.append(f"the inode cap is {inodes or 'unanswered'}")
    if not lines and result.stderr:
        faults = [result.stderr.decode(errors="replace").strip()[:400]]
    return faults


def _kernel_setting(name: str) -> str:
    try:
        return (Path("/proc/sys") / name).read_text().strip()
    except OSError:
        return ""


def _apparmor_hint() -> str:
    """The profile to install; a distribution's stricter one for the same program has to go first."""
    first = ""
    if Path(_STRICT_PROFILE).exists():
        name = Path(_STRICT_PROFILE).name
        first = f"`apparmor_parser -R {_STRICT_PROFILE} && ln -s ../{name} /etc/apparmor.d/disable/{name}`, then "
    return (
        f"as root, {first}write this to {APPARMOR_PROFILE_PATH} and run "
        f"`apparmor_parser -r {APPARMOR_PROFILE_PATH}`:\n{APPARMOR_PROFILE}"
    )


def _explain(words: str) -> tuple[str, str]:
    """The kernel setting behind bwrap's failure, and what to do about it."""
    if _kernel_setting("kernel/apparmor_restrict_unprivileged_userns") == "1":
        return f"AppArmor denies what bwrap needs of user namespaces ({words})", _apparmor_hint()
    if _kernel_setting("kernel/unprivileged_userns_clone") == "0":
        return (
            f"this kernel gives no user namespace to ordinary users ({words})",
            "as root: sysctl -w kernel.unprivileged_userns_clone=1 (and in /etc/sysctl.d to keep it)",
        )
    if _kernel_setting("user/max_user_namespaces") == "0":
        return (
            f"user namespaces are switched off ({words})",
            "as root: sysctl -w user.max_user_namespaces=10000 (and in /etc/sysctl.d to keep it)",
        )
    return (
        words,
        "inside a container, allow user namespaces (docker: --security-opt seccomp=unconfined), or run on the host",
    )


def _local_report() -> TierReport:
    return TierReport(
        tier=SandboxTier.UNSAFE_LOCAL,
        works=True,
        detail=LocalSandbox.WARNING,
        hint="only with --unsafe-local, and only for programs you would run by hand",
    )
