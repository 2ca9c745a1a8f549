# nightforge: generator
from structures import multiplier, named_multiplier

GENOME = named_multiplier(16, "dadda", "ripple")

print(multiplier(GENOME))
