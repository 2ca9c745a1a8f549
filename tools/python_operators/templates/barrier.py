def nf_barrier(vector, worth, gaps, stop, rounds=100, start=0.01, fall=0.3):
    """Primal-dual interior point (Nocedal and Wright 2006, chapter 19), derivatives by differences, damped steps."""
    from math import log
    from time import process_time

    def merit(value, found):
        """The barrier function, continued by a line where a gap is too small for it."""
        logs = sum(log(gap) if gap > tiny else log(tiny) + gap / tiny - 1 for gap in found if gap < reach)
        return value + heat * logs

    v, count, reach = list(vector), len(vector), (max(vector) - min(vector)) or 1.0
    heat, price, damp = start, {}, 1.0
    base, value = gaps(v), worth(v)
    for _ in range(rounds):
        if stop and process_time() > stop:
            break
        near = sorted(range(len(base)), key=base.__getitem__)[: 3 * count]
        rows, rise = nf_slopes(v, worth, gaps, value, base, near)
        most = max(map(abs, rise)) or 1.0
        tiny = 0.1 * heat / most
        slack = {k: max(base[k], tiny) for k in near}
        price = {k: price.get(k, heat / slack[k]) for k in near}
        matrix = [[0.0] * place + [damp * 0.1 * most / reach] for place in range(count)]
        for row, k in zip(rows, near):
            pull = price[k] / slack[k]
            push = (heat - price[k] * (base[k] - slack[k])) / slack[k]
            for a, slope in row.items():
                rise[a] += push * slope
                line, steep = matrix[a], pull * slope
                for b, other in row.items():
                    if b <= a:
                        line[b] += steep * other
        step = nf_solve(matrix, rise)
        size = rate = min(1.0, 0.1 * reach / (max(map(abs, step)) + 1e-300))
        raised = {}
        for row, k in zip(rows, near):
            change = base[k] - slack[k] + sum(slope * step[a] for a, slope in row.items())
            raised[k] = (heat - price[k] * change) / slack[k] - price[k]
            if change < 0:
                size = min(size, -0.95 * slack[k] / change)
            if raised[k] < 0:
                rate = min(rate, -0.95 * price[k] / raised[k])
        before, full = merit(value, base), size
        while True:
            there = [number + size * move for number, move in zip(v, step)]
            found, after = gaps(there), worth(there)
            if merit(after, found) >= before - 1e-12 * abs(before) or size < 1e-6 * full:
                break
            size *= 0.5
        damp = damp * 4 if size < full else max(0.1, 0.3 * damp)
        v, base, value = there, found, after
        price = {k: price[k] + rate * raised[k] for k in near}
        if size > 0.5 or full * max(map(abs, step)) < 1e-3 * heat * reach:
            if heat < 1e-12:
                break
            left = sum(price[k] * max(base[k], tiny) for k in near) / max(1, len(near))
            heat = min(heat, max(1e-13, fall * left))
    return v


def nf_slopes(v, worth, gaps, value, base, near, delta=1e-7):
    """By how much each number changes the gaps that are near, and the worth."""
    rows, rise = [{} for _ in near], []
    for place, kept in enumerate(list(v)):
        v[place] = kept + delta
        moved = gaps(v)
        rise.append((worth(v) - value) / delta)
        v[place] = kept
        for row, k in zip(rows, near):
            if moved[k] != base[k]:
                row[place] = (moved[k] - base[k]) / delta
    return rows, rise


def nf_solve(matrix, right):
    """A symmetric positive system, given by its lower half: Cholesky's way."""
    rows, result = [], []
    for line in matrix:
        row = []
        for k, above in enumerate(rows):
            row.append((line[k] - sum(map(float.__mul__, row, above))) / above[k])
        row.append(max(line[-1] - sum(map(float.__mul__, row, row)), 1e-300) ** 0.5)
        result.append((right[len(rows)] - sum(map(float.__mul__, row, result))) / row[-1])
        rows.append(row)
    for k in range(len(rows) - 1, -1, -1):
        result[k] /= rows[k][k]
        for place in range(k):
            result[place] -= rows[k][place] * result[k]
    return result
