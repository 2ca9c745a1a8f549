"""Hangs, exits, floods its output, raises or answers, as the program's text decides."""

import hashlib
import importlib.util
import os
import sys
import time


def evaluate(program_path):
    with open(program_path) as file:
        text = file.read()
    spec = importlib.util.spec_from_file_location("program", program_path)
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    is_first = "0.123 * x + 0.25" in text
    mood = 4 if is_first else hashlib.sha256(text.encode()).digest()[0] % 5
    if mood == 0:
        while True:
            time.sleep(60)
    if mood == 1:
        os._exit(1)
    if mood == 2:
        for _ in range(80):
            sys.stdout.write("x" * 100_000 + "\n")
    if mood == 3:
        raise RuntimeError("not in the mood")
    return {"combined_score": 10.0 - abs(program.fit(2.0) - 5.0)}
