"""`earnest payment …`: a merchant's verbs by the API, a buyer's and an arbiter's signed here and sent to the chain."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from earnest.cli import own_verbs
from earnest.cli.asking import ask
from earnest.cli.console import show_json
from earnest.cli.own_verbs import API_URL, LOCAL_API, PAYMENT
from earnest.cli.panels import BY_THE_API, PAY
from earnest.cli.sample import known_key
from earnest.payment.primitives import parse_hash32

payment_app = typer.Typer(
    no_args_is_help=True,
    help="Payments: a merchant's verbs call the API, a buyer's and an arbiter's are signed here.",
)

API_KEY = Annotated[str | None, typer.Option(envvar="EARNEST_API_KEY", help="The merchant's key.", show_envvar=True)]


PAYMENTS = Annotated[list[str], typer.Argument(metavar="ID…", help="The payments' ids, up to 200.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    own_verbs.register(payment_app)
    app.add_typer(payment_app, name="payment", rich_help_panel=PAY)


@payment_app.command(rich_help_panel=BY_THE_API)
def create(
    amount: Annotated[str, typer.Argument(help="How much, as a decimal: 12.50")],
    token: Annotated[str, typer.Argument(help="The token's symbol or address; the coin's symbol for coin.")],
    order: Annotated[str, typer.Option(help="Your own reference; only a salted hash of it goes on chain.")] = "",
    description: Annotated[str, typer.Option(help="What is bought, for the buyer to read.")] = "",
    buyer: Annotated[
        str | None,
        typer.Option(help="The buyer, if only he may be; a deposit address comes with it."),
    ] = None,
    api_url: API_URL = LOCAL_API,
    api_key: API_KEY = None,
) -> None:
    """Create a payment; prints it, its id and checkout link with it."""
    body: dict[str, Any] = {"amount": {"value": amount, "token": token}}
    body |= {"order_reference": order} if order else {}
    body |= {"description": description} if description else {}
    body |= {"buyer": buyer} if buyer else {}
    show_json(_ask(api_url, api_key, "POST", "/v1/payments", body=body))


@payment_app.command(rich_help_panel=BY_THE_API)
def show(payment: PAYMENT, api_url: API_URL = LOCAL_API, api_key: API_KEY = None) -> None:
    """Show a payment: all of it with a key, what a buyer may see without one."""
    wanted = parse_hash32(payment, param="ID")
    path = f"/v1/payments/{wanted}" if api_key else f"/v1/checkout/{wanted}"
    show_json(ask(api_url, api_key, "GET", path))


@payment_app.command(name="list", rich_help_panel=BY_THE_API)
def list_payments(
    status: Annotated[str | None, typer.Option(help="Only those in this status.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many at the most.")] = 20,
    api_url: API_URL = LOCAL_API,
    api_key: API_KEY = None,
) -> None:
    """List your payments, newest first."""
    show_json(_ask(api_url, api_key, "GET", "/v1/payments", query={"status": status, "limit": limit}))


@payment_app.command(rich_help_panel=BY_THE_API)
def timeline(payment: PAYMENT, api_url: API_URL = LOCAL_API, api_key: API_KEY = None) -> None:
    """Show every event of a payment, with the block and the tx that prove it."""
    show_json(_ask(api_url, api_key, "GET", f"/v1/payments/{parse_hash32(payment, param='ID')}/timeline"))


@payment_app.command(name="confirm-delivery", rich_help_panel=BY_THE_API)
def confirm_delivery(payment: PAYMENT, api_url: API_URL = LOCAL_API, api_key: API_KEY = None) -> None:
    """As the merchant: say that you delivered; the service sends it with the operator's key."""
    show_json(_ask(api_url, api_key, "POST", f"/v1/payments/{parse_hash32(payment, param='ID')}/confirm_delivery"))


@payment_app.command(name="confirm-delivery-many", rich_help_panel=BY_THE_API)
def confirm_delivery_many(payments: PAYMENTS, api_url: API_URL = LOCAL_API, api_key: API_KEY = None) -> None:
    """As the merchant: confirm many deliveries by as few txs as their terms allow; the rest is listed with why."""
    show_json(_ask(api_url, api_key, "POST", "/v1/payments/confirm_delivery_many", body=_many(payments)))


@payment_app.command(name="release-many", rich_help_panel=BY_THE_API)
def release_many(payments: PAYMENTS, api_url: API_URL = LOCAL_API, api_key: API_KEY = None) -> None:
    """As the merchant: release many payments whose dispute windows are over; what cannot be is listed with why."""
    show_json(_ask(api_url, api_key, "POST", "/v1/payments/release_many", body=_many(payments)))


@payment_app.command(rich_help_panel=BY_THE_API)
def refund(
    payment: PAYMENT,
    amount: Annotated[str | None, typer.Option(help="A part, as a decimal; without it everything held.")] = None,
    api_url: API_URL = LOCAL_API,
    api_key: API_KEY = None,
) -> None:
    """As the merchant: give money back to the buyer; the service sends it with the operator's key."""
    wanted = parse_hash32(payment, param="ID")
    # Without a token it is the payment's own.
    body = {} if amount is None else {"amount": {"value": amount}}
    show_json(_ask(api_url, api_key, "POST", f"/v1/payments/{wanted}/refund", body=body))


def _many(payments: list[str]) -> dict[str, Any]:
    return {"payments": [parse_hash32(each, param="ID") for each in payments]}


def _ask(api_url: str, api_key: str | None, method: str, path: str, **what: Any) -> dict[str, Any]:
    return ask(api_url, known_key(api_key), method, path, **what)
