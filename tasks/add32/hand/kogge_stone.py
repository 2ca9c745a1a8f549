# nightforge: generator
from structures import adder, named_adder

GENOME = named_adder(32, "kogge-stone")

print(adder(GENOME))
