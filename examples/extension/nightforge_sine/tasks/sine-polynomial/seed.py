import json

COEFFICIENTS = [1.0, -0.16666667, 0.00833333]

print(json.dumps(COEFFICIENTS))
