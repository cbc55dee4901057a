"""`earnest listen` and `earnest trigger`: webhooks to a program on this machine, and something for them to tell."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Annotated, Final

import httpx
import typer

from earnest.cli.console import out, say, show_json
from earnest.cli.own_verbs import API_URL, LOCAL_API
from earnest.cli.panels import BUILD
from earnest.cli.sample import known_key
from earnest.payment.errors import Conflict, InvalidInput
from earnest.payment.notifications import NotificationType

if TYPE_CHECKING:
    from earnest.client.stream import Message

FORWARD_SECONDS: Final = 15.0
"""As long as the service itself waits for a webhook's answer."""
API_KEY = Annotated[
    str | None,
    typer.Option(envvar="EARNEST_API_KEY", help="The merchant's key.", show_default="the sample merchant's"),
]


class NotTheDevelopersChain(Conflict):
    """What would have to happen costs real money on this chain."""

    code = "not_the_developers_chain"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(name="listen", rich_help_panel=BUILD)(listen)
    app.command(name="trigger", rich_help_panel=BUILD)(trigger)


def listen(
    forward_to: Annotated[str, typer.Option(help="Your program's URL; it gets each webhook as a POST.")],
    events: Annotated[str, typer.Option(help="Only these types, separated by commas: payment.funded,…")] = "",
    secret: Annotated[
        str | None, typer.Option(envvar="EARNEST_WEBHOOK_SECRET", help="Sign with this whsec_…; default: a new one.")
    ] = None,
    after: Annotated[str | None, typer.Option(help="Begin right after this notification's id, not now.")] = None,
    api_url: API_URL = LOCAL_API,
    api_key: API_KEY = None,
) -> None:
    """Forward webhooks to a program on this machine, signed as the service signs them; no public address is needed.

    Each is printed with your program's answer. A connection that breaks is made again, and nothing is missed.
    """
    from earnest.client import Client, Problem  # noqa: PLC0415 (so that `earnest --help` loads nothing)
    from earnest.client.http import checked_url  # noqa: PLC0415
    from earnest.commands.event_types import parse_event_types  # noqa: PLC0415
    from earnest.webhooks.signature import format_secret, parse_secret  # noqa: PLC0415

    wanted = parse_event_types(each.strip() for each in events.split(",") if each.strip())
    signing = parse_secret(secret) if secret else format_secret(secrets.token_bytes(32))
    target = checked_url(forward_to, ": give your program's, such as http://127.0.0.1:3000/webhooks")
    with Client(api_url, known_key(api_key)) as client, httpx.Client(timeout=FORWARD_SECONDS, trust_env=False) as http:
        next(client.events(), None)  # a wrong key is told at once
        say(f"forwarding to {target}; the secret that webhooks are signed with:")
        out.print(signing)
        stream, breaks = client.stream(after), Breaks()
        try:
            for message in stream.messages(breaks.broke, breaks.opened):
                if not wanted or message.type in wanted:
                    out.print(_forward(http, target, signing, message))
        except KeyboardInterrupt:
            say("listening no more")
        except Problem as problem:
            if problem.param == "Last-Event-ID":
                raise InvalidInput(f"--after: {problem}", param="after") from None
            raise


def trigger(
    kind: Annotated[str, typer.Argument(metavar="TYPE", help="payment.funded, payment.released, … or just funded.")],
    api_url: API_URL = LOCAL_API,
    api_key: API_KEY = None,
    rpc_url: Annotated[
        str | None, typer.Option(envvar="EARNEST_RPC_URL", help="The chain.", show_default="http://127.0.0.1:8545")
    ] = None,
) -> None:
    """Make something happen on the developer's chain, so that its webhook is a real one: with a payment of its own.

    `reclaimed` and `expired` move the chain's clock, `reorged` drops its newest blocks. Prints the notification.
    """
    from earnest.client import Client  # noqa: PLC0415
    from earnest.escrow.reverts import explain_revert  # noqa: PLC0415
    from earnest.settings import load_settings  # noqa: PLC0415
    from earnest.testing.dev_chain import DevChain  # noqa: PLC0415
    from earnest.testing.happenings import HAPPENINGS, parse_happening  # noqa: PLC0415
    from earnest.testing.shop import Shop  # noqa: PLC0415

    wanted = parse_happening(kind)
    network = load_settings(network="local", rpc_url=rpc_url).chosen_network()
    key = known_key(api_key)
    with Client(api_url, key, patience_seconds=0) as client:  # that nobody answers is told at once
        served = {each.chain: each.network for each in client.sync()}
    with Client(api_url, key) as client:
        if f"eip155:{network.chain_id}" not in served:
            raise NotTheDevelopersChain(
                f"{api_url} serves {', '.join(served.values())}, where nothing can be made to happen for nothing: "
                "trigger is for the developer's chain alone (earnest dev)"
            )
        chain = DevChain.at(network.rpc_urls[0], explain=explain_revert)
        try:
            shop = Shop(client, chain)
            payment = HAPPENINGS[wanted](shop)
            found = shop.until(lambda: _told(shop, payment.id, wanted), f"{wanted} of payment {payment.id}")
        finally:
            chain.close()
    show_json(found)


class Breaks:
    """Says once that the stream broke off, however often coming back fails, and once that it is back."""

    def __init__(self) -> None:
        self._away = False

    def broke(self, error: Exception) -> None:
        """The connection ended, or was not made."""
        if not self._away:
            say(f"the stream broke off ({error}); coming back")
        self._away = True

    def opened(self) -> None:
        """A connection is made."""
        if self._away:
            say("the stream is back")
        self._away = False


def _told(shop: object, payment: str, wanted: NotificationType) -> dict[str, object] | None:
    import msgspec  # noqa: PLC0415

    from earnest.testing.shop import Shop  # noqa: PLC0415

    assert isinstance(shop, Shop)
    found = next((each for each in shop.client.events(payment=payment) if each.type == wanted), None)
    return msgspec.to_builtins(found) if found else None


def _forward(http: httpx.Client, target: str, secret: str, message: Message) -> str:
    """Post one webhook, and return the line that tells how it went."""
    from earnest.webhooks.signature import signed_headers  # noqa: PLC0415

    event = message.event
    headers = signed_headers([secret], message.id, int(time.time()), message.data)
    started = time.monotonic()
    try:
        status = http.post(
            target, content=message.data, headers={**headers, "content-type": "application/json"}
        ).status_code
        answer = str(status)
    except httpx.HTTPError as error:
        answer = str(error) or type(error).__name__
    took_ms = int((time.monotonic() - started) * 1_000)
    return f"{event.timestamp:%H:%M:%S}  {event.type:<18} {event.payment_id}  → {answer} ({took_ms} ms)  {event.id}"
