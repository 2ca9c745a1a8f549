"""Search policies by their registered name."""

from __future__ import annotations

from nightforge import registry
from nightforge.domain.search import Policy, PolicyContext
from nightforge.errors import UserError


def make_policy(context: PolicyContext) -> Policy:
    """Raises NotFound naming the policies there are, UserError for parameters that the policy does not know."""
    name = context.plan.search.policy
    factory = registry.load(registry.POLICIES, name)
    made: object = factory(context) if callable(factory) else None
    if not (callable(getattr(made, "ask", None)) and callable(getattr(made, "tell", None))):
        raise UserError(
            f"{name!r} is registered, but makes no search policy",
            where=registry.POLICIES,
            hint="its value is a function of a PolicyContext that returns an object with ask and tell",
        )
    return made  # type: ignore[return-value]
