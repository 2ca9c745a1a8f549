"""usage: python stand.py SEED [PACE]: an oven on a test stand for 60 s; prints the mean error of its temperature.

The stand plays at the pace of the real oven, and waits for it: 60 s of which little is computed. PACE 0 does not wait;
the numbers are the same. All that is random (load, leaks, the sensor, the course that is wanted) comes from SEED.
"""

import json
import random
import sys
import time

import controller

STEP_S = 0.1
STEPS = 600
DELAY = 8


def course(draw):
    """What temperature is wanted, step by step: five plateaus."""
    wanted = []
    for _ in range(5):
        wanted += [draw.uniform(120.0, 260.0)] * (STEPS // 5)
    return wanted


def main():
    draw = random.Random(int(sys.argv[1]))
    pace = float(sys.argv[2]) if len(sys.argv) > 2 else 1.0
    wanted, mass, leak = course(draw), draw.uniform(0.9, 1.2), draw.uniform(0.08, 0.11)
    heater = oven = seen = 20.0
    total = off = slope = 0.0
    pending = [0.0] * DELAY
    began = time.monotonic()
    for step in range(STEPS):
        door = 0.25 if draw.random() < 0.02 else 0.0
        measured = oven + draw.gauss(0.0, 0.3)
        slope, seen = 0.8 * slope + 0.2 * (measured - seen) / STEP_S, measured
        total += (wanted[step] - measured) * STEP_S
        pending.append(min(1.0, max(0.0, controller.power(measured, wanted[step], total, slope))))
        heater += STEP_S * (120.0 * pending.pop(0) - 0.9 * (heater - oven)) / 0.4
        oven += STEP_S * (0.9 * (heater - oven) - (leak + door) * (oven - 20.0)) / mass
        off += abs(wanted[step] - oven)
        time.sleep(max(0.0, began + pace * (step + 1) * STEP_S - time.monotonic()))
    print(json.dumps({"mean_error": off / STEPS}))


if __name__ == "__main__":
    main()
