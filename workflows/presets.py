"""Presets: the candidate graph as data. A preset names the nodes that a candidate's run passes through."""

from __future__ import annotations

from enum import StrEnum

from nightforge.domain.base import Frozen
from nightforge.errors import UserError
from nightforge.registry import PRESETS, load


class Node(StrEnum):
    PICK = "pick"
    PLAN_STEP = "plan_step"
    CODE = "code"
    GATE = "gate"
    EVALUATE = "evaluate"
    REPAIR = "repair"
    JUDGE = "judge"
    RECORD = "record"


REQUIRED = frozenset({Node.PICK, Node.CODE, Node.GATE, Node.EVALUATE, Node.RECORD})


class Preset(Frozen):
    """`nodes` in any order; pick, code, gate, evaluate and record are always there."""

    name: str
    nodes: frozenset[Node]
    drafts: int = 1
    """Default number of parallel drafts; the plan may say another."""
    repairs: int = 0
    in_flight: int = 6
    """With a model: candidates ahead of the evaluation slots until reply and evaluation times have been measured."""

    def has(self, node: Node) -> bool:
        return node in REQUIRED or node in self.nodes


SOLO = Preset(name="solo", nodes=frozenset({Node.REPAIR}), repairs=1)
PAIR = Preset(name="pair", nodes=frozenset({Node.REPAIR, Node.JUDGE}), repairs=1)
TEAM = Preset(name="team", nodes=frozenset({Node.PLAN_STEP, Node.REPAIR, Node.JUDGE}), drafts=2, repairs=2)


def find_preset(name: str) -> Preset:
    found = load(PRESETS, name)
    if not isinstance(found, Preset):
        raise UserError(f"{name!r} is registered, but is no Preset", where=PRESETS)
    return found
