# nightforge: generator
from structures import adder, named_adder

GENOME = named_adder(64, "kogge-stone")

print(adder(GENOME))
