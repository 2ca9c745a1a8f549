def nf_barrier(vector, worth, gaps, stop, rounds=100, start=0.01, fall=0.3):
    """Primal-dual interior point with slacks (Nocedal and Wright 2006, chapter 19), derivatives by differences."""
    from time import process_time

    v, delta = list(vector), 1e-7
    count, reach = len(v), 0.1 * (max(vector) - min(vector)) or 1.0
    heat, slack, price = start, {}, {}
    for _ in range(rounds):
        if stop and process_time() > stop:
            break
        base, value, rise = gaps(v), worth(v), []
        near = sorted(range(len(base)), key=base.__getitem__)[: 3 * count]
        rows = [{} for _ in near]
        for place in range(count):
            kept = v[place]
            v[place] = kept + delta
            moved = gaps(v)
            rise.append((worth(v) - value) / delta)
            v[place] = kept
            for row, k in zip(rows, near):
                if moved[k] != base[k]:
                    row[place] = (moved[k] - base[k]) / delta
        slack = {k: max(base[k], slack.get(k, 0.01 * reach)) for k in near}
        price = {k: price.get(k, heat / slack[k]) for k in near}
        damping = 0.01 * max(map(abs, rise)) / reach + 1e-12
        matrix = [[0.0] * place + [damping] for place in range(count)]
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
        size = rate = min(1.0, reach / (max(map(abs, step)) + 1e-300))
        change, raised = {}, {}
        for row, k in zip(rows, near):
            change[k] = base[k] - slack[k] + sum(slope * step[a] for a, slope in row.items())
            raised[k] = (heat - price[k] * change[k]) / slack[k] - price[k]
            if change[k] < 0:
                size = min(size, -0.95 * slack[k] / change[k])
            if raised[k] < 0:
                rate = min(rate, -0.95 * price[k] / raised[k])
        v = [number + size * move for number, move in zip(v, step)]
        slack = {k: slack[k] + size * change[k] for k in near}
        price = {k: price[k] + rate * raised[k] for k in near}
        left = sum(price[k] * slack[k] for k in near) / max(1, len(near))
        if size > 0.5 and rate > 0.5:
            if heat < 1e-12:
                break
            heat = min(heat, max(1e-13, fall * left))
    return v


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
