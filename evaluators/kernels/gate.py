"""The static gate: what a computing library may import and must not carry. A first fence, never the only one."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from itertools import islice

from elftools.common.exceptions import ELFError
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection
from elftools.elf.sections import SymbolTableSection

_MATH = [
    "exp",
    "exp2",
    "exp10",
    "expm1",
    "log",
    "log2",
    "log10",
    "log1p",
    "pow",
    "sqrt",
    "cbrt",
    "hypot",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "atan2",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "acosh",
    "atanh",
    "erf",
    "erfc",
    "tgamma",
    "lgamma",
    "fabs",
    "fma",
    "fmin",
    "fmax",
    "fmod",
    "remainder",
    "floor",
    "ceil",
    "trunc",
    "round",
    "rint",
    "nearbyint",
    "lrint",
    "llrint",
    "lround",
    "llround",
    "ldexp",
    "scalbn",
    "scalbln",
    "frexp",
    "modf",
    "copysign",
    "sincos",
    "logb",
    "ilogb",
]
_MEMORY = [
    "memcpy",
    "memmove",
    "memset",
    "memcmp",
    "malloc",
    "calloc",
    "realloc",
    "free",
    "aligned_alloc",
    "posix_memalign",
    "__stack_chk_fail",
]
ALLOWED_IMPORTS = frozenset(
    [*_MEMORY, *(name + suffix for name in _MATH for suffix in ("", "f", "l"))]
    + [f"__{name}{suffix}_finite" for name in _MATH for suffix in ("", "f")]
)
_VECTOR_MATH = re.compile(r"^_ZGV[a-zA-Z][NM]\d+v*_\w+$")
_ALLOWED_LIBRARIES = re.compile(r"^(libc|libm|libmvec|libgcc_s)\.so(\.\d+)*$")
_OPENMP_LIBRARY = re.compile(r"^libgomp\.so(\.\d+)*$")
_OPENMP = re.compile(
    r"^(GOMP_(parallel|barrier|single_start|critical_\w+|atomic_\w+|(parallel_)?(loop|sections)_\w+|parallel_sections)"
    r"|omp_get_(thread_num|num_threads|max_threads))$"
)
"""Parallel regions, their loops and sums, and who one is. No tasks, no devices, no locks by address, no clock, and
nothing that changes the team."""
_UNREADABLE = (ELFError, ArithmeticError, AssertionError, AttributeError, LookupError, OSError, TypeError, ValueError)
"""What a reader of files that it trusts raises on one that lies: the compiler's output is the candidate's work."""

_MOST = 4096
"""Sections, segments, symbols and relocations that are looked at, each; a kernel has some dozens."""

_CODE_AT_LOAD = {"DT_INIT", "DT_FINI", "DT_INIT_ARRAY", "DT_FINI_ARRAY", "DT_PREINIT_ARRAY"}
_FOREIGN_SEARCH = {"DT_RPATH", "DT_RUNPATH", "DT_AUDIT", "DT_DEPAUDIT", "DT_FILTER", "DT_AUXILIARY", "DT_TEXTREL"}


def inspect_library(library: bytes, symbol: str, forbidden: Sequence[str] = (), *, threads: int = 1) -> tuple[str, ...]:
    """Everything that is wrong with the library, in sentences; empty when it may be loaded.

    OpenMP's runtime may be used where more than one thread is declared.
    """
    try:
        elf = ELFFile(io.BytesIO(library))
        crowd = _crowd(elf)
        if crowd:
            return (crowd,)
        problems = [*_dynamic(elf, threads), *_symbols(elf, symbol, threads), *_relocations(elf), *_segments(elf)]
    except _UNREADABLE as error:
        return (f"not a readable ELF library: {error}",)
    problems += [f"instruction {line.split()[-1]} has no place in a kernel" for line in forbidden]
    return tuple(dict.fromkeys(problems))


def _crowd(elf: ELFFile) -> str:
    """What there is too much of to be read in reasonable time; empty in an honest library."""
    counts = {"sections": elf.num_sections(), "segments": elf.num_segments()}
    if max(counts.values()) <= _MOST:
        for section in elf.iter_sections():
            if isinstance(section, SymbolTableSection):
                counts["symbols"] = max(counts.get("symbols", 0), section.num_symbols())
            elif isinstance(section, RelocationSection):
                counts["relocations"] = max(counts.get("relocations", 0), section.num_relocations())
    return "; ".join(f"{count} {what}; a kernel has some dozens" for what, count in counts.items() if count > _MOST)


def _dynamic(elf: ELFFile, threads: int) -> list[str]:
    problems = []
    sections = [section for section in elf.iter_sections() if isinstance(section, DynamicSection)]
    if len(sections) != 1:
        return [f"there are {len(sections)} dynamic sections, not one"]
    section = sections[0]
    for tag in islice(section.iter_tags(), _MOST):
        kind = str(tag.entry.d_tag)
        if kind in _CODE_AT_LOAD:
            problems.append(f"code runs at load or unload ({kind}); constructors are not allowed")
        elif kind in _FOREIGN_SEARCH:
            problems.append(f"{kind} is not allowed")
        elif kind == "DT_NEEDED":
            library = str(getattr(tag, "needed", ""))
            if not _ALLOWED_LIBRARIES.match(library) and not (threads > 1 and _OPENMP_LIBRARY.match(library)):
                problems.append(f"needs the library {library}")
    return problems


def _symbols(elf: ELFFile, symbol: str, threads: int) -> list[str]:
    problems = []
    # By type: the name of a section is the source's to choose.
    tables = [section for section in elf.iter_sections() if section["sh_type"] == "SHT_DYNSYM"]
    if len(tables) != 1 or not isinstance(tables[0], SymbolTableSection):
        return [f"there are {len(tables)} dynamic symbol tables, not one"]
    table = tables[0]
    defined = False
    for entry in table.iter_symbols():
        name, kind = entry.name, entry["st_info"]["type"]
        if kind in {"STT_GNU_IFUNC", "STT_LOOS"}:
            problems.append(f"{name} is an indirect function: code that runs at load")
        if entry["st_shndx"] != "SHN_UNDEF":
            defined = defined or (name == symbol and kind == "STT_FUNC")
        elif name and not _may_import(name, threads):
            problems.append(f"imports {name}; only libm, libmvec, memory and allocation functions are allowed")
    if not defined:
        problems.append(f"does not export the function {symbol}")
    return problems


def _may_import(name: str, threads: int) -> bool:
    if name in ALLOWED_IMPORTS or _VECTOR_MATH.match(name):
        return True
    return threads > 1 and _OPENMP.match(name) is not None


def _relocations(elf: ELFFile) -> list[str]:
    irelative = {"EM_X86_64": 37, "EM_AARCH64": 1032}.get(elf["e_machine"])
    for section in elf.iter_sections():
        if isinstance(section, RelocationSection):
            for relocation in section.iter_relocations():
                if relocation["r_info_type"] == irelative:
                    return ["an IRELATIVE relocation: code that runs at load"]
    return []


def _segments(elf: ELFFile) -> list[str]:
    writable, executable = 2, 1
    for segment in elf.iter_segments():
        flags = segment["p_flags"]
        if flags & writable and flags & executable and segment["p_type"] in {"PT_LOAD", "PT_GNU_STACK"}:
            return ["memory that is writable and executable at once"]
    return []
