"""`earnest chain`: the embedded chain alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earnest.cli.console import say
from earnest.cli.signals import stop_event
from earnest.settings import load_settings

PORT = Annotated[int, typer.Option(help="The port to listen on, on this machine alone.", min=0, max=65_535)]
DATA_DIR = Annotated[Path | None, typer.Option(help="Where the chain keeps its files.", show_default=".earnest")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="chain")(chain)


def chain(port: PORT = 8545, data_dir: DATA_DIR = None) -> None:
    """Run the embedded development chain: JSON-RPC for wallets and programs, chain id 31337.

    It is an Ethereum chain in one process, with ten funded accounts, test tokens, time travel and reorgs. Its blocks
    are kept in the data folder and survive any kill. Never send it anything of value.
    """
    from earnest.localnet.server import run_chain  # noqa: PLC0415 (py-evm takes its time to load)

    settings = load_settings(data_dir=data_dir)
    stop = stop_event()
    run_chain(
        settings.data_dir,
        port=port,
        ready=lambda: say(f"chain 31337 listens on http://127.0.0.1:{port}, files in {settings.data_dir}"),
        stop=stop,
    )
