"""Trees that are built by Cargo and by CMake, in the box, without network: a better program measures better."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from own_trees import MakeTask

from evaluators.own.evaluator import OwnEvaluator
from evaluators.own.toolchains import needed, where_is
from nightforge.domain.task import Task
from nightforge.domain.words import Phase
from sandbox.platform import find_tool
from sandbox.probe import open_sandbox

pytestmark = pytest.mark.box

CARGO = """[package]
name = "sums"
version = "0.1.0"
edition = "2021"

[dependencies]
steps = { path = "vendor/steps" }
"""
STEPS = '[package]\nname = "steps"\nversion = "0.1.0"\nedition = "2021"\n'
RUST_SLOW = """pub fn total(n: u64) -> u64 {
    let mut sum: u64 = 0;
    for at in 0..n {
        for _ in 0..64 { sum = std::hint::black_box(sum); }
        sum = sum.wrapping_add(steps::step(at));
    }
    sum
}
"""
RUST_FAST = RUST_SLOW.replace("        for _ in 0..64 { sum = std::hint::black_box(sum); }\n", "")
RUST_MAIN = """mod total;

fn main() {
    let seed: u64 = std::env::args().nth(1).unwrap().parse().unwrap();
    println!("{}", total::total(8_000_000 + seed % 1000));
}

#[test]
fn four() {
    assert_eq!(total::total(4), 0 + 7 + 14 + 21);
}
"""
CMAKE = """cmake_minimum_required(VERSION 3.13)
project(sums LANGUAGES CXX)
enable_testing()
add_library(total src/total.cpp src/step.cpp)
add_executable(bench bench.cpp)
target_link_libraries(bench total)
add_test(NAME runs COMMAND bench 3)
"""
CXX_SLOW = """unsigned long step(unsigned long at);
unsigned long total(unsigned long n) {
    unsigned long sum = 0;
    for (unsigned long at = 0; at < n; at++) {
        for (volatile int idle = 0; idle < 64; idle = idle + 1) {}
        sum += step(at);
    }
    return sum;
}
"""
CXX_FAST = CXX_SLOW.replace("        for (volatile int idle = 0; idle < 64; idle = idle + 1) {}\n", "")
CXX_MAIN = """#include <cstdio>
#include <cstdlib>
unsigned long total(unsigned long n);
int main(int, char** argv) {
    std::printf("%lu\\n", total(2500000 + std::strtoul(argv[1], nullptr, 10) % 1000));
}
"""


async def gain(task: Task, path: str, slow: str, fast: str) -> float:
    evaluator = OwnEvaluator(open_sandbox())
    source = task.read(task.seed)
    assert slow in source
    evidence = await evaluator.evaluate(source.replace(slow, fast), task, {}, seed=3, phase=Phase.SEARCH)
    assert evidence.failure is None, (path, evidence.failure)
    return evidence.metrics["gain"].value


@pytest.fixture
def rust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine's toolchain, where a box may read it: root's home is closed to boxes, links into it are not."""
    cargo = where_is("cargo")
    if cargo is None:
        pytest.skip("cargo is neither on PATH nor in ~/.cargo/bin")
    asked = subprocess.run([cargo.with_name("rustc"), "--print", "sysroot"], capture_output=True, text=True)
    if asked.returncode != 0:
        pytest.skip(f"rustc has no toolchain here: {asked.stderr.strip()[:200]}")
    sysroot, copy = Path(asked.stdout.strip()), tmp_path / "rust"
    try:
        for name in ("bin", "lib"):
            shutil.copytree(sysroot / name, copy / name, symlinks=True, copy_function=os.link)
    except (OSError, shutil.Error) as error:
        pytest.skip(f"the toolchain in {sysroot} cannot be linked into {tmp_path}: {error}")
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    monkeypatch.setenv("RUSTUP_TOOLCHAIN", str(copy))
    monkeypatch.setenv("PATH", f"{copy / 'bin'}:{os.environ['PATH']}")


@pytest.mark.usefixtures("rust")
async def test_a_rust_crate_with_a_vendored_one(make_task: MakeTask, tmp_path: Path) -> None:
    vendored = tmp_path / "vendored" / "src"
    vendored.mkdir(parents=True)
    (vendored.parent / "Cargo.toml").write_text(STEPS)
    (vendored / "lib.rs").write_text("pub fn step(at: u64) -> u64 {\n    at * 7\n}\n")
    commands = {"build": "cargo build --release --offline", "check": "cargo test --release --offline"}
    toolchains = needed(list(commands.values()), tree=tmp_path / "tree")
    assert toolchains.mounts == {".toolchain/rust": str(tmp_path / "rust")}
    task = make_task(
        {"Cargo.toml": CARGO, "src/main.rs": RUST_MAIN, "src/total.rs": RUST_SLOW},
        evolve=("src/total.rs",),
        measure={"kind": "time", "command": "target/release/sums {seed}", "metric": "cpu_s", "unit": "s"},
        mounts={**toolchains.mounts, "vendor/steps": str(vendored.parent)},
        path=toolchains.path,
        seeds=2,
        **commands,
    )
    assert await gain(task, "src/total.rs", RUST_SLOW, RUST_FAST) > 1.3
    found = await OwnEvaluator(open_sandbox()).fingerprint(task, {})
    without = task.model_copy(update={"settings": {**task.settings, "path": []}})
    assert found != await OwnEvaluator(open_sandbox()).fingerprint(without, {})


async def test_a_cmake_tree_of_two_evolvable_files(make_task: MakeTask) -> None:
    if find_tool("cmake") is None or find_tool("c++") is None:
        pytest.skip("cmake or a C++ compiler is not installed")
    task = make_task(
        {
            "CMakeLists.txt": CMAKE,
            "src/total.cpp": CXX_SLOW,
            "src/step.cpp": "unsigned long step(unsigned long at) { return at * 7; }\n",
            "bench.cpp": CXX_MAIN,
        },
        evolve=("src/total.cpp", "src/step.cpp"),
        measure={"kind": "time", "command": "build/bench {seed}", "metric": "cpu_s", "unit": "s"},
        build="cmake -S . -B build -DCMAKE_BUILD_TYPE=Release && cmake --build build",
        check="ctest --test-dir build",
        wall_s={"build": 300.0},
        seeds=2,
    )
    assert await gain(task, "src/total.cpp", CXX_SLOW, CXX_FAST) > 1.3


async def test_a_crate_that_is_not_there_is_named_as_network(make_task: MakeTask) -> None:
    """As cargo words it: no toolchain is needed to see that the words are known."""
    said = "error: no matching package named `rand` found\\nAs a reminder, you are using offline mode (--offline)"
    task = make_task(
        {"lib.py": "x = 1\n"},
        measure={"kind": "time", "command": "true", "metric": "cpu_s"},
        build=f"printf '{said}' >&2; exit 101",
    )
    found = await OwnEvaluator(open_sandbox()).remarks(task, {}, seed=1, say=lambda _: None)
    bad = [one for one in found if one.level == "bad"][-1]
    assert "looks for a network" in bad.said
    assert "cargo vendor" in bad.mend
