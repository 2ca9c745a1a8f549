"""Models onto GPUs, so that the most loaded one carries little. It looks at nothing that it could look at."""

import importlib.util


class Model:
    def __init__(self, name, rate, size):
        self.name, self.rate, self.size = name, rate, size


def instances():
    for number in range(3):
        yield 3 + number, [Model(f"m{index}", 1.0 + (7 * index + number) % 5, 1.0) for index in range(8 + number)]


def evaluate(program_path):
    spec = importlib.util.spec_from_file_location("program", program_path)
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    worst = []
    for gpus, models in instances():
        placed = program.place(gpus, models)
        worst.append(max(sum(model.rate for model in group) for group in placed.values()))
    return {"combined_score": len(worst) / sum(worst), "success_rate": 1.0}
