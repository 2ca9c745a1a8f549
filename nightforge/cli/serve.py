"""`nightforge serve`: the web pages, on loopback unless told otherwise."""

from __future__ import annotations

import errno
import gc
import socket
from typing import TYPE_CHECKING, Annotated

import typer

from nightforge.cli.options import JsonFlag, QuietFlag, UnsafeFlag, VerboseFlag
from nightforge.cli.output import Output

if TYPE_CHECKING:
    from fastapi import FastAPI

    from nightforge.settings import Settings

PORT = 8765
GRACE_S = 2
"""For answers under way when the server is told to end; streams end by themselves."""


def serve(
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0 takes any free one.")] = PORT,
    token: Annotated[bool, typer.Option("--token", help="Ask for the token on loopback, too.")] = False,
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", metavar="NAME", help="Another name to answer to, as behind a proxy; repeatable."),
    ] = None,
    unsafe_no_token: Annotated[
        bool, typer.Option("--unsafe-no-token", help="Elsewhere than on loopback, let EVERYBODY in who reaches it.")
    ] = False,
    unsafe_local: UnsafeFlag = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Show campaigns in a browser and steer them. It runs no candidate: campaigns have processes of their own.

    On loopback no token is asked for. Elsewhere the address that is printed carries one, the same at each start.
    """
    output = Output.open(json=json, quiet=quiet, verbose=verbose)
    import asyncio

    from nightforge.cli.night import prepare_home
    from nightforge.cli.reading import resolve_settings
    from nightforge.store import open_store
    from nightforge.web.app import create_app
    from nightforge.web.security import Admission, Seals, is_loopback, keep_secret
    from nightforge.web.starting import ProcessStarter
    from tools.clock import SystemClock

    settings = resolve_settings({"unsafe_local": unsafe_local or None}).settings
    listening = listen(host, port)
    port = listening.getsockname()[1]
    prepare_home(settings)
    secret, clock = keep_secret(settings.home), SystemClock()
    needs_token = token or not (is_loopback(host) or unsafe_no_token)
    admission = Admission.of(host, more=allow_host or [], needs_token=needs_token, open_to_all=unsafe_no_token)
    store = open_store(settings.database_url, clock=clock)
    starter = ProcessStarter(settings)
    app = create_app(settings, store=store, clock=clock, starter=starter, secret=secret, admission=admission)
    query = f"?token={Seals(secret).token}" if needs_token else ""
    _announce(output, settings, _address(host, port) + query, host, is_open=unsafe_no_token and not is_loopback(host))
    try:
        run_server(app, listening)
    finally:
        asyncio.run(store.close())


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; UserError saying how to go on when the address cannot be had."""
    from nightforge.errors import UserError

    where = _address(host, port)
    try:
        family, _, _, _, address = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise UserError(
            f"{host!r} is no address of this machine", where="--host", hint="127.0.0.1, or 0.0.0.0 for all"
        ) from None
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(128)
        return listening
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            hint = "`--port 0` takes any free one; another `nightforge serve` may be running there already"
            raise UserError(f"port {port} is taken", where=where, hint=hint) from None
        if error.errno == errno.EACCES:
            hint = "ports below 1024 need more rights: take a higher one with --port"
            raise UserError(f"port {port} may not be used", where=where, hint=hint) from None
        hint = "`--host 127.0.0.1` is always there"
        raise UserError(f"it cannot be listened at: {error.strerror}", where=where, hint=hint) from None


def run_server(app: FastAPI, listening: socket.socket) -> None:
    """Until SIGINT or SIGTERM. No access log, no header that names the server."""
    import uvicorn

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: object) -> None:
            # Streams see it and end; uvicorn would wait for them. Nor is the signal raised again afterwards, as uvicorn
            # does: being told to end is how a server ends.
            app.state.site.closing = True
            self.force_exit, self.should_exit = self.should_exit, True

    config = uvicorn.Config(
        app,
        log_level="warning",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S,
        h11_max_incomplete_event_size=64 * 1024,
    )
    # What was imported stays: looked through again and again, it would hold up a page by a tenth of a second.
    gc.collect()
    gc.freeze()
    Server(config).run(sockets=[listening])


def _address(host: str, port: int) -> str:
    named = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(host, host)
    named = f"[{named}]" if ":" in named and not named.startswith("[") else named
    return f"http://{named}:{port}/"


def _announce(output: Output, settings: Settings, address: str, host: str, *, is_open: bool) -> None:
    if output.json:
        output.record({"kind": "serve", "url": address, "database": settings.database_url})
    else:
        output.text(f"Nightforge: {address}")
    if is_open:
        output.alert(f"warning: {host} is open to everybody who reaches it, with all that you may do here")
    output.note("Ctrl-C ends it; campaigns go on without it")
