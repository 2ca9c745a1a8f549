"""The candidate DAG: a compiled LangGraph, wired from a preset. It has no checkpointer; the database is the truth."""

from __future__ import annotations

from collections.abc import Awaitable
from functools import cache
from typing import Protocol

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from workflows import nodes
from workflows.presets import Node, Preset
from workflows.state import CandidateRun
from workflows.workshop import Desk

CandidateGraph = CompiledStateGraph[CandidateRun, Desk, CandidateRun, CandidateRun]


class NodeFunction(Protocol):
    def __call__(self, state: CandidateRun, runtime: Runtime[Desk]) -> Awaitable[CandidateRun]: ...


def steps_at_most(repairs: int) -> int:
    """Pick, plan, code, gate, evaluate, judge, record; repair, gate, evaluate for each repair; one to spare.

    Given with each run, because LangGraph takes its default from the environment.
    """
    return 8 + 3 * repairs


@cache
def build_graph(preset: Preset, *, drafts: int, repairs: int) -> CandidateGraph:
    """pick → [plan step] → `drafts` × code in parallel → gate → evaluate → [judge] → record, with the repair edge."""
    graph = StateGraph(CandidateRun, context_schema=Desk)
    coders = [f"{Node.CODE}_{index}" if drafts > 1 else str(Node.CODE) for index in range(drafts)]
    planned = [str(Node.PLAN_STEP)]
    first = planned if preset.has(Node.PLAN_STEP) else coders
    last = str(Node.JUDGE) if preset.has(Node.JUDGE) else str(Node.RECORD)
    mends = preset.has(Node.REPAIR) and repairs > 0

    # The routers are coroutines: LangGraph runs a plain function in another thread.
    async def after_pick(state: CandidateRun) -> list[str]:
        if state["evaluated"]:
            return [await after_evaluate(state)]
        if state["code_sha"]:
            return [str(Node.EVALUATE)]
        return planned if state.get("shift", False) else first

    async def after_evaluate(state: CandidateRun) -> str:
        mendable = mends and state.get("repairable", False) and state["attempt"] < repairs and state["parents"]
        return str(Node.REPAIR) if mendable else last

    async def after_repair(state: CandidateRun) -> str:
        return str(Node.GATE) if state.get("repairable", False) else last

    graph.add_node(str(Node.PICK), nodes.pick)
    for index, name in enumerate(coders):
        graph.add_node(name, _coder(index))
        graph.add_edge(name, str(Node.GATE))
    graph.add_node(str(Node.GATE), nodes.gate)
    graph.add_node(str(Node.EVALUATE), nodes.evaluate)
    graph.add_node(str(Node.RECORD), nodes.record)
    graph.add_edge(START, str(Node.PICK))
    ways = dict.fromkeys([*planned, *first, str(Node.EVALUATE), last, *([str(Node.REPAIR)] if mends else [])])
    graph.add_conditional_edges(str(Node.PICK), after_pick, list(ways))
    graph.add_edge(str(Node.GATE), str(Node.EVALUATE))
    graph.add_edge(str(Node.RECORD), END)
    # There in every preset: a search that stands still asks for another approach.
    graph.add_node(str(Node.PLAN_STEP), nodes.plan_step)
    for name in coders:
        graph.add_edge(str(Node.PLAN_STEP), name)
    if not mends:
        graph.add_edge(str(Node.EVALUATE), last)
    else:
        graph.add_conditional_edges(str(Node.EVALUATE), after_evaluate, [last, str(Node.REPAIR)])
        graph.add_node(str(Node.REPAIR), nodes.repair)
        graph.add_conditional_edges(str(Node.REPAIR), after_repair, [str(Node.GATE), last])
    if preset.has(Node.JUDGE):
        graph.add_node(str(Node.JUDGE), nodes.judge)
        graph.add_edge(str(Node.JUDGE), str(Node.RECORD))
    # False, not None: the run would else inherit the campaign-level graph's checkpointer and write each step to it.
    return graph.compile(checkpointer=False, name=f"candidate-{preset.name}")


def _coder(index: int) -> NodeFunction:
    async def code(state: CandidateRun, runtime: Runtime[Desk]) -> CandidateRun:
        await nodes.write_draft(runtime.context, state, index)
        return {}

    return code
