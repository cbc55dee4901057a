"""`earnest doctor`: what is set up and what is missing, each with what to do about it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from earnest.cli.console import out
from earnest.cli.panels import CARE
from earnest.cli.serve import RPC_URL
from earnest.payment.errors import EarnestError
from earnest.settings import Network, Settings, load_settings

if TYPE_CHECKING:
    from earnest.chain.signer import LocalSigner

Check = tuple[str, Callable[[], str]]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="doctor", rich_help_panel=CARE)(doctor)


def doctor(
    network: Annotated[str | None, typer.Option(help="A chain of networks.toml.", show_default="local")] = None,
    rpc_url: RPC_URL = None,
    database_url: Annotated[str | None, typer.Option(help="sqlite:///file or postgresql+psycopg://…")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Where files are kept.", show_default=".earnest")] = None,
) -> None:
    """Check the settings, each node, the contract, the database and the operator's key; changes nothing.

    Ends with status 1 if anything is wrong that `earnest serve` needs.
    """
    settings = load_settings(network=network, rpc_url=rpc_url, database_url=database_url, data_dir=data_dir)
    chain = settings.chosen_network()
    wrong = 0
    for name, check in _checks(settings, chain):
        try:
            out.print(f"[green]ok[/]     {name}: {escape(check())}")
        except EarnestError as error:
            wrong += 1
            out.print(f"[red]wrong[/]  {name}: {escape(str(error))}")
    if wrong:
        raise typer.Exit(1)


def _checks(settings: Settings, network: Network) -> Iterator[Check]:
    yield "embedded chain", _embedded_chain
    yield "secret key", lambda: _secret_key(settings)
    yield "database", lambda: _database(settings)
    yield "audit log", lambda: _audit_log(settings)
    for url in network.rpc_urls:
        yield "node", partial(_node, replace(network, rpc_urls=(url,)))
    if not network.rpc_urls:
        yield "node", partial(_node, network)
    yield "escrow", lambda: _escrow(settings, network)
    yield "operator", lambda: _operator(settings, network)


def _embedded_chain() -> str:
    missing = [name for name in ("eth_tester", "eth") if importlib.util.find_spec(name) is None]
    return "not installed (pip install 'earnest[local]'), needed for development only" if missing else "installed"


def _secret_key(settings: Settings) -> str:
    from earnest.wiring import open_secret_box  # noqa: PLC0415

    open_secret_box(settings)
    return "set"


def _database(settings: Settings) -> str:
    from earnest.store import open_store  # noqa: PLC0415

    file = settings.data_dir / "earnest.db"
    if settings.database_url is None and not file.exists():
        return f"{file} is not there yet; the first start makes it"
    store = open_store(settings.database())
    try:
        store.check()
    finally:
        store.close()
    return "there, writable, and of this version's schema"


def _audit_log(settings: Settings) -> str:
    from earnest.store import open_store  # noqa: PLC0415
    from earnest.store.errors import AuditLogBroken  # noqa: PLC0415

    file = settings.data_dir / "earnest.db"
    if settings.database_url is None and not file.exists():
        return "nothing is in it yet"
    store = open_store(settings.database())
    try:
        with store.read() as tx:
            if (broken := tx.audit.first_broken()) is not None:
                raise AuditLogBroken(broken)
            last = tx.audit.last()
    finally:
        store.close()
    return "nothing is in it yet" if last is None else f"{last.number} entries, whole; the last is {last.hash}"


def _node(network: Network) -> str:
    from earnest.wiring import reach_node  # noqa: PLC0415

    rpc = reach_node(network)
    try:
        head = rpc.header("latest")
        return f"{rpc.endpoint} is on chain {network.chain_id}, at block {head.block.number if head else '?'}"
    finally:
        rpc.close()


def _escrow(settings: Settings, network: Network) -> str:
    from earnest.escrow.node import Node  # noqa: PLC0415
    from earnest.escrow.verify import verify_deployment  # noqa: PLC0415
    from earnest.wiring import recorded_deployment  # noqa: PLC0415

    deployment = recorded_deployment(settings, network)
    verify_deployment(Node(network.rpc_urls[0]), deployment, settings.deployments(network))
    return f"{deployment.address} has the code of this version's artifact"


def _operator(settings: Settings, network: Network) -> str:
    from earnest.chain.errors import OperatorOutOfGasMoney  # noqa: PLC0415
    from earnest.wiring import open_signer, reach_node  # noqa: PLC0415

    signer: LocalSigner | None = open_signer(settings)
    if signer is None:
        return "no key given: this service will neither confirm deliveries nor refund"
    rpc = reach_node(network)
    try:
        balance = rpc.balance(signer.address)
    finally:
        rpc.close()
    if balance == 0:
        raise OperatorOutOfGasMoney(signer.address, 0, 1)
    return f"{signer.address} has {balance / 10**18:.6f} {network.coin.symbol} for gas"
