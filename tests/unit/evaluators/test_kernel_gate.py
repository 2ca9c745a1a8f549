"""The static gate on libraries that a real compiler made."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluators.kernels.gate import inspect_library

Compile = Callable[..., bytes]


@pytest.fixture
def compiled(tmp_path: Path) -> Compile:
    def build(source: str, *link: str) -> bytes:
        (tmp_path / "kernel.c").write_text(source, encoding="utf-8")
        words = ["gcc", "-O3", "-ffast-math", "-fPIC", "-c", "kernel.c", "-o", "kernel.o"]
        subprocess.run(words, cwd=tmp_path, check=True)
        flags = link or ("-nostartfiles",)
        subprocess.run(
            ["gcc", "-shared", *flags, "-o", "kernel.so", "kernel.o", "-lmvec", "-lm"], cwd=tmp_path, check=True
        )
        return (tmp_path / "kernel.so").read_bytes()

    return build


_HONEST = "#include <math.h>\nint nf_kernel(float *y) { for (int i = 0; i < 4096; i++) y[i] = expf(y[i]); return 0; }"

_AT_LOAD = "int v;\n__attribute__(({})) static void c(void) {{ v = 1; }}\nint nf_kernel(void) {{ return v; }}"


def test_an_honest_kernel_with_vector_libm_passes(compiled: Compile) -> None:
    library = compiled(_HONEST)
    assert b"_ZGV" in library, "the compiler did not use the vector library: this test shows nothing"
    assert inspect_library(library, "nf_kernel") == ()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ('#include <stdio.h>\nint nf_kernel(void) { return puts("x"); }', "imports puts"),
        ("#include <unistd.h>\nint nf_kernel(void) { return fork(); }", "imports fork"),
        ("#include <time.h>\nint nf_kernel(void) { return (int)time(0); }", "imports time"),
        (
            "int v;\n__attribute__((constructor)) static void c(void) { v = 1; }\nint nf_kernel(void) { return v; }",
            "DT_INIT_ARRAY",
        ),
        (
            "int v;\n__attribute__((destructor)) static void c(void) { v = 1; }\nint nf_kernel(void) { return v; }",
            "DT_FINI_ARRAY",
        ),
        ("int other(void) { return 0; }", "does not export the function nf_kernel"),
        ("int nf_kernel = 3;", "does not export the function nf_kernel"),
        (
            "static int real(void) { return 0; }\nstatic int (*pick(void))(void) { return real; }\n"
            'int nf_kernel(void) __attribute__((ifunc("pick")));',
            "runs at load",
        ),
    ],
)
def test_what_no_kernel_needs_is_named(compiled: Compile, source: str, words: str) -> None:
    assert any(words in problem for problem in inspect_library(compiled(source), "nf_kernel"))


def test_a_foreign_library_or_search_path_is_named(compiled: Compile, tmp_path: Path) -> None:
    (tmp_path / "other.c").write_text("int other(void) { return 0; }", encoding="utf-8")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", "libother.so", "other.c"], cwd=tmp_path, check=True)
    library = compiled(_HONEST, "-nostartfiles", "-Wl,-rpath,/tmp,--no-as-needed", f"-L{tmp_path}", "-lother")
    problems = inspect_library(library, "nf_kernel")
    assert any("RPATH" in problem or "RUNPATH" in problem for problem in problems)
    assert any("needs the library" in problem for problem in problems)


def test_instructions_found_by_the_disassembler_are_named(compiled: Compile) -> None:
    assert inspect_library(compiled(_HONEST), "nf_kernel", ["3 syscall"]) == (
        "instruction syscall has no place in a kernel",
    )


@pytest.mark.parametrize("junk", [b"", b"\x7fELF", b"\x7fELF\x02\x01\x01" + b"\xff" * 200, b"not a library"])
def test_junk_is_refused_without_an_exception(junk: bytes) -> None:
    assert inspect_library(junk, "nf_kernel")


def test_a_library_that_lies_about_itself_is_never_an_exception(compiled: Compile) -> None:
    """The compiler's output is the candidate's work: a plugin or an object file can shape it byte by byte."""
    library = compiled(_HONEST)
    sections = int.from_bytes(library[40:48], "little")
    lies = random.Random(1)
    for _ in range(3000):
        bent = bytearray(library)
        for _ in range(lies.choice((1, 2, 8))):
            start, end = lies.choice(((16, 64), (64, 600), (sections, len(library)), (0, len(library))))
            bent[lies.randrange(start, end)] = lies.choice((0, 1, 127, 128, 255))
        inspect_library(bytes(bent), "nf_kernel")


def test_every_truncation_of_a_library_is_refused(compiled: Compile) -> None:
    library = compiled(_HONEST)
    for size in range(0, len(library) - 2048, 512):
        assert inspect_library(library[:size], "nf_kernel")
