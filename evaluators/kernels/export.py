"""What leaves with an exported kernel: a header, a ctypes wrapper and the build, so that it can be called at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from string import Template

from evaluators.kernels.build import OPENMP, compiler_flags
from evaluators.kernels.spec import C_ELEMENTS, Argument, KernelSettings
from nightforge.domain.artifact import ExportedFile
from nightforge.domain.task import Task

_C_TYPES = {"int64": "int64_t", "float64": "double"}
_PYTHON_TYPES = {"int64": "int", "float64": "float"}
_CTYPES = {"int64": "ctypes.c_int64", "float64": "ctypes.c_double"}
LIBRARY = "libkernel.so"
_WRAPPER = '''\
"""$title

    import kernel
    $buffers = …  # kernel.buffer(count) makes aligned ones
    kernel.$function($names)

Builds `$library` on first use (`build.sh`; a C compiler is needed). Written in place: $written.
"""

from __future__ import annotations

import ctypes
import subprocess
from functools import cache
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
ALIGNED = 64


class Arguments(ctypes.Structure):
    _fields_ = [
$fields
    ]


@cache
def library() -> ctypes.CDLL:
    path = HERE / "$library"
    if not path.exists() or path.stat().st_mtime < (HERE / "program.c").stat().st_mtime:
        subprocess.run(["sh", str(HERE / "build.sh")], check=True)
    loaded = ctypes.CDLL(str(path))
    loaded.$symbol.argtypes = [ctypes.POINTER(Arguments)]
    loaded.$symbol.restype = ctypes.c_int
    return loaded


def buffer(count: int, dtype: type = np.float32) -> np.ndarray:
    """Zeros, aligned as the kernel needs them."""
    size = np.dtype(dtype).itemsize * count
    raw = np.zeros(size + ALIGNED, dtype=np.uint8)
    start = -raw.ctypes.data % ALIGNED
    return raw[start : start + size].view(dtype)


def $function($signature) -> None:
$checks
    arguments = Arguments($values)
    status = library().$symbol(ctypes.byref(arguments))
    if status:
        raise RuntimeError(f"$symbol returned {status}")


def _checked(name: str, array: np.ndarray, count: int | None, dtype: type = np.float32) -> None:
    if array.dtype != dtype or not array.flags.c_contiguous:
        raise TypeError(f"{name} has to be a contiguous array of {np.dtype(dtype).name}")
    if array.ctypes.data % ALIGNED:
        raise ValueError(f"{name} has to be {ALIGNED}-byte aligned: buffer(count) makes such arrays")
    if count is not None and array.size != count:
        raise ValueError(f"{name} has {array.size} elements, and {count} are needed")
'''


def kernel_files(source: str, task: Task, settings: KernelSettings) -> Mapping[str, ExportedFile]:
    return {
        "kernel.h": ExportedFile(content=header(task, settings), what="the function's declaration, for C and C++"),
        "kernel.py": ExportedFile(content=wrapper(task, settings), what="calls it from Python: ctypes and numpy"),
        "build.sh": ExportedFile(
            content=build_script(source, settings.threads),
            what=f"builds `{LIBRARY}` with the flags it was timed with",
        ),
    }


def header(task: Task, settings: KernelSettings) -> str:
    guard = f"NIGHTFORGE_{re.sub(r'[^A-Z0-9]', '_', task.name.upper())}_H"
    width = max(len(_c_field(argument)) for argument in settings.arguments)
    fields = [f"    {_c_field(argument):<{width}} /* {_c_words(argument)} */" for argument in settings.arguments]
    return "\n".join(
        [
            f"/* {_plain(task.title)} */",
            f"#ifndef {guard}",
            f"#define {guard}",
            "#include <stdint.h>",
            "#ifdef __cplusplus",
            'extern "C" {',
            "#endif",
            "",
            "typedef struct {",
            *fields,
            "} nf_args;",
            "",
            "/* Returns 0. Buffers are 64-byte aligned and do not overlap. Safe to call from several threads. */",
            f"int {settings.symbol}(const nf_args *args);",
            "",
            "#ifdef __cplusplus",
            "}",
            "#endif",
            "#endif",
            "",
        ]
    )


def build_script(source: str, threads: int = 1) -> str:
    flags = " ".join(compiler_flags(source, threads))
    team = f"# It was timed on {threads} threads: OMP_NUM_THREADS={threads} OMP_PROC_BIND=true\n" if threads > 1 else ""
    runtime = f" {OPENMP}" if threads > 1 else ""
    return (
        "#!/bin/sh\n"
        f"{team}"
        "# The flags that it was timed with. -march=native: build it on the machine that runs it.\n"
        "# Two steps: an older gcc that links with -ffast-math makes every program that loads the library round\n"
        "# the smallest numbers to zero.\n"
        "set -eu\n"
        'cd "$(dirname "$0")"\n'
        f'"${{CC:-gcc}}" {flags} -c -o program.o program.c\n'
        f'"${{CC:-gcc}}" -shared{runtime} -o {LIBRARY} program.o -lm\n'
        "rm program.o\n"
    )


def wrapper(task: Task, settings: KernelSettings) -> str:
    """Sizes of buffers are checked where they are products of integer arguments."""
    arguments = settings.arguments
    return Template(_WRAPPER).substitute(
        title=_plain(task.title),
        function=re.sub(r"\W", "_", task.name),
        symbol=settings.symbol,
        library=LIBRARY,
        names=", ".join(one.name for one in arguments),
        buffers=", ".join(one.name for one in arguments if one.is_buffer),
        written=", ".join(one.name for one in arguments if one.is_written),
        fields="\n".join(f'        ("{one.name}", {_ctypes(one)}),' for one in arguments),
        signature=", ".join(f"{one.name}: {_python_type(one)}" for one in arguments),
        checks="\n".join(_check(one, settings) for one in arguments if one.is_buffer),
        values=", ".join(f"{one.name}.ctypes.data" if one.is_buffer else one.name for one in arguments),
    )


def _check(argument: Argument, settings: KernelSettings) -> str:
    integers = {one.name for one in settings.arguments if one.kind == "int64"}
    factors = (f"({term.replace('+', ' + ')})" if "+" in term else term for term in argument.count)
    count = " * ".join(factors) if argument.dimensions <= integers else "None"
    dtype = "" if argument.element == "float32" else f", np.{argument.element}"
    return f'    _checked("{argument.name}", {argument.name}, {count}{dtype})'


def _c_field(argument: Argument) -> str:
    if not argument.is_buffer:
        return f"{_C_TYPES[argument.kind]} {argument.name};"
    return f"{'' if argument.is_written else 'const '}{C_ELEMENTS[argument.element]} *{argument.name};"


def _c_words(argument: Argument) -> str:
    words = {
        "input": "read",
        "output": "written",
        "inout": "read and written in place",
        "scratch": "room to work in",
    }
    return f"{words[argument.kind]}: {' x '.join(argument.count)}" if argument.is_buffer else "by value"


def _ctypes(argument: Argument) -> str:
    return "ctypes.c_void_p" if argument.is_buffer else _CTYPES[argument.kind]


def _python_type(argument: Argument) -> str:
    return "np.ndarray" if argument.is_buffer else _PYTHON_TYPES[argument.kind]


def _plain(text: str) -> str:
    return " ".join(text.replace("*/", "* /").replace('"""', "'''").replace("\\", "/").split())
