"""Several files as one program text: a person reads it, a model edits it, and each file comes back byte for byte.

    === file: src/table.c ===
    ...
    === file: src/hash.c ===
    ...

The run of `=` is made longer than any in a line of the files that reads like a header. A file that does not end in a
line feed says so in its header. Line ends are kept as they are.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from nightforge.errors import UserError

LANGUAGE = "bundle"
"""`Task.language` of a program of several files."""
BLOCK_START, BLOCK_END = "EVOLVE-BLOCK-START", "EVOLVE-BLOCK-END"
OURS = "(nightforge)"
"""Behind a block's marker: it was set by `task init` and does not stand in the user's file."""

_HEADER = re.compile(r"(?P<bar>={3,}) file: (?P<path>[^\n]*?)(?P<open> \(no line feed at its end\))? (?P=bar)")
_OPEN = " (no line feed at its end)"
_LANGUAGES: Mapping[str, str] = {
    **dict.fromkeys((".c", ".h"), "c"),
    **dict.fromkeys((".cc", ".cpp", ".cxx", ".hpp", ".hh", ".hxx"), "c++"),
    **dict.fromkeys((".py", ".pyi"), "python"),
    **dict.fromkeys((".v", ".sv", ".vh"), "verilog"),
    ".rs": "rust",
    ".go": "go",
    ".java": "java",
    ".js": "javascript",
    ".ts": "typescript",
    ".jl": "julia",
    ".f90": "fortran",
    ".cu": "cuda",
    ".zig": "zig",
    ".swift": "swift",
    ".json": "json",
    ".toml": "toml",
    **dict.fromkeys((".yaml", ".yml"), "yaml"),
}


@dataclass(frozen=True)
class Bundle:
    """Path (relative, with `/`) → text, in the order of the seed."""

    files: Mapping[str, str]

    def __post_init__(self) -> None:
        if not self.files:
            raise ValueError("a bundle needs a file")
        for path in self.files:
            if not is_plain(path):
                raise ValueError(f"{path!r} is no plain relative path")

    def replaced(self, path: str, text: str) -> Bundle:
        """The same files, one of them with another text. KeyError for a file that is not there."""
        if path not in self.files:
            raise KeyError(path)
        return Bundle({**self.files, path: text})


def is_plain(path: str) -> bool:
    """Relative, below the tree, and of characters that a header, a patch and a shell's word can hold."""
    parts = PurePosixPath(path).parts
    fits = bool(parts) and not path.startswith("/") and path == "/".join(parts) and path == path.strip()
    return fits and ".." not in parts and path.isprintable() and not path.endswith(_OPEN.strip())


def is_bundle(text: str) -> bool:
    return _HEADER.fullmatch(text.partition("\n")[0]) is not None


def format_bundle(bundle: Bundle) -> str:
    """One text; the same bundle gives the same one, and `parse_bundle` gives the bundle back."""
    bars = [len(match["bar"]) for text in bundle.files.values() for match in _headers(text)]
    bar = "=" * max([3, *(length + 1 for length in bars)])
    parts = []
    for path, text in bundle.files.items():
        is_open = bool(text) and not text.endswith("\n")
        parts.append(f"{bar} file: {path}{_OPEN if is_open else ''} {bar}\n{text}" + ("\n" if is_open else ""))
    return "".join(parts)


def parse_bundle(text: str) -> Bundle:
    """Raises UserError for a text that does not begin with a header, or names a file twice or outside of the tree."""
    first, _, _ = text.partition("\n")
    header = _HEADER.fullmatch(first)
    if header is None:
        raise UserError(
            f"does not begin with `=== file: PATH ===` but with {first[:80]!r}",
            where="the program's files",
            hint="keep the lines that begin a file as they are",
        )
    files: dict[str, str] = {}
    path, is_open, lines = header["path"], bool(header["open"]), list[str]()
    for line in text.split("\n")[1:]:
        found = _HEADER.fullmatch(line)
        if found is None or found["bar"] != header["bar"]:
            lines.append(line)
            continue
        _keep(files, path, [*lines, ""], is_open=is_open)
        path, is_open, lines = found["path"], bool(found["open"]), []
    _keep(files, path, lines, is_open=is_open)
    return Bundle(files)


def _keep(files: dict[str, str], path: str, lines: list[str], *, is_open: bool) -> None:
    if path in files or not is_plain(path):
        why = "stands there twice" if path in files else "is no path inside the tree"
        raise UserError(f"file {path!r} {why}", where="the program's files", hint="one section for each file")
    text = "\n".join(lines)
    files[path] = text[:-1] if is_open and text.endswith("\n") else text


def _headers(text: str) -> list[re.Match[str]]:
    return [found for line in text.split("\n") if (found := _HEADER.fullmatch(line)) is not None]


def language_of(path: str) -> str:
    """As the operators call it; `text` for a file of no known kind."""
    name = PurePosixPath(path)
    if name.name in {"Makefile", "makefile", "GNUmakefile"} or name.suffix == ".mk":
        return "make"
    if name.name == "CMakeLists.txt" or name.suffix == ".cmake":
        return "cmake"
    return _LANGUAGES.get(name.suffix.lower(), "text")


def without_own_markers(text: str) -> str:
    """A file as it lies in the user's tree: without the block markers that `task init` has set."""
    kept = [
        line
        for line in text.split("\n")
        if not (line.rstrip().endswith(OURS) and (BLOCK_START in line or BLOCK_END in line))
    ]
    return "\n".join(kept)


def diff_bundles(before: Bundle, after: Bundle, *, prefix: str = "") -> str:
    """A patch that `git apply` takes, files below `prefix` (with a slash at its end); empty for equal bundles."""
    parts = []
    for path in [*before.files, *(path for path in after.files if path not in before.files)]:
        old, new = (without_own_markers(side.files.get(path, "")) for side in (before, after))
        if old != new:
            parts.append(_file_patch(f"{prefix}{path}", old, new, is_new=path not in before.files))
    return "".join(parts)


def _file_patch(path: str, old: str, new: str, *, is_new: bool) -> str:
    """`difflib` drops the word on a missing line feed, which a patch needs."""
    before = "/dev/null" if is_new else f"a/{path}"
    lines = difflib.unified_diff(_lines(old), _lines(new), fromfile=before, tofile=f"b/{path}", lineterm="\n")
    text = "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
    return f"diff --git a/{path} b/{path}\n" + ("new file mode 100644\n" if is_new else "") + text


def _lines(text: str) -> list[str]:
    """At line feeds only, as a patch counts lines."""
    pieces = text.split("\n")
    return [f"{piece}\n" for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])
