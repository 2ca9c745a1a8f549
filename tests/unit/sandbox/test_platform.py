from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from nightforge.errors import PrerequisiteMissing, SandboxFault
from sandbox import platform


def test_a_tool_runs_with_a_clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    result = platform.run_tool(["env"], timeout_s=10)
    names = {line.split("=")[0] for line in result.stdout.decode().splitlines()}
    assert names == {"PATH", "LANG", "HOME", "TMPDIR"}
    assert platform.run_tool(["pwd"], timeout_s=10, cwd=tmp_path).stdout.decode().strip() == str(tmp_path)


def test_exit_code_streams_and_stdin() -> None:
    result = platform.run_tool(["sh", "-c", "cat; echo err >&2; exit 4"], stdin=b"in", timeout_s=10)
    assert (result.exit_code, result.stdout, result.stderr, result.ok) == (4, b"in", b"err\n", False)
    assert platform.run_tool(["true"], timeout_s=10).ok


def test_a_missing_tool_names_its_package() -> None:
    assert platform.find_tool("no-such-tool") is None
    with pytest.raises(PrerequisiteMissing) as caught:
        platform.run_tool(["no-such-tool"], timeout_s=1)
    assert caught.value.hint == "apt-get install no-such-tool"
    assert "libc6-dev" in platform.install_hint("gcc")
    with pytest.raises(PrerequisiteMissing):
        platform.run_tool(["/nowhere/tool"], timeout_s=1)


def test_the_callers_path_is_not_consulted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "true"
    fake.write_text("#!/bin/sh\nexit 9\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert platform.find_tool("true") == Path("/usr/bin/true")
    assert platform.run_tool(["true"], timeout_s=5).ok


def test_a_tool_that_hangs_dies_with_its_children() -> None:
    began = time.monotonic()
    with pytest.raises(SandboxFault, match=r"within 0\.3 s"):
        platform.run_tool(["sh", "-c", "sleep 77 & sleep 77"], timeout_s=0.3)
    assert time.monotonic() - began < 20


def test_versions() -> None:
    assert "util-linux" in platform.tool_version("prlimit")
    assert platform.tool_version("no-such-tool") == ""


def test_our_python_is_isolated(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('shadowed')")
    argv = [*platform.isolated_python(), "-c", "import json; print(json.__file__)"]
    result = platform.run_tool(argv, timeout_s=20, cwd=tmp_path, environment={"PYTHONPATH": str(tmp_path)})
    assert result.ok
    assert str(tmp_path) not in result.stdout.decode()
    assert argv[0] == sys.executable
