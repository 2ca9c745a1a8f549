# EVOLVE-BLOCK-START
def value(x):
    return 2.0 * x + 10.0


# EVOLVE-BLOCK-END


def run(seed):
    return value(float(seed))
