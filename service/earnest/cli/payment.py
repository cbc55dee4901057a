"""`earnest payment …`: a merchant's verbs by the API, a buyer's and an arbiter's signed here and sent to the chain."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from earnest.cli.api_client import ApiClient
from earnest.cli.console import say, show_json
from earnest.payment.errors import InvalidInput, NotAllowed
from earnest.payment.money import format_value
from earnest.payment.primitives import ZERO_ADDRESS, Address, parse_address, parse_hash32
from earnest.payment.representation import parse_terms
from earnest.payment.terms import payment_id
from earnest.settings import Network, load_settings

if TYPE_CHECKING:
    from earnest.chain.wallet import CallTx, Wallet
    from earnest.payment.terms import Terms

payment_app = typer.Typer(
    no_args_is_help=True,
    help="Payments: a merchant's verbs call the API, a buyer's and an arbiter's are signed here.",
)

API_URL = Annotated[
    str, typer.Option(envvar="EARNEST_API_URL", help="Where the service answers.", show_default="http://127.0.0.1:8000")
]
API_KEY = Annotated[str | None, typer.Option(envvar="EARNEST_API_KEY", help="The merchant's key.", show_envvar=True)]
NETWORK = Annotated[str | None, typer.Option(help="A chain of networks.toml.", show_default="local")]
RPC_URL = Annotated[str | None, typer.Option(help="The chain's endpoint: yours, not the merchant's.")]
KEYSTORE = Annotated[
    Path | None,
    typer.Option(
        help="Your keystore file (its password: EARNEST_WALLET_PASSWORD, or asked for); or EARNEST_WALLET_KEY."
    ),
]
ESCROW = Annotated[
    str | None, typer.Option(help="The escrow that you trust; without it the one that the service names is shown.")
]
PAYMENT = Annotated[str, typer.Argument(metavar="ID", help="The payment's id, 0x and 64 digits.")]
YES = Annotated[bool, typer.Option("--yes", "-y", help="Send without asking.")]
LOCAL_API = "http://127.0.0.1:8000"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(payment_app, name="payment")


@payment_app.command()
def create(
    amount: Annotated[str, typer.Argument(help="How much, as a decimal: 12.50")],
    token: Annotated[str, typer.Argument(help="The token's symbol or address; the coin's symbol for coin.")],
    order: Annotated[str, typer.Option(help="Your own reference; only a salted hash of it goes on chain.")] = "",
    buyer: Annotated[str | None, typer.Option(help="The buyer's address, if only he may be the buyer.")] = None,
    api_url: API_URL = LOCAL_API,
    api_key: API_KEY = None,
) -> None:
    """Create a payment; prints it, its id and checkout link with it."""
    body: dict[str, Any] = {"amount": {"value": amount, "token": token}}
    body |= {"order_reference": order} if order else {}
    body |= {"buyer": buyer} if buyer else {}
    show_json(_merchant(api_url, api_key).post("/v1/payments", body))


@payment_app.command()
def show(payment: PAYMENT, api_url: API_URL = LOCAL_API, api_key: API_KEY = None) -> None:
    """Show a payment: all of it with a key, what a buyer may see without one."""
    wanted = parse_hash32(payment, param="ID")
    path = f"/v1/payments/{wanted}" if api_key else f"/v1/checkout/{wanted}"
    show_json(ApiClient(api_url, api_key).get(path))


@payment_app.command(name="list")
def list_payments(
    status: Annotated[str | None, typer.Option(help="Only those in this status.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many at the most.")] = 20,
    api_url: API_URL = LOCAL_API,
    api_key: API_KEY = None,
) -> None:
    """List your payments, newest first."""
    show_json(_merchant(api_url, api_key).get("/v1/payments", status=status, limit=limit))


@payment_app.command()
def timeline(payment: PAYMENT, api_url: API_URL = LOCAL_API, api_key: API_KEY = None) -> None:
    """Show every event of a payment, with the block and the tx that prove it."""
    show_json(_merchant(api_url, api_key).get(f"/v1/payments/{parse_hash32(payment, param='ID')}/timeline"))


@payment_app.command(name="confirm-delivery")
def confirm_delivery(payment: PAYMENT, api_url: API_URL = LOCAL_API, api_key: API_KEY = None) -> None:
    """As the merchant: say that you delivered; the service sends it with the operator's key."""
    show_json(_merchant(api_url, api_key).post(f"/v1/payments/{parse_hash32(payment, param='ID')}/confirm_delivery"))


@payment_app.command()
def refund(
    payment: PAYMENT,
    amount: Annotated[str | None, typer.Option(help="A part, as a decimal; without it everything held.")] = None,
    api_url: API_URL = LOCAL_API,
    api_key: API_KEY = None,
) -> None:
    """As the merchant: give money back to the buyer; the service sends it with the operator's key."""
    client, wanted = _merchant(api_url, api_key), parse_hash32(payment, param="ID")
    body: dict[str, Any] = {}
    if amount is not None:
        body = {"amount": {"value": amount, "token": client.get(f"/v1/payments/{wanted}")["amount"]["token"]}}
    show_json(client.post(f"/v1/payments/{wanted}/refund", body))


@payment_app.command()
def fund(
    payment: PAYMENT,
    api_url: API_URL = LOCAL_API,
    network: NETWORK = None,
    rpc_url: RPC_URL = None,
    keystore: KEYSTORE = None,
    escrow: ESCROW = None,
    yes: YES = False,
) -> None:
    """As the buyer: pay into the escrow, from your own wallet. Approves exactly the amount first, for a token."""
    from earnest.escrow import txs  # noqa: PLC0415

    act = _Act(payment, api_url, network, rpc_url, keystore, escrow)
    steps = (
        []
        if act.terms.token == ZERO_ADDRESS
        else [txs.approve(act.terms.token, act.chain_id, act.escrow, act.terms.amount)]
    )
    steps.append(txs.fund(act.escrow, act.chain_id, act.terms, act.wallet.address))
    act.send("pay into the escrow", steps, yes)


def _own_verb(name: str, does: str, explain: str) -> Callable[..., None]:
    """Return the command for a verb that takes nothing but the payment."""

    def command(
        payment: PAYMENT,
        api_url: API_URL = LOCAL_API,
        network: NETWORK = None,
        rpc_url: RPC_URL = None,
        keystore: KEYSTORE = None,
        escrow: ESCROW = None,
        yes: YES = False,
    ) -> None:
        from earnest.escrow import txs  # noqa: PLC0415

        act = _Act(payment, api_url, network, rpc_url, keystore, escrow)
        make = {"release": txs.release, "reclaim": txs.reclaim, "dispute": txs.dispute}[name]
        act.send(does, [make(act.escrow, act.chain_id, act.terms)], yes)

    command.__doc__ = explain
    return command


for _name, _does, _explain in (
    (
        "release",
        "release everything held to the merchant",
        "As the buyer, or as anyone after the dispute window: release.",
    ),
    (
        "reclaim",
        "take everything held back to the buyer",
        "As anyone, once a time ran out: give the buyer his money back.",
    ),
    ("dispute", "dispute the delivery", "As the buyer, inside the dispute window: dispute the delivery."),
):
    payment_app.command(name=_name)(_own_verb(_name, _does, _explain))


@payment_app.command()
def resolve(
    payment: PAYMENT,
    to_buyer: Annotated[int, typer.Option(min=0, help="What the buyer gets, in base units.")],
    to_merchant: Annotated[int, typer.Option(min=0, help="What the merchant gets, in base units.")],
    api_url: API_URL = LOCAL_API,
    network: NETWORK = None,
    rpc_url: RPC_URL = None,
    keystore: KEYSTORE = None,
    escrow: ESCROW = None,
    yes: YES = False,
) -> None:
    """As the arbiter: split what is held; the two parts must add up to all of it."""
    from earnest.escrow import txs  # noqa: PLC0415

    act = _Act(payment, api_url, network, rpc_url, keystore, escrow)
    tx = txs.resolve(act.escrow, act.chain_id, act.terms, to_buyer, to_merchant)
    act.send("split what is held", [tx], yes)


class _Act:
    """Somebody's own tx about one payment: its terms are fetched from the service and believed only by their hash."""

    def __init__(
        self,
        payment: str,
        api_url: str,
        network: str | None,
        rpc_url: str | None,
        keystore: Path | None,
        escrow: str | None,
    ) -> None:
        wanted = parse_hash32(payment, param="ID")
        chain = load_settings(network=network, rpc_url=rpc_url).chosen_network()
        self.chain_id = chain.chain_id
        told = ApiClient(api_url, None).get(f"/v1/checkout/{wanted}")
        self.escrow: Address = parse_address(escrow or told.get("escrow", ""), param="escrow")
        self.terms: Terms = parse_terms(told.get("terms", {}))
        if payment_id(self.terms, self.chain_id, self.escrow) != wanted:
            raise NotAllowed(
                f"the terms that the service told are not those of {wanted} on chain {self.chain_id} "
                f"at the escrow {self.escrow}: nothing was sent"
            )
        self.summary = f"{_amount(self.terms, chain)} of payment {wanted} at escrow {self.escrow}"
        self.wallet: Wallet = _wallet(chain, keystore)

    def send(self, does: str, steps: Sequence[CallTx], yes: bool) -> None:
        """Ask, then send one tx after the other."""
        say(f"{self.wallet.address} will {does}: {self.summary}")
        if not yes:
            typer.confirm("Send?", abort=True, err=True)
        for tx in steps:
            receipt = self.wallet.send(tx)
            show_json({"tx_hash": receipt.tx_hash, "block_number": receipt.block_number, "gas_used": receipt.gas_used})


def _amount(terms: Terms, network: Network) -> str:
    """Return what the terms say, never what the service says beside them."""
    token = network.token_at(terms.token)
    if token is None:
        return f"{terms.amount} base units of the token {terms.token}, which is not in networks.toml,"
    return f"{format_value(terms.amount, token.decimals)} {token.symbol}"


def _merchant(api_url: str, api_key: str | None) -> ApiClient:
    if not api_key:
        raise InvalidInput("this is a merchant's verb: give the API key with --api-key or EARNEST_API_KEY")
    return ApiClient(api_url, api_key)


def _wallet(network: Network, keystore: Path | None) -> Wallet:
    from earnest.chain.signer import LocalSigner  # noqa: PLC0415
    from earnest.chain.wallet import Wallet  # noqa: PLC0415
    from earnest.escrow.reverts import explain_revert  # noqa: PLC0415
    from earnest.wiring import check_chain, open_rpc  # noqa: PLC0415

    if keystore is not None:
        password = os.environ.get("EARNEST_WALLET_PASSWORD") or typer.prompt("Password", hide_input=True, err=True)
        signer = LocalSigner.from_keystore(keystore, password)
    elif key := os.environ.get("EARNEST_WALLET_KEY"):
        signer = LocalSigner.from_key(key)
    else:
        raise InvalidInput("no wallet: give --keystore FILE, or EARNEST_WALLET_KEY in the environment")
    rpc = open_rpc(network)
    check_chain(rpc, network)
    return Wallet(rpc, signer, explain=explain_revert)
