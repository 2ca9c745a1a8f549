"""What makes an evaluator believable, for every domain: rehearsal, admission, mutants, alarms, relations."""
