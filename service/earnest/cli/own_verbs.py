"""The verbs that need nobody's service: signed here, with the buyer's, the arbiter's or anyone's own key."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from earnest.cli.asking import ask
from earnest.cli.console import say, show_json
from earnest.cli.keystores import check_keystore, open_keystore
from earnest.cli.panels import BY_WALLET
from earnest.cli.paying import steps_to_pay
from earnest.payment.errors import InvalidInput, NotAllowed
from earnest.payment.money import Token, format_value, parse_value
from earnest.payment.primitives import ZERO_ADDRESS, Address, parse_address, parse_hash32
from earnest.payment.record import Payment
from earnest.payment.representation import parse_terms
from earnest.payment.status import Verb
from earnest.payment.terms import Terms, payment_id
from earnest.payment.transitions import NOTHING_YET
from earnest.settings import Network, load_settings

if TYPE_CHECKING:
    from earnest.chain.endpoints import Endpoints
    from earnest.chain.signer import LocalSigner
    from earnest.chain.wallet import CallTx, Wallet
    from earnest.commands.prepare_signature import ToSign
    from earnest.payment.typed_data import TypedData

PAYMENT = Annotated[str, typer.Argument(metavar="ID", help="The payment's id, 0x and 64 digits.")]
API_URL = Annotated[
    str, typer.Option(envvar="EARNEST_API_URL", help="Where the service answers.", show_default="http://127.0.0.1:8000")
]
SIGNATURE = Annotated[str, typer.Option(help="What was signed, 0x….")]
LOCAL_API = "http://127.0.0.1:8000"
_KEYSTORE_HELP = "Your keystore file (its password: EARNEST_WALLET_PASSWORD, or asked for); or EARNEST_WALLET_KEY."


class OwnTx:
    """Somebody's own tx about one payment: its terms are fetched from the service and believed only by their hash."""

    def __init__(
        self,
        payment: PAYMENT,
        api_url: API_URL = LOCAL_API,
        network: Annotated[str | None, typer.Option(help="A chain of networks.toml.", show_default="local")] = None,
        rpc_url: Annotated[
            list[str] | None,
            typer.Option(help="The chain's endpoint: yours, not the merchant's; may be given several times."),
        ] = None,
        keystore: Annotated[Path | None, typer.Option(help=_KEYSTORE_HELP)] = None,
        escrow: Annotated[
            str | None, typer.Option(help="The escrow that you trust; default: the one that the service names.")
        ] = None,
        yes: Annotated[bool, typer.Option("--yes", "-y", help="Send without asking.")] = False,
    ) -> None:
        """Fetch and check the payment; these are the options that each of the commands has."""
        wanted = parse_hash32(payment, param="ID")
        if keystore is not None:
            check_keystore(keystore)
        self.network = load_settings(network=network, rpc_url=rpc_url).chosen_network()
        self.chain_id, self._yes = self.network.chain_id, yes
        told = ask(api_url, None, "GET", f"/v1/checkout/{wanted}")
        self.escrow: Address = parse_address(escrow or told.get("escrow", ""), param="escrow")
        self.terms: Terms = parse_terms(told.get("terms", {}))
        if payment_id(self.terms, self.chain_id, self.escrow) != wanted:
            raise NotAllowed(
                f"the terms that the service told are not those of {wanted} on chain {self.chain_id} "
                f"at the escrow {self.escrow}: nothing was sent"
            )
        self.buyer = parse_address(told.get("buyer") or self.terms.buyer, param="buyer")
        self.told = told
        self.payment = Payment(wanted, self.chain_id, self.escrow, self.terms, NOTHING_YET, version=0)
        self._summary = f"{self._amount()} of payment {wanted} at escrow {self.escrow}"
        self.signer = _signer(keystore)
        self.rpc, self.wallet = _wallet(self.network, self.signer)

    def parse_amount(self, text: str | None) -> int | None:
        """Parse a decimal amount of the payment's token; None means everything."""
        if text is None:
            return None
        token = self.network.token_at(self.terms.token) or Token(self.terms.token, "base units", 0)
        return parse_value(text, token)

    def to_sign(self, verb: Verb) -> ToSign:
        """Return what this wallet has to sign in place of a tx; token and chain are asked at the own node."""
        from earnest.commands.ports import Place  # noqa: PLC0415
        from earnest.commands.prepare_signature import prepare_signature  # noqa: PLC0415

        head = self.rpc.header("latest")
        place = Place(self.network, self.escrow, self.rpc)
        return prepare_signature(
            place, self.payment, verb, self.wallet.address, now=head.block.timestamp if head else 0
        )

    def sign(self, typed_data: TypedData) -> bytes:
        """Sign typed data with the wallet's key; nothing is sent."""
        from eth_account.messages import encode_typed_data  # noqa: PLC0415

        signable = encode_typed_data(full_message=typed_data.as_json())
        return bytes(self.signer.account.sign_message(signable).signature)

    def show_signature(self, asked: ToSign, *, does: str) -> None:
        """Ask, then sign and print the signature with all that whoever sends it has to know."""
        say(f"{self.wallet.address} will sign, {does}: {self._summary}")
        if not self._yes:
            typer.confirm("Sign?", abort=True, err=True)
        if asked.before:
            say("first, a tx of yours is needed: approve the token for Permit2")
        show_json({**asked.come_back_with, "signature": "0x" + self.sign(asked.typed_data).hex()})

    def send(self, steps: Sequence[CallTx], *, does: str) -> None:
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
        app.command(name=verb.__name__.replace("_", "-"), rich_help_panel=BY_WALLET)(
            _command(verb, partial(OwnTx.send, does=does))
        )
    for asked, does in _SIGNATURES.items():
        app.command(name=asked.__name__.replace("_", "-"), rich_help_panel=BY_WALLET)(
            _command(asked, partial(OwnTx.show_signature, does=does))
        )


def fund(
    own: OwnTx,
    permit: Annotated[
        bool, typer.Option("--permit", help="By a permit (EIP-2612) in one tx, without an approval before it.")
    ] = False,
) -> list[CallTx]:
    """As the buyer: pay into the escrow, from your own wallet. Approves exactly the amount first, for a token."""
    from earnest.escrow import txs  # noqa: PLC0415

    if permit:
        signature = own.sign(own.to_sign(Verb.FUND_WITH_PERMIT).typed_data)
        buyer = own.wallet.address if own.terms.buyer == ZERO_ADDRESS else own.terms.buyer
        where = own.escrow, own.chain_id, own.terms, buyer
        return [txs.fund_with_permit(*where, deadline=own.terms.pay_by, signature=signature)]
    paying = txs.fund(own.escrow, own.chain_id, own.terms, own.wallet.address)
    return steps_to_pay(own.rpc, own.payment, Verb.FUND, own.wallet.address, own.terms.amount, paying)


def sign_authorization(own: OwnTx) -> ToSign:
    """As the payer: sign that the escrow may take the money for this payment, so that another can bring it (EIP-3009).

    You need no coin for gas. The signature is good for this payment alone and until it expires; give what is printed to
    whoever sends it (`fund-with-authorization`).
    """
    return own.to_sign(Verb.FUND_WITH_AUTHORIZATION)


def fund_with_authorization(
    own: OwnTx,
    payer: Annotated[str, typer.Option(help="Who signed, and pays.")],
    signature: SIGNATURE,
    valid_before: Annotated[int, typer.Option(help="As it was printed with the signature: Unix time.")],
    valid_after: Annotated[int, typer.Option(help="As it was printed with the signature: Unix time.")] = 0,
) -> list[CallTx]:
    """As anyone: bring the payer's money by what he signed (`sign-authorization`). You pay the gas, he the amount."""
    from earnest.escrow import txs  # noqa: PLC0415

    return [
        txs.fund_with_authorization(
            own.escrow,
            own.chain_id,
            own.terms,
            parse_address(payer, param="--payer"),
            valid_after=valid_after,
            valid_before=valid_before,
            signature=parse_signature(signature),
        )
    ]


def collect(
    own: OwnTx,
    token: Annotated[
        str | None, typer.Option(help="Another token's address, to send what came by mistake to the buyer.")
    ] = None,
) -> list[CallTx]:
    """As anyone: take what lies at the deposit address into the escrow; what cannot fund it goes to the buyer."""
    from earnest.escrow import txs  # noqa: PLC0415

    wanted = own.terms.token if token is None else parse_address(token, param="--token")
    return [txs.collect(own.escrow, own.chain_id, own.terms, wanted)]


def sign_receipt(own: OwnTx) -> ToSign:
    """As the buyer: sign that the goods arrived; whoever has the signature can release the money.

    It costs nothing, sends nothing, and can't be taken back. Sign when you hold the goods, and not before.
    """
    from earnest.commands.prepare_signature import ToSign  # noqa: PLC0415
    from earnest.payment.typed_data import receipt  # noqa: PLC0415

    if own.buyer not in (ZERO_ADDRESS, own.wallet.address):
        raise InvalidInput(f"only the buyer's receipt counts, and {own.wallet.address} is not the buyer {own.buyer}")
    return ToSign(receipt(own.escrow, own.chain_id, own.payment.id, own.wallet.address), {})


def release_with_receipt(own: OwnTx, signature: SIGNATURE) -> list[CallTx]:
    """As anyone: release everything to the merchant by the receipt that the buyer signed (`sign-receipt`)."""
    from earnest.escrow import txs  # noqa: PLC0415

    return [txs.release_with_receipt(own.escrow, own.chain_id, own.terms, parse_signature(signature))]


def repay(
    own: OwnTx,
    amount: Annotated[str | None, typer.Option(help="A part, as a decimal; without it all that is left.")] = None,
) -> list[CallTx]:
    """As the merchant, after a release: repay the buyer out of your own wallet. Approves exactly that first."""
    from earnest.escrow import txs  # noqa: PLC0415

    part = own.parse_amount(amount)
    if part is None:
        # What the service says can at worst be wrong: too much is refused by the escrow, too little leaves a rest.
        part = own.terms.amount - _told_units(own.told, "to_buyer") - _told_units(own.told, "repaid")
    repaying = txs.repay(own.escrow, own.chain_id, own.terms, part)
    return steps_to_pay(own.rpc, own.payment, Verb.REPAY, own.wallet.address, part, repaying)


def dismiss_operator(own: OwnTx) -> list[CallTx]:
    """As the merchant: take from this payment's operator, once and for all, every right to act for you.

    It is for all your payments: for when the service's key is lost or its host is no longer trusted. You confirm and
    refund yourself from then on.
    """
    from earnest.escrow import txs  # noqa: PLC0415

    if own.terms.operator == ZERO_ADDRESS:
        raise InvalidInput("the terms of this payment name no operator")
    return [txs.dismiss_operator(own.escrow, own.chain_id, own.terms.operator)]


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
    amount: Annotated[
        str | None, typer.Option(help="A part, as a decimal, where the token can't move it whole; without it all.")
    ] = None,
) -> list[CallTx]:
    """As anyone: pay out, to its owner, what the escrow owes because paying it failed before (a credit)."""
    from earnest.escrow import txs  # noqa: PLC0415

    owner = {"buyer": own.buyer, "merchant": own.terms.merchant, "fee_recipient": own.terms.fee_recipient}[to]
    return [txs.withdraw(own.escrow, own.chain_id, owner, own.terms.token, own.parse_amount(amount))]


_VERBS: dict[Callable[..., list[CallTx]], str] = {
    fund: "pay into the escrow",
    release: "release to the merchant",
    reclaim: "take everything held back to the buyer",
    dispute: "dispute the delivery",
    resolve: "split what is held",
    withdraw: "have a credit paid out to its owner",
    fund_with_authorization: "bring the payer's money into the escrow",
    collect: "collect what lies at the deposit address",
    release_with_receipt: "release to the merchant by the buyer's receipt",
    repay: "repay the buyer out of the own wallet",
    dismiss_operator: "dismiss the operator, for ever and for all payments of this merchant",
}
_SIGNATURES: dict[Callable[..., ToSign], str] = {
    sign_authorization: "so that anyone can bring your money into the escrow",
    sign_receipt: "so that anyone can release to the merchant",
}


def parse_signature(text: str) -> bytes:
    """Return a signature's bytes; raises `InvalidInput` for what is none."""
    if not re.fullmatch(r"0x([0-9a-fA-F]{2})+", text, re.ASCII):
        raise InvalidInput("a signature is 0x and an even number of hexadecimal digits", param="--signature")
    return bytes.fromhex(text[2:])


def _told_units(told: dict[str, Any], name: str) -> int:
    try:
        return int(told[name]["base_units"])
    except (KeyError, TypeError, ValueError):
        raise InvalidInput(f"the service does not say how much {name} is: give --amount") from None


def _command(verb: Callable[..., Any], act_on: Callable[..., None]) -> Callable[..., None]:
    """Return a verb as a command: the options that all of them share, then its own; `act_on` gets what it makes."""
    shared = list(inspect.signature(OwnTx.__init__, eval_str=True).parameters.values())[1:]
    its_own = [
        each.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for each in inspect.signature(verb, eval_str=True, locals={"CallTx": Any, "ToSign": Any}).parameters.values()
        if each.name != "own"
    ]

    def command(**given: Any) -> None:
        mine = {each.name: given.pop(each.name) for each in its_own}
        own = OwnTx(**given)
        act_on(own, verb(own, **mine))

    command.__doc__ = verb.__doc__
    command.__signature__ = inspect.Signature([*shared, *its_own])  # type: ignore[attr-defined]  # how Typer reads options
    command.__annotations__ = {each.name: each.annotation for each in (*shared, *its_own)}
    return command


def _signer(keystore: Path | None) -> LocalSigner:
    from earnest.chain.signer import LocalSigner  # noqa: PLC0415

    if keystore is not None:
        return open_keystore(keystore, "EARNEST_WALLET_PASSWORD")
    if key := os.environ.get("EARNEST_WALLET_KEY"):
        return LocalSigner.from_key(key)
    raise InvalidInput("no wallet: give --keystore FILE, or EARNEST_WALLET_KEY in the environment")


def _wallet(network: Network, signer: LocalSigner) -> tuple[Endpoints, Wallet]:
    from earnest.chain.wallet import Wallet  # noqa: PLC0415
    from earnest.escrow.reverts import explain_revert  # noqa: PLC0415
    from earnest.wiring import reach_node  # noqa: PLC0415

    rpc = reach_node(network)
    return rpc, Wallet(rpc, signer, explain=explain_revert)
