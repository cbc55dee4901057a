"""`earnest demo` and `earnest dev`: the whole house on this machine, with and without the story."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earnest.cli.console import out, say
from earnest.cli.panels import BUILD
from earnest.cli.signals import stop_event
from earnest.settings import load_settings

if TYPE_CHECKING:
    from earnest.testing.stack import LocalStack

RPC_URL = Annotated[
    str | None,
    typer.Option(
        help="Another development node (anvil, say) instead of the embedded chain; its clock and blocks are turned."
    ),
]
DATABASE_URL = Annotated[str | None, typer.Option(help="sqlite:///file or postgresql+psycopg://…")]
NEW_DATA_DIR = Annotated[Path | None, typer.Option(help="Where files are kept.", show_default="a new folder each time")]
DATA_DIR = Annotated[Path | None, typer.Option(help="Where files are kept.", show_default=".earnest, or the settings'")]
CHAIN_PORT = Annotated[int, typer.Option(help="The chain's port; 0 picks a free one.", min=0, max=65_535)]
API_PORT = Annotated[int, typer.Option(help="The API's port; 0 picks a free one.", min=0, max=65_535)]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(name="demo", rich_help_panel=BUILD)(demo)
    app.command(name="dev", rich_help_panel=BUILD)(dev)


def demo(
    exit_: Annotated[bool, typer.Option("--exit", help="End with the story: status 0 if all of it held.")] = False,
    rpc_url: RPC_URL = None,
    database_url: DATABASE_URL = None,
    data_dir: NEW_DATA_DIR = None,
    chain_port: CHAIN_PORT = 0,
    api_port: API_PORT = 0,
) -> None:
    """Tell a payment's whole life on a chain of its own, then leave the stack running.

    Starts a chain, the contract on it and the service, and plays merchant, buyers, operator and arbiter: one payment
    is released, one refunded, one reclaimed, one disputed and resolved, one taken back by a reorg. Then one is paid
    and received by signatures, without gas, and repaid later; one comes from an exchange with a surplus; one is
    refunded to a buyer whom the token has blocked, and becomes a credit; and fifty are released at once. It ends with
    the books.
    """
    from earnest.cli.demo.run import tell_story  # noqa: PLC0415 (loads everything there is)
    from earnest.cli.sample import sample_merchant  # noqa: PLC0415
    from earnest.cli.screen import show_screen  # noqa: PLC0415
    from earnest.testing.stack import LocalStack  # noqa: PLC0415

    stop = stop_event()
    folder = data_dir or Path(tempfile.mkdtemp(prefix="earnest-demo-"))
    out.print("starting a chain, the contract and the service …")
    with LocalStack(folder, rpc_url, database_url, chain_port, api_port) as stack:
        tell_story(stack, out)
        if exit_:
            return
        show_screen(stack, sample_merchant(stack), out)
        say("\nThe stack stays up; Ctrl-C ends it.")
        _stay(stack, stop)


def dev(
    rpc_url: RPC_URL = None,
    database_url: DATABASE_URL = None,
    data_dir: DATA_DIR = None,
    chain_port: CHAIN_PORT = 8545,
    api_port: API_PORT = 8000,
) -> None:
    """Run the local stack for building a shop: chain, contract, service, funded wallets and a sample merchant.

    Files stay in the data folder, so that the next start goes on where this one ended.
    """
    from earnest.cli.sample import sample_merchant  # noqa: PLC0415
    from earnest.cli.screen import show_screen  # noqa: PLC0415
    from earnest.testing.stack import LocalStack  # noqa: PLC0415

    stop = stop_event()
    folder = data_dir or load_settings().data_dir
    out.print("starting the chain, the contract and the service …")
    with LocalStack(folder, rpc_url, database_url, chain_port, api_port) as stack:
        show_screen(stack, sample_merchant(stack), out)
        say("\nCtrl-C ends it; the files stay.")
        _stay(stack, stop)


def _stay(stack: LocalStack, stop: threading.Event) -> None:
    """Wait to be stopped, or for a process of the stack to end by itself."""
    while not stop.wait(0.5):
        stack.check_running()
