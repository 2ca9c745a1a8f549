import gepa.optimize_anything as oa

SEED_CODE = """def answer():
    return 3
"""


def evaluate(candidate: str):
    space = {}
    exec(candidate, space)
    value = space["answer"]()
    oa.log("answered", value)
    return float(value), {"feedback": f"it answers {value}", "tries": 1}


if __name__ == "__main__":
    oa.optimize_anything(seed_candidate=SEED_CODE, evaluator=evaluate, objective="Answer with a large number.")
