"""Runs another engine's evaluator on one candidate inside the box, and says on stdout what came of it, as JSON.

usage: python3 -I -S foreign_worker.py SPEC.json JOB BOX

JOB and BOX are where /job and /box of the specification's paths really are.

The evaluator and the candidate share one process, as their authors meant it: nothing that comes from it is believed,
only carried. This process starts that one, keeps the ends of what it prints, holds each stage to its time and caps
what it sends; both die with the box. Standard library only, from Python 3.8 on: the interpreter is the user's.
"""

from __future__ import annotations

import functools
import importlib.machinery
import importlib.util
import json
import math
import os
import select
import shutil
import signal
import site
import sys
import time
import traceback
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

HEAD_BYTES, TAIL_BYTES = 2000, 14000
MOST_REPLY_BYTES = 1 << 20
MOST_TEXT = 8000
MOST_ITEMS = 64
LOAD_S = 120.0
"""For the evaluator's own imports, before its first stage."""


class Ends:
    """The first and the last part of a stream of any length."""

    def __init__(self) -> None:
        self.head, self.tail, self.seen = b"", b"", 0

    def add(self, data: bytes) -> None:
        self.seen += len(data)
        room = HEAD_BYTES - len(self.head)
        self.head += data[:room]
        self.tail = (self.tail + data[room:])[-TAIL_BYTES:]

    def text(self) -> str:
        cut = self.seen - len(self.head) - len(self.tail)
        middle = f"\n... {cut} bytes left out ...\n".encode() if cut > 0 else b""
        return (self.head + middle + self.tail).decode("utf-8", "replace")


# ---------------------------------------------------------------------------------------- in the evaluator's process


class Reporter:
    """Sends what a stage gave; the reading end caps and checks it."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def send(self, kind: str, **values: Any) -> None:
        data = json.dumps({"kind": kind, **values}).encode() + b"\n"
        while data:
            data = data[os.write(self.descriptor, data) :]


def plain(result: Any) -> dict[str, Any]:
    """A result in any of the peers' forms as {"metrics": {name: number or None}, "texts": {name: text}}."""
    metrics: dict[str, Any] = {}
    texts: dict[str, str] = {}
    if isinstance(result, tuple) and len(result) == 2:
        score, info = result
        _sort_in("score", score, metrics, texts)
        for name, value in (info if isinstance(info, dict) else {"info": info}).items():
            _sort_in(str(name), value, metrics, texts, is_text=True)
    elif isinstance(result, dict):
        for name, value in result.items():
            _sort_in(str(name), value, metrics, texts)
    elif hasattr(result, "metrics"):
        for name, value in dict(result.metrics).items():
            _sort_in(str(name), value, metrics, texts)
        for name, value in dict(getattr(result, "artifacts", None) or {}).items():
            _sort_in(str(name), value, metrics, texts, is_text=True)
    elif result is None:
        texts["error"] = "the evaluator returned nothing"
    else:
        _sort_in("score", result, metrics, texts)
    return {"metrics": metrics, "texts": texts}


def _sort_in(name: str, value: Any, metrics: dict[str, Any], texts: dict[str, str], *, is_text: bool = False) -> None:
    """Numbers are metrics, flags and all else are words; what is no finite number becomes None."""
    if len(metrics) + len(texts) >= MOST_ITEMS:
        return
    name = name[:64]
    if not is_text and not isinstance(value, (bool, str, bytes, dict, list, tuple)):
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            pass
        else:
            metrics[name] = number if math.isfinite(number) else None
            return
    if isinstance(value, bytes):
        texts[name] = f"({len(value)} bytes)"
    elif value is not None:
        texts[name] = (value if isinstance(value, str) else str(value))[:MOST_TEXT]


def awaited(value: Any) -> Any:
    if not hasattr(value, "__await__"):
        return value
    import asyncio

    async def wait() -> Any:
        return await value

    return asyncio.run(wait())


def load(path: str, name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def run_stage(reporter: Reporter, stage: str, work: Callable[[], Any]) -> dict[str, Any] | None:
    """Its result, sent as well; None when it raised."""
    reporter.send("stage", stage=stage)
    try:
        found = plain(awaited(work()))
    except BaseException:
        reporter.send("result", stage=stage, raised=traceback.format_exc()[-MOST_TEXT:])
        return None
    reporter.send("result", stage=stage, **found)
    return found


def run_paths(spec: dict[str, Any], reporter: Reporter) -> None:
    """OpenEvolve and SkyDiscover: evaluate(path), or the cascade evaluate_stage1, 2, 3 (path) with its thresholds."""
    module = load(spec["evaluator"], "evaluation_module")
    program, thresholds = spec["program"], spec["thresholds"]
    if not spec["stages"]:
        run_stage(reporter, "evaluate", lambda: module.evaluate(program))
        return
    merged: dict[str, Any] = {}
    for number, stage in enumerate(spec["stages"]):
        found = run_stage(reporter, stage, functools.partial(getattr(module, stage), program))
        if found is None or number + 1 == len(spec["stages"]):
            return
        merged.update({name: value for name, value in found["metrics"].items() if name != "error"})
        least = thresholds[number] if number < len(thresholds) else None
        reached = merged.get("combined_score", mean_of(merged))
        if least is not None and (reached is None or reached < least):
            reporter.send("below", stage=stage, reached=reached, least=least)
            return


def mean_of(metrics: dict[str, Any]) -> float | None:
    known = [value for name, value in metrics.items() if value is not None and name != "error"]
    return sum(known) / len(known) if known else None


def run_shinka(spec: dict[str, Any], reporter: Reporter) -> None:
    """ShinkaEvolve: `python evaluate.py --program_path P --results_dir D`, which leaves metrics.json, correct.json."""
    import runpy

    results = spec["results"]
    os.makedirs(results, exist_ok=True)
    sys.argv = [spec["evaluator"], "--program_path", spec["program"], "--results_dir", results]

    def work() -> dict[str, Any]:
        try:
            runpy.run_path(spec["evaluator"], run_name="__main__")
        except SystemExit as ended:
            if ended.code not in (None, 0):
                raise RuntimeError(f"{os.path.basename(spec['evaluator'])} ended with {ended.code}") from ended
        return read_results(results)

    run_stage(reporter, "evaluate", work)


def read_results(folder: str) -> dict[str, Any]:
    with open(os.path.join(folder, "correct.json"), encoding="utf-8") as file:
        correct = json.load(file)
    with open(os.path.join(folder, "metrics.json"), encoding="utf-8") as file:
        metrics = dict(json.load(file))
    public, private = metrics.pop("public", None), metrics.pop("private", None)
    flat = {**(private if isinstance(private, dict) else {}), **(public if isinstance(public, dict) else {}), **metrics}
    flat = {name: value for name, value in flat.items() if name != "error" or value}
    flat["correct"] = "true" if correct.get("correct") else "false"
    if correct.get("error"):
        flat["error_message"] = str(correct["error"])
    return flat


def run_function(spec: dict[str, Any], reporter: Reporter) -> None:
    """GEPA and like ones: evaluate(candidate) -> score, or (score, info); the candidate is text or {name: text}."""
    module = load(spec["evaluator"], "evaluation_module")
    with open(spec["program"], encoding="utf-8") as file:
        text = file.read()
    candidate = {spec["key"]: text} if spec["key"] else text
    run_stage(reporter, "evaluate", lambda: getattr(module, spec["function"])(candidate))


def run_class(spec: dict[str, Any], reporter: Reporter) -> None:
    """LLM4AD: a class with evaluate_program(program_str, callable_func); the callable is the template's function."""
    module = load(spec["evaluator"], "evaluation_module")
    evaluation = getattr(module, spec["class"])()
    with open(spec["program"], encoding="utf-8") as file:
        text = file.read()

    def work() -> Any:
        space: dict[str, Any] = {"__name__": "candidate"}
        exec(compile(text, spec["program"], "exec"), space)  # the candidate: this process is its box
        return evaluation.evaluate_program(text, space[spec["function"]])

    run_stage(reporter, "evaluate", work)


RUNS: dict[str, Callable[[dict[str, Any], Reporter], None]] = {
    "paths": run_paths,
    "shinka": run_shinka,
    "function": run_function,
    "class": run_class,
}


class Place:
    """Last of the finders: the folder under the name that it had as a package of its repository, as
    `examples.packing.helper` for the helper.py beside an evaluator in examples/packing. Packages are empty."""

    def __init__(self, names: list[str], folder: str) -> None:
        self._ends = [names[first:] for first in range(len(names))]
        self._folder = folder

    def find_spec(self, name: str, path: object = None, target: object = None) -> Any:
        parts = name.split(".")
        for end in self._ends:
            if end[: len(parts)] == parts:
                spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
                spec.submodule_search_locations = [self._folder] if end == parts else []
                return spec
        return None


def run_evaluator(spec: dict[str, Any], reporter: Reporter) -> None:
    sys.path.insert(0, spec["folder"])
    for folder in spec["packages"]:
        site.addsitedir(folder)
    sys.path.append(spec["shims"])
    sys.meta_path.append(Place(spec["place"], spec["folder"]))
    os.environ["PYTHONPATH"] = os.pathsep.join([*spec["packages"], spec["shims"]])
    os.environ["ENABLE_ARTIFACTS"] = "true"
    os.environ["FORGERY_MARK"] = spec["mark"]
    os.chdir(spec["folder"])
    try:
        RUNS[spec["contract"]](spec, reporter)
    except BaseException:
        # Before a stage began: the evaluator's own fault, not the candidate's.
        reporter.send("broken", raised=traceback.format_exc()[-MOST_TEXT:])
    reporter.send("end")


# -------------------------------------------------------------------------------------------------- beside it


class Watch:
    """What the evaluator's process says and prints, and whether it keeps its times."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.stage_s = float(spec["stage_s"])
        self.output = Ends()
        self.reply: dict[str, Any] = {"stages": [], "ended": False}
        self.pending = b""
        self.received = 0
        self.began = time.monotonic()
        self.deadline = self.began + max(LOAD_S, self.stage_s)

    def hear(self, data: bytes) -> None:
        self.received += len(data)
        if self.received > MOST_REPLY_BYTES:
            self.reply["problem"] = "too_large"
            self.reply["ended"] = True
            return
        *lines, self.pending = (self.pending + data).split(b"\n")
        for line in lines:
            try:
                self.take(json.loads(line))
            except (ValueError, AttributeError, TypeError, KeyError, RecursionError):
                self.reply["problem"] = "malformed"
                self.reply["ended"] = True

    def take(self, said: dict[str, Any]) -> None:
        now, stages = time.monotonic(), self.reply["stages"]
        kind = said.pop("kind")
        if kind == "stage":
            stages.append({"stage": str(said["stage"])})
            self.began, self.deadline = now, now + self.stage_s
        elif kind == "result":
            stages[-1].update(said, seconds=now - self.began)
        elif kind == "below":
            stages[-1]["below"] = said["least"]
        elif kind == "broken":
            self.reply["broken"] = str(said["raised"])
        elif kind == "end":
            self.reply["ended"] = True

    def is_late(self) -> bool:
        return time.monotonic() > self.deadline

    def say_late(self) -> None:
        if self.reply["stages"] and "seconds" not in self.reply["stages"][-1]:
            self.reply["stages"][-1].update(late=True, seconds=time.monotonic() - self.began)
        else:
            self.reply["problem"] = "late"


def watch(child: int, spec: dict[str, Any], results: int, printed: int) -> dict[str, Any]:
    seen, status = Watch(spec), None
    open_ends = [results, printed]
    while not seen.reply["ended"]:
        ready, _, _ = select.select(open_ends, [], [], 0.05)
        for end in ready:
            data = os.read(end, 65536)
            if not data:
                open_ends.remove(end)
            elif end == results:
                seen.hear(data)
            else:
                seen.output.add(data)
        if seen.is_late():
            seen.say_late()
            break
        if not ready and status is None:
            done, code = os.waitpid(child, os.WNOHANG)
            status = code if done else None
        if status is not None and (not ready or results not in open_ends):
            # Dead, and nothing more to read; children of it may hold the other end for ever.
            break
    with suppress(OSError):
        os.killpg(child, signal.SIGKILL)
    if status is None:
        _, code = os.waitpid(child, 0)
        status = code if not seen.reply["ended"] else None
    while select.select([printed], [], [], 0)[0]:
        data = os.read(printed, 65536)
        if not data:
            break
        seen.output.add(data)
    seen.reply["exit"] = None if status is None else status
    seen.reply["output"] = seen.output.text()
    return seen.reply


def placed(value: Any, places: dict[str, str]) -> Any:
    """Paths of the box as they are here: they differ where there is no box."""
    if isinstance(value, str):
        head, slash, rest = value[1:].partition("/")
        return places[f"/{head}"] + slash + rest if f"/{head}" in places else value
    if isinstance(value, list):
        return [placed(one, places) for one in value]
    return {name: placed(one, places) for name, one in value.items()} if isinstance(value, dict) else value


def prepare(spec: dict[str, Any]) -> None:
    """The folder writable where it is small enough to be copied, and the candidate alone in a folder of its own."""
    if spec["copy_from"]:
        shutil.copytree(spec["copy_from"], spec["folder"], symlinks=True)
    os.makedirs(os.path.dirname(spec["program"]), exist_ok=True)
    shutil.copyfile(spec["source"], spec["program"])


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        spec = placed(json.load(file), {"/job": sys.argv[2], "/box": sys.argv[3]})
    prepare(spec)
    results, results_inside = os.pipe()
    printed, printed_inside = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        os.close(results)
        os.close(printed)
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        os.dup2(printed_inside, 1)
        os.dup2(printed_inside, 2)
        os.close(printed_inside)
        run_evaluator(spec, Reporter(results_inside))
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
    os.close(results_inside)
    os.close(printed_inside)
    answer = watch(child, spec, results, printed)
    answer["marked"] = os.path.exists(spec["mark"])
    reply = json.dumps(answer).encode()
    while reply:
        reply = reply[os.write(1, reply) :]


if __name__ == "__main__":
    main()
