# nightforge: generator
from structures import adder, named_adder

GENOME = named_adder(32, "ripple")

print(adder(GENOME))
