"""What the doctor finds, by changing the machine's settings and looking again."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from evaluators.accelerators import toolchain
from evaluators.accelerators.toolchain import TOOLS
from nightforge.doctor import (
    Level,
    check_clock,
    check_compiler,
    check_cpu,
    check_disk,
    check_models,
    check_store,
    check_tools,
    examine,
    examine_sandbox,
)
from nightforge.domain.limits import Limits
from nightforge.domain.ports import Sandbox
from nightforge.settings import Settings
from sandbox import platform
from sandbox.selfcheck import Check
from sandbox.selfcheck.framework import expect


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, database_url=f"sqlite:///{tmp_path / 'nightforge.db'}")


def with_values(settings: Settings, **values: object) -> Settings:
    return Settings.model_validate({**settings.model_dump(), **values})


@pytest.mark.box
def test_every_check_of_a_whole_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NIGHTFORGE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    findings = {finding.check: finding for finding in examine()}
    expected = {
        "python",
        "packages",
        "settings",
        "sandbox bubblewrap",
        "gcc",
        "store",
        "disk",
        "models",
        "cpu",
        "clock",
    }
    assert expected <= set(findings)
    assert {"sandbox docker", *(tool.name for tool in TOOLS), "cells osu018", "cells osu035"} <= set(findings)
    assert findings["sandbox docker"].level in {Level.OK, Level.INFO}
    assert findings["sandbox bubblewrap"].level is Level.OK
    assert all(findings[tool.name].level in {Level.OK, Level.INFO} for tool in TOOLS)
    assert not (tmp_path / "nightforge.db").exists()


def test_missing_synthesis_tools_are_named_with_their_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "find", lambda tool: None)
    monkeypatch.setattr(toolchain, "_QFLOW", (Path("/nonexistent"),))
    findings = {finding.check: finding for finding in check_tools()}
    for name, package in (("yosys", "yosys"), ("abc", "berkeley-abc"), ("cells osu018", "qflow-tech-osu018")):
        assert findings[name].level is Level.INFO
        assert findings[name].fix == f"make setup-eda, or as root: apt-get install {package}"


def test_an_old_yosys_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "find", lambda tool: Path("/usr/bin/yosys"))
    monkeypatch.setattr(toolchain, "version", lambda tool: "Yosys 0.9 (git sha1 1979e0b)")
    assert next(one for one in check_tools() if one.check == "yosys").level is Level.WARN


def test_broken_settings_are_a_finding_and_the_rest_is_still_checked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NIGHTFORGE_HOME", str(tmp_path))
    monkeypatch.setenv("NIGHTFORGE_IN_FLIGHT", "many")
    monkeypatch.chdir(tmp_path)
    findings = {finding.check: finding for finding in examine()}
    assert findings["settings"].level is Level.FAIL
    assert "in_flight" in findings["settings"].found
    assert "clock" in findings


@pytest.mark.parametrize(
    ("tools", "failed"),
    [
        ({}, {"gcc": "gcc libc6-dev"}),
        ({"gcc": "exit 0"}, {"objdump": "binutils"}),
        ({"gcc": "exit 1", "objdump": "exit 0"}, {"C headers": "libc6-dev"}),
        ({"gcc": "exit 0", "objdump": "exit 0"}, {}),
    ],
    ids=["no compiler", "no disassembler", "no headers", "all there"],
)
def test_what_compiling_needs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tools: dict[str, str], failed: dict[str, str]
) -> None:
    for name, does in tools.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setattr("sandbox.platform.SYSTEM_PATH", str(tmp_path))
    platform.tool_version.cache_clear()
    found = {finding.check: finding.fix for finding in check_compiler() if finding.level is Level.FAIL}
    platform.tool_version.cache_clear()
    assert found == {name: f"apt-get install {package}" for name, package in failed.items()}


def test_a_store_that_will_be_made(settings: Settings) -> None:
    finding = check_store(settings)
    assert (finding.level, "will be created" in finding.found) == (Level.OK, True)


def test_a_damaged_database_fails_with_a_mend(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "nightforge.db").write_bytes(b"this is no database at all" * 100)
    finding = check_store(settings)
    assert finding.level is Level.FAIL
    assert finding.fix


def test_a_locked_database_fails_within_seconds(settings: Settings, tmp_path: Path) -> None:
    holder = sqlite3.connect(tmp_path / "nightforge.db")
    holder.execute("BEGIN EXCLUSIVE")
    try:
        finding = check_store(settings)
    finally:
        holder.close()
    assert finding.level is Level.FAIL
    assert "lock" in finding.found


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_home_fails(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    finding = check_store(Settings(home=closed, database_url=f"sqlite:///{closed / 'home' / 'nightforge.db'}"))
    assert finding.level is Level.FAIL
    assert "NIGHTFORGE_HOME" in finding.fix


def test_a_home_under_a_file_fails(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    finding = check_store(Settings(home=tmp_path, database_url=f"sqlite:///{tmp_path / 'file' / 'nightforge.db'}"))
    assert finding.level is Level.FAIL


@pytest.mark.parametrize(
    ("values", "level", "words"),
    [
        ({}, Level.INFO, "no model and no key"),
        ({"api_key": "sk-hidden"}, Level.INFO, "a key is set, but no model"),
        ({"models": ("m-1",)}, Level.WARN, "m-1 at api.openai.com: no key"),
        ({"models": ("m-1",), "base_url": "http://127.0.0.1:8000/v1"}, Level.OK, "m-1 at 127.0.0.1:8000, no key"),
        ({"models": ("m-1",), "api_key": "sk-hidden"}, Level.OK, "key present"),
    ],
)
def test_model_access_without_the_key(settings: Settings, values: dict[str, object], level: Level, words: str) -> None:
    finding = check_models(with_values(settings, **values))
    assert finding.level is level
    assert words in finding.found
    assert "sk-hidden" not in finding.model_dump_json()


def test_disk_cpu_and_clock(settings: Settings) -> None:
    assert "GiB free" in check_disk(settings).found
    assert "cores usable" in check_cpu().found
    assert check_clock().level in {Level.OK, Level.WARN}


async def _held(sandbox: Sandbox) -> None:
    assert (await sandbox.run(["true"], limits=Limits())).ok


async def _broken(sandbox: Sandbox) -> None:
    result = await sandbox.run(["sh", "-c", "exit 3"], limits=Limits())
    expect(result.ok, result.exit_code)


@pytest.mark.box
def test_the_conformance_suite_is_run_against_each_working_tier(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    checks = [Check("holds", strong=False, body=_held), Check("breaks", strong=True, body=_broken)]
    monkeypatch.setattr("sandbox.selfcheck.framework.CHECKS", checks)
    findings = [finding for finding in examine_sandbox() if finding.check == "selfcheck bubblewrap"]
    assert [finding.level for finding in findings] == [Level.FAIL, Level.FAIL]
    assert findings[0].found == "breaks: Broken: 3"
    assert findings[1].found.startswith("1 of 2 checks hold")
    monkeypatch.setattr("sandbox.selfcheck.framework.CHECKS", checks[:1])
    assert [finding.level for finding in examine_sandbox() if finding.check.startswith("selfcheck")] == [Level.OK]
