"""The host's commands on the database: merchants, their API keys, the schema."""

from __future__ import annotations

import math
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from earnest.cli.console import say, show_json
from earnest.cli.panels import CARE, PAY
from earnest.payment.errors import InvalidInput, NotFound
from earnest.payment.primitives import ZERO_ADDRESS, Address, parse_address
from earnest.payment.tell_rule import parse_tell_rule
from earnest.payment.terms import DAY, HOUR
from earnest.settings import Settings, load_settings

if TYPE_CHECKING:
    from earnest.store.records import Merchant

merchant_app = typer.Typer(no_args_is_help=True, help="The merchants' accounts.")
key_app = typer.Typer(no_args_is_help=True, help="The merchants' API keys.")
db_app = typer.Typer(no_args_is_help=True, help="The database.")

DATABASE_URL = Annotated[str | None, typer.Option(help="sqlite:///file or postgresql+psycopg://…")]
DATA_DIR = Annotated[Path | None, typer.Option(help="Where files are kept.", show_default=".earnest")]
MAX_COUNT = 1_000_000
"""Of days or hours: far more than any term allows, and as seconds it still fits every column."""
MERCHANT = Annotated[str, typer.Argument(metavar="MERCHANT", help="The account's id, mer_…")]
STEP = "TOKEN:FINALITY:AMOUNT"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(merchant_app, name="merchant", rich_help_panel=PAY)
    app.add_typer(key_app, name="key", rich_help_panel=PAY)
    app.add_typer(db_app, name="db", rich_help_panel=CARE)


@merchant_app.command(name="create")
def create_merchant_command(
    name: Annotated[str, typer.Argument(help="The merchant's name, for people.")],
    payout: Annotated[str, typer.Option(help="The address that is paid; nobody but the merchant should own it.")],
    operator: Annotated[
        str | None, typer.Option(help="Who confirms deliveries for him: the address of this service's key.")
    ] = None,
    arbiter: Annotated[str | None, typer.Option(help="Who settles disputes; without one there are none.")] = None,
    fee_recipient: Annotated[str | None, typer.Option(help="Who gets the fee.")] = None,
    fee_bps: Annotated[int, typer.Option(help="The fee on releases, in hundredths of a percent.")] = 0,
    delivery_days: Annotated[float, typer.Option(help="How long delivering may take, from payment.")] = 14,
    dispute_hours: Annotated[float, typer.Option(help="How long the buyer may dispute, from delivery.")] = 72,
    arbitration_days: Annotated[float, typer.Option(help="How long the arbiter has, from the dispute.")] = 14,
    payment_hours: Annotated[float, typer.Option(help="How long a buyer has to pay.")] = 1,
    safe_depth_blocks: Annotated[int, typer.Option(help="Blocks on top that make a payment safe for him.")] = 2,
    tell: Annotated[
        list[str] | None,
        typer.Option(
            metavar=STEP,
            help="From this amount on (base units) tell him of events at safe or final; may be given often. "
            "Default: of everything at once.",
        ),
    ] = None,
    data_dir: DATA_DIR = None,
    database_url: DATABASE_URL = None,
) -> None:
    """Open a merchant's account: who is paid, and the terms that his payments get unless a request names others."""
    from earnest.commands.create_merchant import NewMerchant, create_merchant  # noqa: PLC0415

    disputes = arbiter is not None
    new = NewMerchant(
        name=name,
        payout=parse_address(payout, param="payout"),
        operator=_address_or_zero(operator, "operator"),
        arbiter=_address_or_zero(arbiter, "arbiter"),
        fee_recipient=_address_or_zero(fee_recipient, "fee_recipient"),
        fee_bps=fee_bps,
        delivery_period=_seconds(delivery_days, DAY, "delivery_days"),
        dispute_window=_seconds(dispute_hours, HOUR, "dispute_hours") if disputes else 0,
        arbitration_period=_seconds(arbitration_days, DAY, "arbitration_days") if disputes else 0,
        payment_window=_seconds(payment_hours, HOUR, "payment_hours"),
        safe_depth_blocks=safe_depth_blocks,
        tell=parse_tell_rule(tell or ()),
    )
    from earnest.wiring import open_database, wall_clock  # noqa: PLC0415 (after what was mistyped, since it is slow)

    with closing(open_database(_settings(data_dir, database_url))) as store:
        show_json(_shown(create_merchant(store, new, wall_clock())))
    if not disputes:
        say("without an arbiter no dispute is possible: confirming delivery releases the money at once")


@merchant_app.command(name="list")
def list_merchants(data_dir: DATA_DIR = None, database_url: DATABASE_URL = None) -> None:
    """List the accounts."""
    from earnest.wiring import open_database  # noqa: PLC0415

    with closing(open_database(_settings(data_dir, database_url))) as store, store.read() as tx:
        show_json([_shown(each) for each in tx.merchants.list()])


@merchant_app.command(name="tell")
def tell_merchant(
    merchant: MERCHANT,
    steps: Annotated[
        list[str] | None,
        typer.Argument(metavar=f"[{STEP}]...", help="The whole rule; `*` stands for every token that is not named."),
    ] = None,
    at_once: Annotated[bool, typer.Option("--at-once", help="Tell him of everything at `included`.")] = False,
    data_dir: DATA_DIR = None,
    database_url: DATABASE_URL = None,
) -> None:
    """Set from which finality on a merchant is told of events, by token and amount in base units.

    `earnest merchant tell mer_… 0xA0b8…:safe:50000000 0xA0b8…:final:1000000000` tells him of payments below 50 of a
    token with six decimals at once, from 50 on when they are safe, and from 1,000 on when they are final.
    """
    from earnest.commands.set_tell_rule import set_tell_rule  # noqa: PLC0415

    if bool(steps) is at_once:
        raise InvalidInput("give the whole rule, or --at-once for none", param="tell")
    rule = parse_tell_rule(steps or ())
    from earnest.wiring import open_database, wall_clock  # noqa: PLC0415

    with closing(open_database(_settings(data_dir, database_url))) as store:
        show_json(_shown(set_tell_rule(store, merchant, rule, now=wall_clock())))
    say("it holds for the events that are mirrored from now on; what waits already keeps waiting")


@key_app.command(name="create")
def create_key_command(
    merchant: MERCHANT,
    scope: Annotated[list[str] | None, typer.Option(help="What it may do; may be given often. Default: all.")] = None,
    role: Annotated[str | None, typer.Option(help="Or a role: read_only, support, finance or owner.")] = None,
    name: Annotated[str | None, typer.Option(help="What you call it, such as whose it is.")] = None,
    live: Annotated[bool, typer.Option("--live", help="A key for real money; its prefix says so.")] = False,
    days: Annotated[float | None, typer.Option(help="How long it is good for. Default: for ever.")] = None,
    data_dir: DATA_DIR = None,
    database_url: DATABASE_URL = None,
) -> None:
    """Make an API key; it is shown this once and kept nowhere."""
    from earnest.commands.create_key import create_key  # noqa: PLC0415
    from earnest.commands.key_name import parse_key_name  # noqa: PLC0415
    from earnest.commands.scopes import SCOPES  # noqa: PLC0415
    from earnest.commands.team_roles import role_of, scopes_of  # noqa: PLC0415

    called = parse_key_name(name)
    from earnest.wiring import open_database, wall_clock  # noqa: PLC0415 (after what was mistyped, since it is slow)

    now = wall_clock()
    with closing(open_database(_settings(data_dir, database_url))) as store:
        new = create_key(
            store,
            merchant,
            now=now,
            name=called,
            scopes=scopes_of(role, scope or ()) if role or scope else SCOPES,
            live=live,
            expires_at=None if days is None else now + _seconds(days, DAY, "days"),
        )
    made = {"id": new.key.id, "name": new.key.name, "key": new.secret, "role": role_of(new.key.scopes)}
    show_json(made | {"scopes": sorted(new.key.scopes), "expires_at": new.key.expires_at})
    say("keep the key now: it cannot be shown again")


@key_app.command(name="list")
def list_keys(merchant: MERCHANT, data_dir: DATA_DIR = None, database_url: DATABASE_URL = None) -> None:
    """List a merchant's keys, newest first, without their secrets."""
    from earnest.commands.team_roles import role_of  # noqa: PLC0415
    from earnest.wiring import open_database  # noqa: PLC0415

    shown = ("id", "name", "prefix", "role", "scopes", "created_at", "expires_at", "revoked_at")
    with closing(open_database(_settings(data_dir, database_url))) as store, store.read() as tx:
        if tx.merchants.get(merchant) is None:
            raise NotFound(f"no merchant {merchant}")
        rows = [
            asdict(each) | {"scopes": sorted(each.scopes), "role": role_of(each.scopes)}
            for each in tx.keys.list(merchant)
        ]
    show_json([{name: row[name] for name in shown} for row in rows])


@key_app.command(name="revoke")
def revoke_key_command(
    merchant: MERCHANT,
    key: Annotated[str, typer.Argument(help="The key's id, key_…")],
    data_dir: DATA_DIR = None,
    database_url: DATABASE_URL = None,
) -> None:
    """Revoke a key; it is refused from then on."""
    from earnest.commands.revoke_key import revoke_key  # noqa: PLC0415
    from earnest.wiring import open_database, wall_clock  # noqa: PLC0415

    with closing(open_database(_settings(data_dir, database_url))) as store:
        revoke_key(store, merchant, key, wall_clock())
    say(f"{key} is revoked")


@db_app.command(name="upgrade")
def upgrade(data_dir: DATA_DIR = None, database_url: DATABASE_URL = None) -> None:
    """Bring the database's schema up to this version; safe to run twice."""
    from earnest.wiring import open_database  # noqa: PLC0415

    open_database(_settings(data_dir, database_url)).close()
    say("the database is up to date")


def _shown(merchant: Merchant) -> dict[str, Any]:
    return asdict(merchant) | {"tell": [str(each) for each in merchant.tell.steps]}


def _settings(data_dir: Path | None, database_url: str | None) -> Settings:
    return load_settings(data_dir=data_dir, database_url=database_url)


def _address_or_zero(text: str | None, param: str) -> Address:
    return ZERO_ADDRESS if text is None else parse_address(text, param=param)


def _seconds(count: float, unit: int, param: str) -> int:
    """Return a time in whole seconds; whether it is a possible one is for the command to say."""
    if not math.isfinite(count) or abs(count) > MAX_COUNT:
        raise InvalidInput(f"{param} is {count:g}: give a number such as 14 or 0.5", param=param)
    return round(count * unit)
