"""The verbs that need nobody's service: signed here, with the buyer's, the arbiter's or anyone's own key."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from earnest.cli.api_client import ApiClient
from earnest.cli.console import say, show_json
from earnest.payment.errors import InvalidInput, NotAllowed
from earnest.payment.money import Token, format_value, parse_value
from earnest.payment.primitives import ZERO_ADDRESS, Address, parse_address, parse_hash32
from earnest.payment.representation import parse_terms
from earnest.payment.terms import Terms, payment_id
from earnest.settings import Network, load_settings

if TYPE_CHECKING:
    from earnest.chain.wallet import CallTx, Wallet

PAYMENT = Annotated[str, typer.Argument(metavar="ID", help="The payment's id, 0x and 64 digits.")]
API_URL = Annotated[
    str, typer.Option(envvar="EARNEST_API_URL", help="Where the service answers.", show_default="http://127.0.0.1:8000")
]
LOCAL_API = "http://127.0.0.1:8000"
_KEYSTORE_HELP = "Your keystore file (its password: EARNEST_WALLET_PASSWORD, or asked for); or EARNEST_WALLET_KEY."


class OwnTx:
    """Somebody's own tx about one payment: its terms are fetched from the service and believed only by their hash."""

    def __init__(
        self,
        payment: PAYMENT,
        api_url: API_URL = LOCAL_API,
        network: Annotated[str | None, typer.Option(help="A chain of networks.toml.", show_default="local")] = None,
        rpc_url: Annotated[str | None, typer.Option(help="The chain's endpoint: yours, not the merchant's.")] = None,
        keystore: Annotated[Path | None, typer.Option(help=_KEYSTORE_HELP)] = None,
        escrow: Annotated[
            str | None, typer.Option(help="The escrow that you trust; default: the one that the service names.")
        ] = None,
        yes: Annotated[bool, typer.Option("--yes", "-y", help="Send without asking.")] = False,
    ) -> None:
        """Fetch and check the payment; these are the options that each of the commands has."""
        wanted = parse_hash32(payment, param="ID")
        self.network = load_settings(network=network, rpc_url=rpc_url).chosen_network()
        self.chain_id, self._yes = self.network.chain_id, yes
        told = ApiClient(api_url, None).get(f"/v1/checkout/{wanted}")
        self.escrow: Address = parse_address(escrow or told.get("escrow", ""), param="escrow")
        self.terms: Terms = parse_terms(told.get("terms", {}))
        if payment_id(self.terms, self.chain_id, self.escrow) != wanted:
            raise NotAllowed(
                f"the terms that the service told are not those of {wanted} on chain {self.chain_id} "
                f"at the escrow {self.escrow}: nothing was sent"
            )
        self.buyer = parse_address(told.get("buyer") or self.terms.buyer, param="buyer")
        self._summary = f"{self._amount()} of payment {wanted} at escrow {self.escrow}"
        self.wallet: Wallet = _wallet(self.network, keystore)

    def parse_amount(self, text: str | None) -> int | None:
        """Parse a decimal amount of the payment's token; None means everything."""
        if text is None:
            return None
        token = self.network.token_at(self.terms.token) or Token(self.terms.token, "base units", 0)
        return parse_value(text, token)

    def send(self, does: str, steps: Sequence[CallTx]) -> None:
        """Ask, then send one tx after the other."""
        say(f"{self.wallet.address} will {does}: {self._summary}")
        if not self._yes:
            typer.confirm("Send?", abort=True, err=True)
        for tx in steps:
            receipt = self.wallet.send(tx)
            show_json({"tx_hash": receipt.tx_hash, "block_number": receipt.block_number, "gas_used": receipt.gas_used})

    def _amount(self) -> str:
        """Return what the terms say, never what the service says beside them."""
        token = self.network.token_at(self.terms.token)
        if token is None:
            return f"{self.terms.amount} base units of the token {self.terms.token}, which is not in networks.toml,"
        return f"{format_value(self.terms.amount, token.decimals)} {token.symbol}"


def register(app: typer.Typer) -> None:
    """Add the commands to `earnest payment`."""
    for verb, does in _VERBS.items():
        app.command(name=verb.__name__)(_command(verb, does))


def fund(own: OwnTx) -> list[CallTx]:
    """As the buyer: pay into the escrow, from your own wallet. Approves exactly the amount first, for a token."""
    from earnest.escrow import txs  # noqa: PLC0415

    paying = txs.fund(own.escrow, own.chain_id, own.terms, own.wallet.address)
    if own.terms.token == ZERO_ADDRESS:
        return [paying]
    return [txs.approve(own.terms.token, own.chain_id, own.escrow, own.terms.amount), paying]


def release(
    own: OwnTx,
    amount: Annotated[str | None, typer.Option(help="A part, as a decimal; without it everything held.")] = None,
) -> list[CallTx]:
    """As the buyer, or as anyone after the dispute window: release the money to the merchant."""
    from earnest.escrow import txs  # noqa: PLC0415

    return [txs.release(own.escrow, own.chain_id, own.terms, own.parse_amount(amount))]


def reclaim(own: OwnTx) -> list[CallTx]:
    """As anyone, once a time ran out: give the buyer his money back."""
    from earnest.escrow import txs  # noqa: PLC0415

    return [txs.reclaim(own.escrow, own.chain_id, own.terms)]


def dispute(own: OwnTx) -> list[CallTx]:
    """As the buyer, inside the dispute window: dispute the delivery."""
    from earnest.escrow import txs  # noqa: PLC0415

    return [txs.dispute(own.escrow, own.chain_id, own.terms)]


def resolve(
    own: OwnTx,
    to_buyer: Annotated[int, typer.Option(min=0, help="What the buyer gets, in base units.")],
    to_merchant: Annotated[int, typer.Option(min=0, help="What the merchant gets, in base units.")],
) -> list[CallTx]:
    """As the arbiter: split what is held; the two parts must add up to all of it."""
    from earnest.escrow import txs  # noqa: PLC0415

    return [txs.resolve(own.escrow, own.chain_id, own.terms, to_buyer, to_merchant)]


def withdraw(
    own: OwnTx,
    to: Annotated[Literal["buyer", "merchant", "fee_recipient"], typer.Option(help="Whose credit.")] = "buyer",
) -> list[CallTx]:
    """As anyone: pay out, to its owner, what the escrow owes because paying it failed before (a credit)."""
    from earnest.escrow import txs  # noqa: PLC0415

    owner = {"buyer": own.buyer, "merchant": own.terms.merchant, "fee_recipient": own.terms.fee_recipient}[to]
    return [txs.withdraw(own.escrow, own.chain_id, owner, own.terms.token)]


_VERBS: dict[Callable[..., list[CallTx]], str] = {
    fund: "pay into the escrow",
    release: "release to the merchant",
    reclaim: "take everything held back to the buyer",
    dispute: "dispute the delivery",
    resolve: "split what is held",
    withdraw: "have a credit paid out to its owner",
}


def _command(verb: Callable[..., list[CallTx]], does: str) -> Callable[..., None]:
    """Return a verb as a command: the options that all of them share, then its own."""
    shared = list(inspect.signature(OwnTx.__init__, eval_str=True).parameters.values())[1:]
    own = [
        each.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for each in inspect.signature(verb, eval_str=True, locals={"CallTx": Any}).parameters.values()
        if each.name != "own"
    ]

    def command(**given: Any) -> None:
        mine = {each.name: given.pop(each.name) for each in own}
        act = OwnTx(**given)
        act.send(does, verb(act, **mine))

    command.__doc__ = verb.__doc__
    command.__signature__ = inspect.Signature([*shared, *own])  # type: ignore[attr-defined]  # how Typer reads options
    command.__annotations__ = {each.name: each.annotation for each in (*shared, *own)}
    return command


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
