"""The order of things: graph, nodes, campaign, rehearsal, confirmation."""
