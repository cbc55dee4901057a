"""`earnest rebuild` and `earnest reconcile`: is the mirror what the chain says, and how to make it so."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from earnest.cli.console import out, say, show_json
from earnest.cli.logs import set_up_logs
from earnest.cli.panels import CARE
from earnest.cli.progress import Meter, meter
from earnest.cli.serve import DATA_DIR, DATABASE_URL, NETWORK, RPC_URL
from earnest.settings import Settings, load_settings

if TYPE_CHECKING:
    from earnest.mirror.compare import Difference
    from earnest.mirror.comparison import Reconciled
    from earnest.mirror.rebuild import Rebuilt
    from earnest.mirror.replay import Progress
    from earnest.settings import Network

MOST_PRINTED = 1_000
"""Differences printed by a rebuild; where all is wrong, more of them say nothing new."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(rich_help_panel=CARE)(rebuild)
    app.command(rich_help_panel=CARE)(reconcile)


def rebuild(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Compare only; the service may run meanwhile.")] = False,
    network: NETWORK = None,
    rpc_url: RPC_URL = None,
    database_url: DATABASE_URL = None,
    data_dir: DATA_DIR = None,
) -> None:
    """Replay the chain beside the mirror, print what differs, and replace it in one transaction.

    What merchants created, their keys, endpoints and what they were told all stay; whoever's payment turns out to be
    another is told once (payment.reorged). A healthy mirror is not touched. Mends a mirror that a reorg past finality
    froze. On SQLite stop the service first; on PostgreSQL it goes on, and whoever follows the chain stands by for the
    moment of the replacement. What is interrupted goes on where it was when it is run again.
    """
    settings = _settings(network, rpc_url, database_url, data_dir)
    from earnest.wiring.checking import opened_comparison, opened_rebuild  # noqa: PLC0415

    tell = _Printer()
    with meter() as shown:
        if dry_run:
            with opened_comparison(settings, _progress(shown)) as comparing:
                done = comparing.compare(tell)
        else:
            with opened_rebuild(settings, _progress(shown)) as (rebuilding, alone):
                done = rebuilding.run(tell, alone)
    tell.end()
    _print_rebuilt(done, dry_run=dry_run)
    if done.left or (dry_run and done.differences):
        raise typer.Exit(1)


def reconcile(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON document.")] = False,
    only_hash: Annotated[
        bool, typer.Option("--hash", help="Print the state hash of what is final in the mirror; asks no node.")
    ] = False,
    network: NETWORK = None,
    rpc_url: RPC_URL = None,
    database_url: DATABASE_URL = None,
    data_dir: DATA_DIR = None,
) -> None:
    """Compare every payment with the contract's own state at one block, and each token's sums with its balance.

    Changes nothing; the service may run meanwhile, and does the same by itself (EARNEST_RECONCILE_SECONDS). Ends with
    status 1 if anything differs: `earnest rebuild` mends it.
    """
    settings = _settings(network, rpc_url, database_url, data_dir)
    if only_hash:
        _print_hash(settings, as_json=as_json)
        return
    from earnest.wiring.checking import opened_reconciler  # noqa: PLC0415

    with meter() as shown, opened_reconciler(settings) as reconciler:
        done = reconciler.run(_progress(shown))
    if as_json:
        show_json(_document(done))
    else:
        _print_reconciled(done, settings.chosen_network())
    if done.differences:
        raise typer.Exit(1)


def _settings(*flags: Any) -> Settings:
    names = ("network", "rpc_url", "database_url", "data_dir")
    settings = load_settings(**dict(zip(names, flags, strict=True)))
    settings.chosen_network()  # a wrong name is told before everything is loaded
    set_up_logs()
    return settings


def _progress(shown: Meter) -> Progress:
    return lambda told: shown.show(told.doing, told.done, told.total)


class _Printer:
    """Prints differences as they are found."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, difference: Difference) -> None:
        self.count += 1
        if self.count <= MOST_PRINTED:
            out.print(escape(str(difference)))

    def end(self) -> None:
        """Say how many were not printed."""
        if self.count > MOST_PRINTED:
            out.print(f"… and {self.count - MOST_PRINTED:,} more")


def _print_rebuilt(done: Rebuilt, *, dry_run: bool) -> None:
    where = f"block {done.head.number} ({done.head.hash})" if done.head else "the escrow's deployment"
    out.print(f"compared up to {where}")
    out.print(f"state hash of the mirror before: {done.before}")
    out.print(f"state hash by the chain:         {done.chain}")
    if done.replaced is not None:
        out.print(f"state hash of the mirror now:    {done.after}")
        rows = ", ".join(f"{count} of {name}s" for name, count in done.replaced.rows.items())
        out.print(f"replaced: {rows or 'the position only'}; {len(done.replaced.told)} merchants' payments told again")
    if not done.differences:
        out.print("[green]the mirror is what the chain says, to the last byte[/]")
    elif dry_run:
        say(f"{done.differences} differences; `earnest rebuild` without --dry-run mends them")
    if done.left:
        say(f"{done.left} of them lie in what merchants asked for, and no chain can mend those: restore a backup")


def _print_reconciled(done: Reconciled, network: Network) -> None:
    from earnest.payment.money import format_value  # noqa: PLC0415

    for difference in done.differences:
        out.print(escape(str(difference)))
    asked = escape(done.endpoint)
    out.print(f"compared {done.payments} payments at block {done.block.number} ({done.block.hash}) as {asked} tells it")
    for books in done.tokens:
        token = network.token_at(books.token)
        symbol, decimals = (token.symbol, token.decimals) if token else (books.token, 0)
        sums = (
            ("held", books.held),
            ("credits", books.credits),
            ("balance", books.balance),
            ("surplus", books.surplus),
        )
        told = ", ".join(
            f"{name} {'unknown' if units is None else _signed(units, decimals, format_value)}" for name, units in sums
        )
        out.print(f"{escape(symbol)}: {told}")
    if done.differences:
        say(f"{len(done.differences)} differences; look at docs/operations.md before `earnest rebuild`")
    else:
        out.print("[green]the mirror agrees with the contract[/]")


def _signed(units: int, decimals: int, shown: Any) -> str:
    return f"-{shown(-units, decimals)}" if units < 0 else str(shown(units, decimals))


def _document(done: Reconciled) -> dict[str, Any]:
    return {
        "block": {"number": done.block.number, "hash": done.block.hash},
        "endpoint": done.endpoint,
        "payments": done.payments,
        "differences": [
            {"what": each.what, "name": each.name, "field": each.field, "mirror": each.mirror, "contract": each.chain}
            for each in done.differences
        ],
        "tokens": [
            {
                "token": each.token,
                "held": str(each.held),
                "credits": str(each.credits),
                "balance": None if each.balance is None else str(each.balance),
                "surplus": None if each.surplus is None else str(each.surplus),
            }
            for each in done.tokens
        ],
    }


def _print_hash(settings: Settings, *, as_json: bool) -> None:
    from earnest.mirror.errors import NothingMirrored  # noqa: PLC0415
    from earnest.mirror.state_hash import state_hash  # noqa: PLC0415
    from earnest.wiring import open_database  # noqa: PLC0415

    chain_id = settings.chosen_network().chain_id
    with closing(open_database(settings)) as store, store.read() as tx:
        chain = tx.blocks.chain(chain_id)
        if chain is None or chain.final is None:
            raise NothingMirrored(chain_id)
        found = state_hash(tx, chain_id, chain.escrow, chain.final.number)
    if as_json:
        show_json({"chain_id": chain_id, "block": found.block_number, "payments": found.payments,
                   "events": found.events, "hash": found.digest})  # fmt: skip
    else:
        out.print(f"{found.digest}  {found.payments} payments, {found.events} events up to block {found.block_number}")
