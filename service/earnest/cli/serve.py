"""`earnest serve`: the service itself, the API with the loops beside it."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from earnest.cli.console import say
from earnest.cli.logs import set_up_logs
from earnest.cli.panels import RUN
from earnest.cli.signals import stop_event
from earnest.payment.errors import Misconfigured
from earnest.settings import load_settings

GRACE_SECONDS = 10.0


class AddressInUse(Misconfigured):
    """Somebody else listens there already."""

    code = "address_in_use"


NETWORK = Annotated[str | None, typer.Option(help="A chain of networks.toml.", show_default="local")]
RPC_URL = Annotated[
    list[str] | None,
    typer.Option(help="The chain's JSON-RPC endpoint; may be given several times, the preferred one first."),
]
DATABASE_URL = Annotated[str | None, typer.Option(help="sqlite:///file or postgresql+psycopg://…")]
DATA_DIR = Annotated[Path | None, typer.Option(help="Where files are kept.", show_default=".earnest")]
HOST = Annotated[str | None, typer.Option(help="The address to listen on.", show_default="127.0.0.1")]
API_ONLY = Annotated[
    bool,
    typer.Option("--api-only", help="Only answer requests: others follow, send and deliver."),
]
PORT = Annotated[int | None, typer.Option(help="The port to listen on.", show_default="8000")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="serve", rich_help_panel=RUN)(serve)


def serve(
    network: NETWORK = None,
    rpc_url: RPC_URL = None,
    database_url: DATABASE_URL = None,
    data_dir: DATA_DIR = None,
    host: HOST = None,
    port: PORT = None,
    api_only: API_ONLY = False,
) -> None:
    """Run the service: the API, the follower of the chain, the sender of the operator's txs, the webhooks.

    On PostgreSQL any number may run, on any machines: one follows and one sends, and when it is lost another one does
    within seconds. [bold]earnest follow[/], [bold]send[/] and [bold]deliver[/] run one of these jobs alone.

    Everything else is set in the environment, [bold]EARNEST_SECRET_KEY[/] and the operator's key above all
    (EARNEST_OPERATOR_KEYSTORE with EARNEST_OPERATOR_KEYSTORE_PASSWORD, or EARNEST_OPERATOR_KEY).
    """
    settings = load_settings(
        network=network, rpc_url=rpc_url, database_url=database_url, data_dir=data_dir, host=host, port=port
    )
    settings.chosen_network()  # a wrong name is told before everything is loaded
    set_up_logs()
    stop = stop_event()
    with listening_socket(settings.host, settings.port) as listener:
        from earnest.wiring import Job, build_service  # noqa: PLC0415 (loads everything there is)

        service = build_service(settings, () if api_only else tuple(Job))
        try:
            say(f"the service listens on http://{settings.host}:{listener.getsockname()[1]}")
            _run(service.app, service.start_loops(stop), listener, stop)
        finally:
            stop.set()
            service.close()


def listening_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens there; raises `AddressInUse` or `Misconfigured`."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        if error.errno in {98, 48}:  # EADDRINUSE on Linux and macOS
            raise AddressInUse(f"port {port} on {host} is in use: choose another with --port") from None
        raise Misconfigured(f"cannot listen on {host}:{port}: {error.strerror}") from None
    return listener


def _run(app: object, loops: list[threading.Thread], listener: socket.socket, stop: threading.Event) -> None:
    """Serve until told to stop, then let requests and loops end by themselves for a while."""
    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=5, lifespan="off")  # type: ignore[arg-type]
    server = uvicorn.Server(config)
    web = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="web", daemon=True)
    web.start()
    while not stop.wait(0.5) and web.is_alive():
        pass
    stop.set()
    server.should_exit = True
    with contextlib.suppress(RuntimeError):
        for thread in (web, *loops):
            thread.join(GRACE_SECONDS)
