import importlib.util

from skydiscover.evaluation.evaluation_result import EvaluationResult

HEIGHTS = [3, 1, 4, 1, 5]


def evaluate(program_path):
    spec = importlib.util.spec_from_file_location("program", program_path)
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    seen = program.visible(list(HEIGHTS))
    if not set(seen) <= set(range(len(HEIGHTS))):
        return EvaluationResult(metrics={"combined_score": 0.0, "validity": -1.0}, artifacts={"error": "no such house"})
    right = [at for at, height in enumerate(HEIGHTS) if height > max(HEIGHTS[:at], default=0)]
    return EvaluationResult(
        metrics={"combined_score": float(len(set(seen) & set(right))), "validity": 1.0, "claimed": float(len(seen))},
        artifacts={"image_path": "none", "feedback": f"{len(seen)} of {len(HEIGHTS)} named"},
    )
