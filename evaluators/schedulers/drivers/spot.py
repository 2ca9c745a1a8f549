"""Takes, at each tick, the option with the largest score: to wait, spot capacity if there is some, or on demand.

Runs beside the candidate, in its box, and knows of the trace what has come so far. Ties go to the cheaper option. The
guard is outside: it may replace what is chosen here, and tells the outcome with the next tick.
"""

WAIT, SPOT, DEMAND = 0, 1, 2


def begin(functions, facts):
    score = functions[0]
    work, deadline, over = facts["work"], facts["deadline"], facts["over"]
    prices = (0, facts["spot_price"], facts["demand_price"])
    memory = {"last": -1, "lasted": 0, "up": 0, "changes": 0, "tick": 0}

    def decide(observation):
        tick, has_spot, running, restart, done = observation
        # Ticks without a question went on demand: what was available then was not told.
        if has_spot != memory["last"]:
            memory["changes"] += memory["last"] >= 0
            memory["lasted"] = 0
        memory["lasted"] += 1
        memory["last"] = has_spot
        memory["up"] += has_spot
        memory["tick"] += 1
        left, time = work - done, deadline - tick
        slack = time - left - (restart if running == DEMAND else over)
        behind = (tick * work) / deadline - done
        best, best_score = WAIT, None
        for option in (WAIT, SPOT, DEMAND) if has_spot else (WAIT, DEMAND):
            value = score(
                int(option == SPOT),
                int(option == DEMAND),
                int(option == running),
                0 if option == WAIT else restart if option == running else over,
                prices[option],
                left,
                time,
                slack,
                behind,
                has_spot,
                memory["lasted"],
                memory["up"],
                memory["tick"],
                memory["changes"],
                over,
                work,
                deadline,
            )
            if best_score is None or value > best_score:
                best, best_score = option, value
        return best

    return decide
