"""The order of things: graph, nodes, campaign, rehearsal, confirmation."""

from tools.tracing import disable_tracing

# LangGraph brings LangSmith along, which reads its environment when first used: nothing may leave the machine,
# whichever front end imported us.
disable_tracing()
