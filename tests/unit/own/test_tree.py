"""The user's tree: what goes along, what stays, and that nothing of it is written."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from evaluators.own import tree
from evaluators.own.tree import pack_bundle, read_tree
from nightforge.domain.bundle import Bundle
from nightforge.errors import UserError


def names(packed: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        return {one.name: content.read() for one in archive if (content := archive.extractfile(one)) is not None}


def newest(packed: bytes) -> float:
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        return max(one.mtime for one in archive)


def test_caches_builds_and_links_that_lead_out_stay(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    for name in (
        "src/a.c",
        "src/a.o",
        ".git/HEAD",
        "__pycache__/x.pyc",
        "out/CMakeCache.txt",
        "out/lib.a",
        "keep/b",
        "x.log",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    (root / "nightforge").mkdir()
    (root / "nightforge" / "task.toml").write_text("x")
    (root / "out_link").symlink_to("/etc/passwd")
    (root / "in_link").symlink_to("keep/b")
    found = read_tree(root, but=("src/a.c",), ignore=("*.log",), folder=root / "nightforge")
    assert names(found.packed) == {"in_link": b"keep/b", "keep/b": b"keep/b"}
    assert found.links == ("out_link",)
    assert found.files == 2


def test_the_digest_follows_contents_and_rights(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    first = read_tree(tmp_path, but=(), ignore=(), folder=tmp_path / "n").digest
    assert read_tree(tmp_path, but=(), ignore=(), folder=tmp_path / "n").digest == first
    (tmp_path / "a").chmod(0o755)
    assert read_tree(tmp_path, but=(), ignore=(), folder=tmp_path / "n").digest != first


def test_a_tree_too_large_is_refused_with_the_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "MOST_BYTES", 10)
    (tmp_path / "big").write_text("x" * 11)
    with pytest.raises(UserError, match="too large") as raised:
        read_tree(tmp_path, but=(), ignore=(), folder=tmp_path / "n")
    assert "settings.mounts" in raised.value.hint


def test_a_candidates_files_are_newer_than_the_trees_and_without_our_markers(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("all:\n")
    old = read_tree(tmp_path, but=(), ignore=(), folder=tmp_path / "n").packed
    new = pack_bundle(Bundle({"a.c": "// EVOLVE-BLOCK-START (nightforge)\nint a;\n// EVOLVE-BLOCK-END (nightforge)\n"}))
    assert names(new) == {"a.c": b"int a;\n"}
    assert newest(old) < newest(new)
