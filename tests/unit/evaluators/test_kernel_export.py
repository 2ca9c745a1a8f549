"""An exported kernel is called at once: from C, from C++ and from Python, and gives what numpy gives."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from evaluators.kernels.export import header, kernel_files, wrapper
from evaluators.kernels.spec import read_settings
from nightforge.catalogue import find_task, shipped_tasks

KERNELS = [task.name for task in shipped_tasks() if task.domain == "kernels"]
needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")


def exported(name: str, folder: Path) -> ModuleType:
    task = find_task(name)
    source = task.read(task.seed)
    for file, made in kernel_files(source, task, read_settings(task)).items():
        (folder / file).write_text(made.content)
    (folder / "program.c").write_text(source)
    spec = importlib.util.spec_from_file_location(f"exported_{folder.name.replace('-', '_')}", folder / "kernel.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@needs_gcc
def test_axpy_from_python(tmp_path: Path) -> None:
    module = exported("axpy", tmp_path)
    rng = np.random.default_rng(1)
    x, y = module.buffer(1003), module.buffer(1003)
    x[:], y[:] = rng.standard_normal(1003), rng.standard_normal(1003)
    expected = y + np.float32(2.5) * x
    module.axpy(x, y, 1003, 2.5)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)


@needs_gcc
def test_softmax_from_python(tmp_path: Path) -> None:
    module = exported("softmax-long", tmp_path)
    x, y = module.buffer(777), module.buffer(777)
    x[:] = np.random.default_rng(2).standard_normal(777)
    expected = np.exp(x - x.max())
    module.softmax_long(x, y, 777)
    np.testing.assert_allclose(y, expected / expected.sum(), rtol=1e-4, atol=1e-7)


@needs_gcc
@pytest.mark.parametrize("name", KERNELS)
def test_the_smallest_numbers_of_who_loads_it_stay(name: str, tmp_path: Path) -> None:
    """In a process of its own: what a start file of -ffast-math changes stays changed for all that follows."""
    exported(name, tmp_path)
    program = "import sys, kernel; kernel.library(); half = sys.float_info.min / 2; sys.exit(half == 0.0)"
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)


@needs_gcc
def test_what_would_crash_is_refused(tmp_path: Path) -> None:
    module = exported("axpy", tmp_path)
    good, short = module.buffer(64), module.buffer(32)
    with pytest.raises(ValueError, match="32 elements, and 64 are needed"):
        module.axpy(short, good, 64, 1.0)
    with pytest.raises(TypeError, match="float32"):
        module.axpy(np.zeros(64), good, 64, 1.0)
    with pytest.raises(TypeError, match="contiguous"):
        module.axpy(module.buffer(128)[::2], good, 64, 1.0)
    with pytest.raises(ValueError, match="aligned"):
        module.axpy(module.buffer(65)[1:], good, 64, 1.0)


@needs_gcc
@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("language", ["c", "c++"])
def test_the_header_is_that_of_the_kernel(name: str, language: str, tmp_path: Path) -> None:
    """The seed's own struct has the same fields in the same places."""
    if language == "c++" and shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    task = find_task(name)
    settings = read_settings(task)
    (tmp_path / "kernel.h").write_text(header(task, settings))
    fields = " && ".join(
        f"offsetof(nf_args, {argument.name}) == {8 * place}" for place, argument in enumerate(settings.arguments)
    )
    check = "static_assert" if language == "c++" else "_Static_assert"
    program = (
        f'#include <stddef.h>\n#include "kernel.h"\n{check}({fields}, "fields");\nint main(void) {{ return 0; }}\n'
    )
    compiler = ["g++", "-x", "c++"] if language == "c++" else ["gcc", "-x", "c"]
    done = subprocess.run(
        [*compiler, "-Wall", "-Werror", "-fsyntax-only", "-I", str(tmp_path), "-"],
        input=program,
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", KERNELS)
def test_a_title_cannot_break_out_of_its_comment(name: str) -> None:
    task = find_task(name)
    hostile = task.model_copy(update={"title": 'x */ int evil; /* """ + evil + """ \\'})
    settings = read_settings(task)
    assert "*/ int evil" not in header(hostile, settings)
    compile(wrapper(hostile, settings), "kernel.py", "exec")
    assert '""" + evil' not in wrapper(hostile, settings)
