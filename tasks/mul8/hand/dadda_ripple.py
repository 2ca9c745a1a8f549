# nightforge: generator
from structures import multiplier, named_multiplier

GENOME = named_multiplier(8, "dadda", "ripple")

print(multiplier(GENOME))
