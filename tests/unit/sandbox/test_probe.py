"""What is found, said and refused where the sandbox does not work."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from nightforge.domain.limits import ExecResult, ExitReason
from nightforge.domain.words import SandboxChoice, SandboxTier
from nightforge.errors import SandboxUnavailable
from sandbox import open_sandbox, probe, probe_tiers
from sandbox.box import Launcher

GOOD = b"""ran=yes
host_file=hidden
shadow=hidden
environment= HOME LANG PATH PWD TMPDIR
interfaces=lo
network=closed
system=read-only
private=writable
inodes=132
CapEff=0000000000000000
CapBnd=0000000000000000
NoNewPrivs=1
Seccomp=2
"""


def answered(stdout: bytes, stderr: bytes = b"") -> ExecResult:
    return ExecResult(reason=ExitReason.EXITED, exit_code=0, stdout=stdout, stderr=stderr)


def test_a_good_canary_has_no_fault() -> None:
    assert not probe._judge(answered(GOOD))


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        (b"host_file=hidden", b"host_file=seen", "host_file is seen"),
        (b"shadow=hidden", b"shadow=seen", "shadow"),
        (b" TMPDIR", b" TMPDIR OPENAI_API_KEY", "OPENAI_API_KEY"),
        (b"environment=", b"other=", "environment"),
        (b"interfaces=lo", b"interfaces=loeth0", "loeth0"),
        (b"network=closed", b"network=reached", "network is reached"),
        (b"system=read-only", b"system=writable", "system"),
        (b"private=writable", b"private=closed", "private"),
        (b"inodes=132", b"inodes=1000000", "inode cap is 1000000"),
        (b"inodes=132", b"inodes=0", "inode cap is 0"),
        (b"Seccomp=2", b"Seccomp=0", "Seccomp is 0"),
        (b"NoNewPrivs=1\n", b"", "NoNewPrivs is unanswered"),
        (b"CapEff=0000000000000000", b"CapEff=000001ffffffffff", "CapEff"),
    ],
)
def test_every_answer_is_looked_at(old: bytes, new: bytes, word: str) -> None:
    assert old in GOOD
    faults = probe._judge(answered(GOOD.replace(old, new)))
    assert len(faults) == 1
    assert word in faults[0]


def test_a_silent_canary_shows_its_stderr() -> None:
    assert probe._judge(answered(b"", b"bwrap: no")) == ["bwrap: no"]


def _no_tier(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with neither bubblewrap nor a daemon."""
    monkeypatch.setattr(probe, "BWRAP", "/nowhere/bwrap")
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")


def test_a_missing_bwrap_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    _no_tier(monkeypatch)
    report = probe.probe_bubblewrap("/nowhere/bwrap")
    assert not report.works
    assert report.hint == "apt-get install bubblewrap"
    with pytest.raises(SandboxUnavailable) as caught:
        open_sandbox()
    assert caught.value.hint.startswith("apt-get install bubblewrap")
    assert "apt-get install docker.io" in caught.value.hint
    assert caught.value.exit_code == 6


def test_an_asked_tier_is_that_tier_or_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    _no_tier(monkeypatch)
    for choice in (SandboxChoice.DOCKER, SandboxChoice.BUBBLEWRAP):
        with pytest.raises(SandboxUnavailable) as caught:
            open_sandbox(tier=choice)
        assert caught.value.where == choice.value


def test_nothing_falls_through_to_the_unsafe_tier_but_the_typed_word(monkeypatch: pytest.MonkeyPatch) -> None:
    _no_tier(monkeypatch)
    assert open_sandbox(unsafe_local=True).tier is SandboxTier.UNSAFE_LOCAL


def _settings(monkeypatch: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    monkeypatch.setattr(probe, "_kernel_setting", lambda name: values.get(name, ""))


def test_apparmor_is_recognised_and_the_profile_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    _settings(monkeypatch, {"kernel/apparmor_restrict_unprivileged_userns": "1"})
    detail, hint = probe._explain("setting up uid map: Permission denied")
    assert "AppArmor" in detail
    assert "Permission denied" in detail
    assert probe.APPARMOR_PROFILE in hint
    assert "userns," in hint
    assert "apparmor_parser -r /etc/apparmor.d/bwrap" in hint


def test_a_stricter_profile_of_the_distribution_goes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _settings(monkeypatch, {"kernel/apparmor_restrict_unprivileged_userns": "1"})
    assert "disable" not in probe._explain("x")[1]
    strict = tmp_path / "bwrap-userns-restrict"
    strict.touch()
    monkeypatch.setattr(probe, "_STRICT_PROFILE", str(strict))
    assert f"apparmor_parser -R {strict}" in probe._explain("x")[1]


@pytest.mark.parametrize(
    ("name", "word"),
    [("kernel/unprivileged_userns_clone", "unprivileged_userns_clone=1"), ("user/max_user_namespaces", "max_user")],
)
def test_switched_off_namespaces_are_recognised(monkeypatch: pytest.MonkeyPatch, name: str, word: str) -> None:
    _settings(monkeypatch, {name: "0"})
    assert word in probe._explain("x")[1]


def test_an_unknown_failure_keeps_bwraps_words(monkeypatch: pytest.MonkeyPatch) -> None:
    _settings(monkeypatch, {})
    assert probe._explain("loopback: Failed RTM_NEWADDR")[0] == "loopback: Failed RTM_NEWADDR"


@pytest.fixture
def fake_bwrap() -> Iterator[str]:
    """A bwrap that fails, where the user that the box runs as can start it."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / "bwrap"
        path.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
        path.chmod(0o755)
        yield str(path)


@pytest.mark.box
def test_a_bwrap_that_fails_is_reported_in_its_own_words(fake_bwrap: str) -> None:
    report = probe.probe_bubblewrap(fake_bwrap)
    assert not report.works
    assert "setting up uid map: Permission denied" in report.detail
    assert report.hint


@pytest.mark.box
def test_the_second_way_of_launching_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where unshare may not make a namespace, bwrap does it."""
    real = Launcher.outer_arguments

    def crippled(self: Launcher) -> list[str]:
        line = real(self)
        return ["/usr/bin/false"] if line[0] == "/usr/bin/unshare" else line

    monkeypatch.setattr(Launcher, "outer_arguments", crippled)
    assert probe.probe_bubblewrap().works


@pytest.mark.box
def test_the_tiers_of_this_machine() -> None:
    reports = {report.tier: report for report in probe_tiers()}
    assert reports[SandboxTier.BUBBLEWRAP].works, reports[SandboxTier.BUBBLEWRAP].detail
    assert "UNSAFE" in reports[SandboxTier.UNSAFE_LOCAL].detail
    assert "--unsafe-local" in reports[SandboxTier.UNSAFE_LOCAL].hint
    assert open_sandbox(unsafe_local=True).tier is SandboxTier.BUBBLEWRAP
