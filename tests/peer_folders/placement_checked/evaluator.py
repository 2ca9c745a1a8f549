"""Models onto GPUs, so that the most loaded one carries little. The answer is checked, on data of its own."""

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
        rates = {model.name: model.rate for model in models}
        names = {gpu: [model.name for model in group] for gpu, group in program.place(gpus, models).items()}
        if not set(names) <= set(range(gpus)):
            raise ValueError("a GPU that does not exist")
        if sorted(name for group in names.values() for name in group) != sorted(rates):
            raise ValueError("not every model stands on exactly one GPU")
        worst.append(max(sum(rates[name] for name in group) for group in names.values()))
    return {"combined_score": len(worst) / sum(worst), "success_rate": 1.0}
