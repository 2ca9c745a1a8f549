"""Nothing of a campaign leaves the machine by a tracing library, whatever the environment says."""

from __future__ import annotations

import os
import sys

PREFIXES = ("LANGSMITH_", "LANGCHAIN_", "OTEL_")
"""Families of variables that langsmith and langchain-core read: switches, endpoints, keys, projects, exporters."""

OFF = {
    "LANGSMITH_TRACING": "false",
    "LANGSMITH_TRACING_V2": "false",
    "LANGCHAIN_TRACING": "false",
    "LANGCHAIN_TRACING_V2": "false",
    "LANGSMITH_OTEL_ENABLED": "false",
    "OTEL_SDK_DISABLED": "true",
}


def disable_tracing() -> None:
    """Switch LangSmith, LangChain and OpenTelemetry tracing off for this process and its children.

    Call it before langgraph is imported. Called later it still works: langsmith caches what it read from the
    environment, and that cache is dropped.
    """
    for name in [name for name in os.environ if name.startswith(PREFIXES)]:
        del os.environ[name]
    os.environ.update(OFF)
    utils = sys.modules.get("langsmith.utils")
    if utils is not None:
        for reader in ("get_env_var", "get_tracer_project"):
            clear = getattr(getattr(utils, reader, None), "cache_clear", None)
            if clear is not None:
                clear()
