from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nightforge.errors import SandboxFault
from sandbox import staging


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    number = os.open(tmp_path, os.O_PATH | os.O_DIRECTORY)
    yield number
    os.close(number)


@pytest.mark.parametrize("name", ["", "/a", "..", "a/../b", "a/..", "nul\0", "."])
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(SandboxFault):
        staging.checked_name(name)


@pytest.mark.parametrize("name", ["a", "a/b", "..a", "-rf", "a b\n", "\udcff"])
def test_odd_but_plain_names_are_taken(name: str) -> None:
    assert str(staging.checked_name(name)) == name


def test_files_are_laid_out_and_removed(tmp_path: Path) -> None:
    host = tmp_path / "host"
    host.write_text("x")
    with staging.stage({"a": b"1", "d/b": b"2", "h": host, "t": tmp_path}, world_readable=False) as laid:
        assert (laid.job / "a").read_bytes() == b"1"
        assert (laid.job / "d/b").read_bytes() == b"2"
        assert (laid.job / "h").read_bytes() == b""
        assert (laid.job / "t").is_dir()
        assert laid.binds == {"h": host, "t": tmp_path}
        root = laid.root
        assert root.stat().st_mode & 0o777 == 0o700
    assert not root.exists()


def test_descriptors_and_folders_are_freed_on_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "_STAGING_ROOTS", (str(tmp_path),))
    before = open_descriptors()
    with pytest.raises(SandboxFault):
        staging.prepare({"a": b"1", "a/b": b"2"}, world_readable=False)
    with pytest.raises(RuntimeError), staging.stage({}, world_readable=False):
        raise RuntimeError
    assert open_descriptors() == before
    assert not list(tmp_path.iterdir())


def test_the_staging_of_another_user_is_open_to_read() -> None:
    with staging.stage({"d/e/f": b"x"}, world_readable=True) as laid:
        for path in (laid.root, laid.job, laid.job / "d", laid.job / "d/e", laid.job / "d/e/f"):
            assert path.stat().st_mode & 0o005 == 0o005
            assert not path.stat().st_mode & 0o022


def test_a_private_host_file_is_named_before_anything_starts(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.write_text("x")
    private.chmod(0o600)
    with pytest.raises(SandboxFault) as caught:
        staging.prepare({"p": private}, world_readable=True)
    assert str(private) in str(caught.value)
    with pytest.raises(SandboxFault, match="cannot read"):
        staging.prepare({"p": tmp_path / "missing"}, world_readable=True)


def test_a_crowded_disk_is_a_fault_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "_STAGING_ROOTS", ("/proc/nowhere", "/sys/nowhere"))
    with pytest.raises(SandboxFault, match="no folder for staging") as caught:
        staging.prepare({}, world_readable=False)
    assert "/proc/nowhere" in caught.value.where


def test_only_plain_files_are_collected(tmp_path: Path, folder: int) -> None:
    (tmp_path / "good").write_text("good")
    (tmp_path / "d").mkdir()
    (tmp_path / "d/deep").write_text("deep")
    (tmp_path / "big").write_bytes(bytes(101))
    (tmp_path / "link").symlink_to("good")
    (tmp_path / "away").symlink_to("/etc")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "one").write_text("x")
    (tmp_path / "two").hardlink_to(tmp_path / "one")
    names = ["good", "d/deep", "big", "link", "away/hostname", "pipe", "one", "two", "d", "missing"]
    before = open_descriptors()
    assert staging.collect(folder, names, cap_bytes=100) == {"good": b"good", "d/deep": b"deep"}
    assert open_descriptors() == before


def test_collecting_refuses_names_that_leave(folder: int) -> None:
    with pytest.raises(SandboxFault):
        staging.collect(folder, ["../x"], cap_bytes=1)


def test_sweep_removes_what_nobody_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "_STAGING_ROOTS", (str(tmp_path),))
    held = staging.prepare({"a": b"x"}, world_readable=False)
    stale, young, other = (tmp_path / f"nightforge-box-{n}" for n in ("stale", "young", "file"))
    stale.mkdir()
    (stale / "x").touch()
    young.mkdir()
    other.touch()
    old = time.time() - 1000
    for path in (held.root, stale, other):
        os.utime(path, (old, old))
    assert staging.sweep() == 1
    assert not stale.exists()
    assert held.root.exists()
    assert young.exists()
    assert other.exists()
    staging.discard(held)
