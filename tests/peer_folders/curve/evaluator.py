import importlib.util
import os
import sys

from helper import POINTS, wanted

from openevolve.evaluation_result import EvaluationResult


def load(path):
    spec = importlib.util.spec_from_file_location("program", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def error_of(program, points):
    return max(abs(program.fit(x) - wanted(x)) for x in points)


def evaluate_stage1(program_path):
    error = error_of(load(program_path), POINTS[::10])
    return {"combined_score": 1.0 / (1.0 + error), "runs_successfully": 1.0}


def evaluate_stage2(program_path):
    # It keeps a log beside itself, and it is chatty: both are common.
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "log.txt"), "a") as file:
        file.write("evaluated\n")
    print("evaluated", file=sys.stderr)
    error = error_of(load(program_path), POINTS)
    return EvaluationResult(
        metrics={"combined_score": 1.0 / (1.0 + error), "smoothness": 3.0, "largest_error": error},
        artifacts={"where": f"the largest error is {error:.3f}", "raw": b"\x00\x01"},
    )


def evaluate(program_path):
    return evaluate_stage2(program_path)
