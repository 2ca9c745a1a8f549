"""A domain of our tests: programs are two numbers, the evaluation is a formula and a wait. It is a real evaluator
behind the real port, quick enough to crash a campaign twenty times."""
