"""One file a page: its frozen view model, made from queries of the store, and its route."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from fastapi import APIRouter

PAGES = (
    "campaigns",
    "new_goal",
    "doctor",
    "report",
    "export",
    "candidates",
    "compare",
    "lineage",
    "campaign",
    "prompts",
    "candidate",
)
"""Modules of this package with a `router`. Fixed paths stand before those with a parameter in the same place."""


def _router(name: str) -> APIRouter:
    router = import_module(f"{__name__}.{name}").router
    assert isinstance(router, APIRouter), name
    return router


ROUTERS: Sequence[APIRouter] = tuple(_router(name) for name in PAGES)
