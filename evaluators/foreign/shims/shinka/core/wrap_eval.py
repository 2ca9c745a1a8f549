"""`run_shinka_eval` as ShinkaEvolve's task folders call it: run, validate, aggregate, write two JSON files.

Runs follow each other (`run_workers` asks for speed, not for another result) and all of them are made (early stopping
saves time on programs that are clearly worse; their number is the same kind of number without it). Nothing is plotted.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import statistics
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

Metrics = Dict[str, Any]
Checked = Tuple[bool, Optional[str]]
ON_ERROR: Metrics = {
    "combined_score": 0.0,
    "execution_time_mean": 0.0,
    "execution_time_std": 0.0,
    "num_successful_runs": 0,
    "num_valid_runs": 0,
    "num_invalid_runs": 0,
    "all_validation_errors": [],
}


def load_program(program_path: str) -> Any:
    spec = importlib.util.spec_from_file_location("program", program_path)
    if spec is None or spec.loader is None:
        raise ImportError(f"Could not load spec for module at {program_path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def save_json_results(
    results_dir: str,
    metrics: Metrics,
    correct: bool,
    error: Optional[str] = None,
    verbose: bool = True,
) -> None:
    os.makedirs(results_dir, exist_ok=True)
    for name, content in (("correct.json", {"correct": correct, "error": error}), ("metrics.json", metrics)):
        with open(os.path.join(results_dir, name), "w", encoding="utf-8") as file:
            json.dump(content, file, indent=4)


def run_shinka_eval(
    program_path: str,
    results_dir: str,
    experiment_fn_name: str,
    num_runs: int,
    get_experiment_kwargs: Optional[Callable[[int], Metrics]] = None,
    aggregate_metrics_fn: Optional[Callable[[List[Any]], Metrics]] = None,
    validate_fn: Optional[Callable[[Any], Checked]] = None,
    plotting_fn: Optional[Callable[[Any], Any]] = None,
    default_metrics_on_error: Optional[Metrics] = None,
    early_stop_method: Any = None,
    early_stop_threshold: Optional[float] = None,
    early_stop_score_fn: Optional[Callable[[Any], float]] = None,
    early_stop_kwargs: Optional[Metrics] = None,
    run_workers: int = 1,
    max_workers_cap: Optional[int] = None,
    verbose: Optional[bool] = None,
) -> Tuple[Metrics, bool, Optional[str]]:
    """(metrics, correct, first error); also written to `results_dir` as metrics.json and correct.json."""
    faults: List[str] = []
    try:
        results, seconds = _run_all(program_path, experiment_fn_name, num_runs, get_experiment_kwargs)
        valid = _validate(results, validate_fn, faults)
        metrics: Metrics = {"num_successful_runs": len(results)}
        if aggregate_metrics_fn is not None:
            metrics = dict(aggregate_metrics_fn(results))
        metrics["execution_time_mean"] = statistics.fmean(seconds) if seconds else 0.0
        metrics["execution_time_std"] = statistics.pstdev(seconds) if seconds else 0.0
        if validate_fn is not None:
            metrics["num_valid_runs"] = valid
            metrics["num_invalid_runs"] = len(results) - valid
            metrics["all_validation_errors"] = list(dict.fromkeys(faults))
        correct, error = valid == len(results), (f"Validation failed: {faults[0]}" if faults else None)
        if "combined_score" in metrics and not math.isfinite(metrics["combined_score"]):
            correct, error = False, error or f"combined_score is {metrics['combined_score']}"
    except Exception as failure:
        print(f"Evaluation error: {failure}")
        metrics, correct, error = {**ON_ERROR, **(default_metrics_on_error or {})}, False, str(failure)
    metrics.pop("extra_data", None)
    save_json_results(results_dir, metrics, correct, error)
    return metrics, correct, error


def _run_all(
    path: str,
    name: str,
    num_runs: int,
    arguments: Optional[Callable[[int], Metrics]],
) -> Tuple[List[Any], List[float]]:
    module = load_program(path)
    if not hasattr(module, name):
        raise AttributeError(f"Experiment function '{name}' not found in {path}")
    experiment = getattr(module, name)
    results, seconds = [], []
    for number in range(num_runs):
        given = arguments(number) if arguments is not None else {"seed": number + 1}
        started = time.perf_counter()
        results.append(experiment(**given))
        seconds.append(time.perf_counter() - started)
    return results, seconds


def _validate(
    results: List[Any],
    validate: Optional[Callable[[Any], Checked]],
    faults: List[str],
) -> int:
    """How many hold; the words of those that do not are added to `faults`."""
    held = 0
    for result in results:
        is_valid, words = validate(result) if validate is not None else (True, None)
        held += bool(is_valid)
        if not is_valid:
            faults.append(words or "invalid")
    return held
