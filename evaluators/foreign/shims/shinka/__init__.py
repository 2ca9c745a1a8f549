"""What evaluators import of ShinkaEvolve: `shinka.core.run_shinka_eval`, and nothing of its engine."""
