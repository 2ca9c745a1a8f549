"""The folder that leaves with a candidate: whole, honest about its state, and a patch that git takes."""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightforge.domain.artifact import Artifact
from nightforge.domain.candidate import Campaign, Candidate
from nightforge.domain.model import CallKey, CallState, Message, Usage
from nightforge.domain.words import CandidateState, Role
from nightforge.errors import UserError
from nightforge.report import ReportData
from nightforge.report.bundle import check_may_leave, patch_text, to_zip, whole_bundle, write_folder
from nightforge.report.provenance import Provenance
from nightforge.store import SqlStore

Scene = Callable[..., Awaitable[ReportData]]
WON = (1.25, 1.24, CandidateState.CONFIRMED)


async def winner(store: SqlStore, scene: Scene) -> tuple[Campaign, Candidate]:
    data = await scene(WON)
    return data.campaign, store.candidate(data.campaign.campaign_id, 1)


async def test_the_folder_has_everything_that_a_stranger_needs(store: SqlStore, scene: Scene) -> None:
    campaign, candidate = await winner(store, scene)
    files = whole_bundle(store, campaign, candidate)
    assert {
        "program.c",
        "seed.c",
        "changes.diff",
        "artifact.json",
        "provenance.json",
        "evidence.md",
        "reproduce",
    } <= set(files)
    artifact = Artifact.model_validate_json(files["artifact.json"])
    assert (artifact.program, artifact.task) == ("program.c", "softmax-long")
    assert artifact.evidence == candidate.confirmation
    provenance = Provenance.model_validate_json(files["provenance.json"])
    assert [one.ordinal for one in provenance.lineage] == [1, 0]
    assert provenance.confirmed
    assert provenance.tools == {"gcc": "12.2"}
    readme = files["README.md"].decode()
    assert (
        "▲ confirmed: speedup 1.24 \\[1.21, 1.27\\] x" in readme or "confirmed: speedup 1.24 [1.21, 1.27] x" in readme
    )
    for name in files:
        assert name == "README.md" or f"`{name.split('/')[0]}" in readme, name
    assert "### full: pass" in files["evidence.md"].decode()


async def test_what_models_said_leaves_with_it_and_keys_do_not(
    store: SqlStore, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    campaign, candidate = await winner(store, scene)
    key = CallKey(campaign_id=campaign.campaign_id, ordinal=1, step="code", role=Role.CODER)
    messages = [Message(role="system", content="You write C."), Message(role="user", content="Make it faster.")]
    call = await store.open_call(key, "a" * 64, messages, model="model-x", reserved_usd=0.1)
    await store.close_call(
        call.call_id, CallState.ANSWERED, reply_text="tiles!", usage=Usage(tokens_in=5, tokens_out=2), cost_usd=0.01
    )
    lost = await store.open_call(key, "b" * 64, messages, model="model-x", reserved_usd=0.1)
    await store.close_call(lost.call_id, CallState.FAILED, error="gone")
    files = whole_bundle(store, campaign, candidate)
    provenance = Provenance.model_validate_json(files["provenance.json"])
    (said,) = provenance.conversations
    assert (said.model, said.role, said.cost_usd) == ("model-x", "coder", 0.01)
    text = files[said.file].decode()
    assert "Make it faster." in text
    assert "tiles!" in text
    assert provenance.lineage[0].models == ("model-x",)
    assert b"sk-secret" not in b"".join(files.values())


async def test_the_zip_is_the_folder_and_scripts_can_be_run(store: SqlStore, scene: Scene, tmp_path: Path) -> None:
    campaign, candidate = await winner(store, scene)
    files = whole_bundle(store, campaign, candidate)
    write_folder(tmp_path / "out", files)
    with zipfile.ZipFile(io.BytesIO(to_zip(files, "top"))) as archive:
        assert {name.removeprefix("top/"): archive.read(name) for name in archive.namelist()} == files
        modes = {info.filename: info.external_attr >> 16 for info in archive.infolist()}
    assert modes["top/reproduce"] == 0o755
    assert modes["top/program.c"] == 0o644
    assert (tmp_path / "out" / "reproduce").stat().st_mode & 0o111
    done = await asyncio.create_subprocess_exec("sh", "-n", str(tmp_path / "out" / "reproduce"))
    assert await done.wait() == 0
    with pytest.raises(UserError, match="not empty"):
        write_folder(tmp_path / "out", files)


async def test_a_suspicious_one_leaves_only_by_force(store: SqlStore, scene: Scene) -> None:
    data = await scene((3.0, 0.5, CandidateState.SUSPICIOUS))
    suspect = store.candidate(data.campaign.campaign_id, 1)
    with pytest.raises(UserError, match="suspicious"):
        check_may_leave(suspect, force=False)
    check_may_leave(suspect, force=True)


async def test_a_task_of_ones_own_leaves_with_the_candidate(
    store: SqlStore, scene: Scene, tmp_path: Path, plan: object
) -> None:
    from nightforge.catalogue import find_task

    own = tmp_path / "own-task"
    for path in find_task("softmax-long").root.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            place = own / path.relative_to(find_task("softmax-long").root)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())
    (own / "link").symlink_to("/etc/passwd")
    data = await scene(WON, planned=plan.model_copy(update={"task": str(own)}))  # type: ignore[attr-defined]
    files = whole_bundle(store, data.campaign, store.candidate(data.campaign.campaign_id, 1))
    assert files["task/task.toml"] == (own / "task.toml").read_bytes()
    assert "task/link" not in files
    assert json.loads(files["artifact.json"])["task"] == "./task"


lines = st.lists(st.sampled_from(["a\n", "b\n", "\n", "\tc\n", "last"]), max_size=8).map("".join)


@given(lines, lines)
@settings(max_examples=25, deadline=None)
def test_git_takes_the_patch(tmp_path_factory: pytest.TempPathFactory, before: str, after: str) -> None:
    tree = tmp_path_factory.mktemp("tree")
    text = patch_text(before, after, "src/rule.py")
    assert (not text) == (before == after)
    if not text:
        return
    (tree / "src").mkdir()
    (tree / "src" / "rule.py").write_text(before)
    (tree / "p.patch").write_text(text)
    done = subprocess.run(["git", "apply", "p.patch"], cwd=tree, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert (tree / "src" / "rule.py").read_text() == after
