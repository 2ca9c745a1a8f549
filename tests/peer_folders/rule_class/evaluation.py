from llm4ad.base import Evaluation

from template import task_description, template_program

ITEMS = [7, 6, 5, 4, 4, 3, 3, 2, 2, 2, 1, 1]


class Packing(Evaluation):
    def __init__(self, **named):
        super().__init__(template_program=template_program, task_description=task_description, timeout_seconds=20)

    def evaluate_program(self, program_str, callable_func, **named):
        bins = []
        for item in ITEMS:
            fitting = [place for place, room in enumerate(bins) if room >= item]
            if fitting:
                chosen = max(fitting, key=lambda place: callable_func(item, bins[place]))
                bins[chosen] -= item
            else:
                bins.append(10 - item)
        return -len(bins)
