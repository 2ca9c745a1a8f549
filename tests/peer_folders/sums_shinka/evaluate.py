import argparse

from shinka.core import run_shinka_eval


def aggregate(results):
    return {
        "combined_score": sum(results) / len(results),
        "public": {"largest": max(results)},
        "private": {"smallest": min(results)},
        "text_feedback": "the mean of all runs counts",
        "extra_data": object(),
    }


def valid(result):
    return (result <= 100, None if result <= 100 else f"{result} is more than 100")


def main(program_path, results_dir):
    run_shinka_eval(
        program_path=program_path,
        results_dir=results_dir,
        experiment_fn_name="run",
        num_runs=3,
        get_experiment_kwargs=lambda number: {"seed": number},
        aggregate_metrics_fn=aggregate,
        validate_fn=valid,
        early_stop_method="bayesian",
        early_stop_threshold=1.0,
        run_workers=2,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--program_path")
    parser.add_argument("--results_dir")
    given = parser.parse_args()
    main(given.program_path, given.results_dir)
