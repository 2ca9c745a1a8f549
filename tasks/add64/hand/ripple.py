# nightforge: generator
from structures import adder, named_adder

GENOME = named_adder(64, "ripple")

print(adder(GENOME))
