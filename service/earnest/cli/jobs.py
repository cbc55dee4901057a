"""`earnest follow`, `send`, `deliver`: one of the service's jobs alone, for when it runs on many machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from earnest.cli.console import say
from earnest.cli.logs import set_up_logs
from earnest.cli.panels import RUN
from earnest.cli.serve import DATA_DIR, DATABASE_URL, GRACE_SECONDS, NETWORK, RPC_URL
from earnest.cli.signals import stop_event
from earnest.settings import Settings, load_settings

if TYPE_CHECKING:
    from earnest.wiring import Job

POLL_SECONDS = 0.5


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (follow, send, deliver):
        app.command(rich_help_panel=RUN)(command)


def follow(
    network: NETWORK = None, rpc_url: RPC_URL = None, database_url: DATABASE_URL = None, data_dir: DATA_DIR = None
) -> None:
    """Follow the chain, and nothing else: run any number, on any machines that share a PostgreSQL.

    One of them leads; the others take over within seconds when it ends, hangs or is cut off. Where the API is served
    by others, set [bold]EARNEST_PUBLIC_URL[/] here too: it stands in the notifications that are written here.
    """
    from earnest.wiring import Job  # noqa: PLC0415

    settings = load_settings(network=network, rpc_url=rpc_url, database_url=database_url, data_dir=data_dir)
    settings.chosen_network()  # a wrong name is told before everything is loaded
    _run(settings, Job.FOLLOW, f"follows {settings.network}, or stands by while another process does")


def send(
    network: NETWORK = None, rpc_url: RPC_URL = None, database_url: DATABASE_URL = None, data_dir: DATA_DIR = None
) -> None:
    """Send the operator's txs, and nothing else: run any number, on any machines that share a PostgreSQL.

    One of them leads for each operator and chain; the others take over within seconds. Whoever serves the API needs the
    operator's key as well: the API signs what it is asked for, and this broadcasts it until it is final.
    """
    from earnest.wiring import Job  # noqa: PLC0415

    settings = load_settings(network=network, rpc_url=rpc_url, database_url=database_url, data_dir=data_dir)
    settings.chosen_network()
    _run(settings, Job.SEND, f"sends on {settings.network}, or stands by while another process does")


def deliver(database_url: DATABASE_URL = None, data_dir: DATA_DIR = None) -> None:
    """Deliver webhooks, and nothing else: run any number, on any machines that share a PostgreSQL.

    They share the work. What one of them had claimed when it was lost is delivered by another within seconds. Needs no
    node, only the database and [bold]EARNEST_SECRET_KEY[/].
    """
    from earnest.wiring import Job  # noqa: PLC0415

    _run(load_settings(database_url=database_url, data_dir=data_dir), Job.DELIVER, "delivers webhooks")


def _run(settings: Settings, job: Job, doing: str) -> None:
    from earnest.wiring import build_jobs  # noqa: PLC0415 (loads most of what there is)

    set_up_logs()
    stop = stop_event()
    jobs = build_jobs(settings, {job})
    try:
        threads = jobs.start_loops(stop)
        say(f"this process {doing}")
        while not stop.wait(POLL_SECONDS):
            pass
        for thread in threads:
            thread.join(GRACE_SECONDS)
    finally:
        stop.set()
        jobs.close()
