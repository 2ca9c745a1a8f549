"""Bundles: files in, one text, the same files out; and a patch that git takes."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightforge.domain.bundle import (
    Bundle,
    diff_bundles,
    format_bundle,
    is_bundle,
    language_of,
    parse_bundle,
    without_own_markers,
)
from nightforge.errors import UserError

_NASTY = ("=== file: a.c ===", "==== file: b.c ====", "=== file: x (no line feed at its end) ===", "", "\r", "x\r")
_LINES = st.one_of(st.sampled_from(_NASTY), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n")))
TEXTS = st.builds("\n".join, st.lists(_LINES, max_size=6))
PATHS = st.from_regex(r"[a-z]{1,4}(/[a-z ]{0,3}[a-z]\.(c|py|txt))?", fullmatch=True)


@given(st.dictionaries(PATHS, TEXTS, min_size=1, max_size=4))
def test_every_bundle_comes_back_byte_for_byte(files: dict[str, str]) -> None:
    text = format_bundle(Bundle(files))
    assert is_bundle(text)
    assert dict(parse_bundle(text).files) == files
    assert list(parse_bundle(text).files) == list(files)


@given(TEXTS)
def test_any_text_parses_or_is_refused_with_words(text: str) -> None:
    with suppress(UserError):
        assert parse_bundle(text).files
        assert is_bundle(text)


def test_the_usual_file_looks_as_it_is() -> None:
    assert format_bundle(Bundle({"src/a.c": "int a;\n", "b.py": "b = 1"})) == (
        "=== file: src/a.c ===\nint a;\n=== file: b.py (no line feed at its end) ===\nb = 1\n"
    )


@pytest.mark.parametrize("path", ["/etc/passwd", "../up.c", "a/../b.c", "", "a//b", " a.c", "a\nb.c", "./a.c"])
def test_paths_outside_of_the_tree_are_refused(path: str) -> None:
    with pytest.raises(ValueError, match="plain relative path"):
        Bundle({path: ""})
    with pytest.raises(UserError):
        parse_bundle(f"=== file: {path} ===\nx\n")


def test_a_file_named_twice_is_refused() -> None:
    with pytest.raises(UserError, match="twice"):
        parse_bundle("=== file: a ===\n1\n=== file: a ===\n2\n")


def test_markers_of_ours_are_not_of_the_users_file() -> None:
    text = "int a;\n// EVOLVE-BLOCK-START (nightforge)\nint b;\n// EVOLVE-BLOCK-END (nightforge)\nint c;\n"
    assert without_own_markers(text) == "int a;\nint b;\nint c;\n"
    theirs = "# EVOLVE-BLOCK-START\nx = 1\n# EVOLVE-BLOCK-END\n"
    assert without_own_markers(theirs) == theirs


@pytest.mark.parametrize(
    ("path", "language"),
    [("a/b.c", "c"), ("x.CPP", "c++"), ("m.py", "python"), ("Makefile", "make"), ("notes", "text"), ("l.rs", "rust")],
)
def test_a_files_language_is_told_by_its_name(path: str, language: str) -> None:
    assert language_of(path) == language


@given(st.dictionaries(PATHS.filter(lambda path: "/" in path), st.tuples(TEXTS, TEXTS), min_size=1, max_size=2))
def test_a_patch_names_what_changed_and_nothing_else(files: dict[str, tuple[str, str]]) -> None:
    before, after = (Bundle({path: pair[side] for path, pair in files.items()}) for side in (0, 1))
    patch = diff_bundles(before, after)
    changed = {path for path, (old, new) in files.items() if without_own_markers(old) != without_own_markers(new)}
    assert {path for path in files if f"diff --git a/{path} b/{path}\n" in patch} >= changed
    assert bool(patch) == bool(changed)


@pytest.mark.parametrize(
    ("old", "new"),
    [("a\nb\n", "a\nc\n"), ("a\nb", "a\nc"), ("a", "a\n"), ("a\n", "a"), ("a\r\nb\r\n", "a\r\nc\r\n"), ("", "x\n")],
)
def test_git_applies_the_patch(tmp_path: Path, old: str, new: str) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "f.c").write_bytes(old.encode())
    patch = diff_bundles(Bundle({"sub/f.c": old}), Bundle({"sub/f.c": new}))
    (tmp_path / "p").write_bytes(patch.encode())
    done = subprocess.run(["git", "apply", "--whitespace=nowarn", "p"], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "sub" / "f.c").read_bytes() == new.encode()
