# nightforge: generator
from structures import multiplier, named_multiplier

GENOME = named_multiplier(8, "wallace", "kogge-stone")

print(multiplier(GENOME))
