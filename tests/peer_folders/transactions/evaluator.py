"""An order of transactions by its makespan, which it takes from the program; how much of the work is in it, too."""

import importlib.util

CONFLICTS = [(0, 3), (1, 4), (2, 5), (0, 5), (3, 4)]


def workload(number):
    return {"lengths": [2 + (3 * index + number) % 4 for index in range(6)], "conflicts": CONFLICTS}


def evaluate(program_path):
    spec = importlib.util.spec_from_file_location("program", program_path)
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    total, orders = program.get_costs([workload(number) for number in range(3)], 6)
    validity = 1.0 if all(0 <= one < 6 for order in orders for one in order) else 0.5
    return {"combined_score": 1e6 / (1 + total), "validity": validity}
