"""`earnest chain`: the embedded chain alone, and the clock and the blocks of one that runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from earnest.cli.console import say, show_json
from earnest.cli.panels import BUILD
from earnest.cli.signals import stop_event
from earnest.payment.errors import Conflict, InvalidInput
from earnest.settings import load_settings

if TYPE_CHECKING:
    from earnest.chain.updates import Block
    from earnest.testing.dev_chain import DevChain

METHOD_NOT_FOUND: Final = -32601
"""Source: JSON-RPC 2.0, "error object"."""


class NotADevelopmentChain(Conflict):
    """A chain that goes its own way, as the real ones do."""

    code = "not_a_development_chain"


PORT = Annotated[int, typer.Option(help="The port to listen on, on this machine alone.", min=0, max=65_535)]
DATA_DIR = Annotated[Path | None, typer.Option(help="Where the chain keeps its files.", show_default=".earnest")]


RPC_URL = Annotated[
    str, typer.Option(envvar="EARNEST_RPC_URL", help="The chain.", show_default="http://127.0.0.1:8545")
]
LOCAL_NODE = "http://127.0.0.1:8545"
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 7 * 86_400}
_DURATION = re.compile(r"([1-9][0-9]{0,8})([smhdw])")

chain_app = typer.Typer(invoke_without_command=True, subcommand_metavar="[advance|mine|reorg]")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(chain_app, name="chain", rich_help_panel=BUILD)


@chain_app.callback()
def chain(context: typer.Context, port: PORT = 8545, data_dir: DATA_DIR = None) -> None:
    """Run the embedded development chain: JSON-RPC for wallets and programs, chain id 31337.

    It is an Ethereum chain in one process, with ten funded accounts, test tokens, time travel and reorgs. Its blocks
    are kept in the data folder and survive any kill. Never send it anything of value.

    [bold]advance[/], [bold]mine[/] and [bold]reorg[/] are for a chain that runs already.
    """
    if context.invoked_subcommand is not None:
        return
    from earnest.localnet.server import run_chain  # noqa: PLC0415 (py-evm takes its time to load)

    settings = load_settings(data_dir=data_dir)
    stop = stop_event()
    run_chain(
        settings.data_dir,
        port=port,
        ready=lambda: say(f"chain 31337 listens on http://127.0.0.1:{port}, files in {settings.data_dir}"),
        stop=stop,
    )


@chain_app.command()
def advance(
    duration: Annotated[str, typer.Argument(help="How far: 90s, 30m, 8h, 7d, 2w, or several: 1d12h.")],
    rpc_url: RPC_URL = LOCAL_NODE,
) -> None:
    """Move the clock of a development chain forward, and mine a block that shows it.

    By that clock payments expire, and delivery periods, dispute windows and arbitration periods pass.
    """
    seconds = parse_duration(duration)
    _on_chain(rpc_url, lambda chain: chain.wait(seconds))


@chain_app.command()
def mine(
    blocks: Annotated[int, typer.Argument(help="How many.", min=1, max=10_000)] = 1, rpc_url: RPC_URL = LOCAL_NODE
) -> None:
    """Mine blocks on a development chain, with whatever waits in the first of them.

    On the embedded chain a block is safe two and final four blocks deep.
    """
    _on_chain(rpc_url, lambda chain: chain.mine(blocks))


@chain_app.command()
def reorg(
    depth: Annotated[int, typer.Argument(help="How many of the newest blocks are dropped.", min=1, max=1_000)] = 1,
    keep: Annotated[bool, typer.Option("--keep", help="Mine their txs again, in other blocks.")] = False,
    rpc_url: RPC_URL = LOCAL_NODE,
) -> None:
    """Let a development chain change its mind: its newest blocks are dropped for as many others and one more.

    Without --keep their txs are gone, as if nobody had sent them. What is final cannot be dropped.
    """
    from earnest.testing.dev_chain import Keep  # noqa: PLC0415

    _on_chain(rpc_url, lambda chain: chain.reorg(depth, keep=Keep.ALL if keep else Keep.NONE))


def parse_duration(text: str) -> int:
    """Return a time span such as `1d12h` in seconds; raises `InvalidInput`."""
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise InvalidInput(f"{text!r} is no time span: write 90s, 30m, 8h, 7d, 2w, or several: 1d12h", param="duration")
    return sum(int(number) * _SECONDS[unit] for number, unit in parts)


def _on_chain(rpc_url: str, act: Callable[[DevChain], Block]) -> None:
    """Do something to a chain that runs, and print its newest block."""
    from earnest.chain.errors import RpcError  # noqa: PLC0415
    from earnest.payment.representation import rfc3339  # noqa: PLC0415
    from earnest.testing.dev_chain import DevChain  # noqa: PLC0415

    chain = DevChain.at(rpc_url)
    try:
        block = act(chain)
    except RpcError as error:
        if error.error_code != METHOD_NOT_FOUND:
            raise
        raise NotADevelopmentChain(
            f"chain {chain.chain_id} at {chain.node.endpoint} lets nobody turn its clock or its blocks: that is for "
            "development chains (earnest chain, earnest dev, anvil)"
        ) from None
    finally:
        chain.close()
    show_json({"number": block.number, "hash": block.hash, "timestamp": rfc3339(block.timestamp)})
