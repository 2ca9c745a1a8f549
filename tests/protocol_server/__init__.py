"""A loopback HTTP server that speaks OpenAI chat completions, well or badly, as a test tells it to."""

from __future__ import annotations

from protocol_server.behaviours import Behaviour, Exchange, Handler, Received
from protocol_server.server import ProtocolServer

__all__ = ["Behaviour", "Exchange", "Handler", "ProtocolServer", "Received"]
