"""The heater's power, ten times a second. Temperatures in degrees, power from 0 to 1."""

GAIN = 0.05
RESET = 0.001
DAMPING = 0.0005


def power(measured, wanted, total, slope):
    """`total`: the errors so far, each multiplied by its 0.1 s, added up; `slope`: degrees per second."""
    return GAIN * (wanted - measured) + RESET * total - DAMPING * slope
