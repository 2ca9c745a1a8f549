"""What evaluators import of LLM4AD: the class that they derive from, and nothing of its engine."""
