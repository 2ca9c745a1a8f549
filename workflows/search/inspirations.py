"""What is shown beside the parent: the champion, something of another kind, then the next best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from nightforge.domain.candidate import Parent


def choose_inspirations(
    parent: int, pool: Sequence[Parent], cells: Mapping[int, str], *, count: int, random: Random
) -> tuple[int, ...]:
    """Up to `count` ordinals of `pool` (best first), all different, none of them the parent.

    The second one comes from another cell than parent and champion where there is one: without it, a model sees
    two variants of one program. The others, in order of score, are samples for numeric tuning.
    """
    others = [one.ordinal for one in pool if one.ordinal != parent]
    if count <= 0 or not others:
        return ()
    chosen = others[:1]
    seen = {cells.get(parent, ""), cells.get(chosen[0], "")}
    unlike = [ordinal for ordinal in others[1:] if cells.get(ordinal, "") not in seen]
    if unlike and count > 1:
        chosen.append(random.choice(unlike))
    chosen += [ordinal for ordinal in others if ordinal not in chosen]
    return tuple(chosen[:count])
