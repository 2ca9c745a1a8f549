"""`PYTHONPATH=tests python -m protocol_server`: instant replies from a process of its own, for benchmarks.

Prints one JSON line with the base URL, then serves until stdin ends.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
from pathlib import Path

from protocol_server.behaviours import answer
from protocol_server.server import ProtocolServer


async def serve(server: ProtocolServer) -> None:
    def started() -> None:
        sys.stdout.write(json.dumps({"base_url": server.base_url}) + "\n")
        sys.stdout.flush()

    running = asyncio.create_task(server.run(started))
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()
    await running


def main() -> None:
    parser = argparse.ArgumentParser(prog="protocol_server", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay-s", type=float, default=0.0, help="wait this long before each reply")
    parser.add_argument("--text", type=Path, help="file whose text is every reply")
    arguments = parser.parse_args()
    server = ProtocolServer(port=arguments.port, keep_requests=False)
    text = arguments.text.read_text(encoding="utf-8") if arguments.text else "ok"
    server.always(answer(text, delay_s=arguments.delay_s))
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(server))


if __name__ == "__main__":
    main()
