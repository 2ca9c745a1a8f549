"""What agents use: model client, pricing, budget, patching, retrieval, tuning, rewrites."""
