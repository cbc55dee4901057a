"""Create a payment: terms from the request and the account, an id from the terms; nothing happens on chain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from earnest.commands.chain_time import chain_time
from earnest.commands.errors import EscrowNotDeployed, TokenIsNoContract
from earnest.commands.names import Random, strong_random
from earnest.commands.ports import Place
from earnest.payment.errors import InvalidInput, NotFound, TermOutOfBounds
from earnest.payment.money import Token, parse_base_units, parse_value
from earnest.payment.primitives import ZERO_ADDRESS, Address
from earnest.payment.record import Payment
from earnest.payment.terms import Terms, check_terms, order_hash, payment_id
from earnest.payment.transitions import NOTHING_YET
from earnest.store import Store, Transaction
from earnest.store.records import Merchant

SALT_BYTES: Final = 32
"""Twice what the contract's page asks for: a reference is often a small number, and the hash stands open for ever."""
MAX_REFERENCE_LENGTH: Final = 200
MAX_DESCRIPTION_LENGTH: Final = 200
"""Two lines on a phone; the shop's own page has room for more."""


@dataclass(frozen=True, slots=True)
class PaymentRequest:
    """What a merchant asks for. Who is paid is not in it: that comes from the account.

    Exactly one of `value` (a decimal string) and `base_units` (a string of digits) is given, in `token` (a symbol or an
    address). `description` is what the buyer reads of what he buys. `pay_by` is Unix time by the chain's clock, the
    periods are seconds; None: as the account has it.
    """

    token: str
    order_reference: str | None = None
    description: str | None = None
    value: str | None = None
    base_units: str | None = None
    buyer: Address | None = None
    pay_by: int | None = None
    delivery_period: int | None = None
    dispute_window: int | None = None
    arbitration_period: int | None = None


def create_payment(
    store: Store,
    place: Place,
    merchant_id: str,
    request: PaymentRequest,
    *,
    now: int,
    random: Random = strong_random,
    keep: Callable[[Transaction, Payment, Merchant], None] | None = None,
) -> Payment:
    """Create a payment in status `created`.

    Args:
        store: the database.
        place: the chain and the escrow.
        merchant_id: whose payment it is.
        request: what is asked for.
        now: wall time (Unix), noted only.
        random: where the salt comes from.
        keep: what else belongs to the same transaction.

    Raises:
        NotFound: no such merchant.
        InvalidInput: an amount, a token or a term that the escrow would refuse at funding.
        EscrowNotDeployed: there is nothing yet to pay into.
        Unavailable: the chain's node did not answer.
    """
    if place.escrow is None:
        raise EscrowNotDeployed(place.network.name)
    token = place.network.token(request.token)
    _check_text(request.order_reference, "order_reference", MAX_REFERENCE_LENGTH)
    _check_text(request.description, "description", MAX_DESCRIPTION_LENGTH)
    amount = _parse_amount(request, token)
    _check_contract(place, token)
    chain_now = chain_time(store, place)
    salt = random(SALT_BYTES)
    with store.transaction() as tx:
        merchant = tx.merchants.get(merchant_id)
        if merchant is None:
            raise NotFound(f"no merchant {merchant_id}")
        terms = _terms(merchant, request, token=token, amount=amount, chain_now=chain_now, salt=salt)
        check_terms(terms, place.escrow)
        payment = Payment(
            id=payment_id(terms, place.network.chain_id, place.escrow),
            chain_id=place.network.chain_id,
            escrow=place.escrow,
            terms=terms,
            state=NOTHING_YET,
            version=0,
            account=merchant_id,
            order_reference=request.order_reference,
            salt=salt,
            created_at=now,
        )
        tx.payments.add(payment)
        if request.description is not None:
            tx.descriptions.add(payment.chain_id, payment.id, request.description)
        if keep is not None:
            keep(tx, payment, merchant)
    return payment


def _check_text(text: str | None, param: str, max_length: int) -> None:
    if text is None:
        return
    if not 1 <= len(text) <= max_length:
        raise InvalidInput(f"{param} has 1 to {max_length} characters", param=param)
    if "\x00" in text or not text.isprintable():
        raise InvalidInput(f"{param} has only printable characters", param=param)


def _parse_amount(request: PaymentRequest, token: Token) -> int:
    if (request.value is None) == (request.base_units is None):
        raise InvalidInput("give exactly one of value and base_units", param="amount")
    if request.value is not None:
        return parse_value(request.value, token, param="amount.value")
    return parse_base_units(request.base_units or "", param="amount.base_units")


def _check_contract(place: Place, token: Token) -> None:
    """Ask the node once for each token whether there is a contract; a contract does not vanish later (EIP-6780)."""
    if token.is_coin or token.address in place.code_seen:
        return
    if place.node.call("eth_getCode", [token.address, "latest"]) in ("0x", "0x0", None):
        raise TokenIsNoContract(token.symbol, token.address, place.network.chain_id)
    place.code_seen.add(token.address)


def _terms(
    merchant: Merchant, request: PaymentRequest, *, token: Token, amount: int, chain_now: int, salt: bytes
) -> Terms:
    pay_by = request.pay_by if request.pay_by is not None else chain_now + merchant.payment_window
    if pay_by <= chain_now:
        raise TermOutOfBounds("pay_by", pay_by, f"it must lie after the chain's time, which is {chain_now}")
    window = _first(request.dispute_window, merchant.dispute_window)
    # Without a window there is no dispute, and then the contract wants no arbiter either.
    disputable = window != 0
    return Terms(
        buyer=request.buyer or ZERO_ADDRESS,
        merchant=merchant.payout,
        operator=merchant.operator,
        arbiter=merchant.arbiter if disputable else ZERO_ADDRESS,
        token=token.address,
        amount=amount,
        fee_recipient=merchant.fee_recipient,
        fee_bps=merchant.fee_bps,
        pay_by=pay_by,
        delivery_period=_first(request.delivery_period, merchant.delivery_period),
        dispute_window=window,
        arbitration_period=_first(request.arbitration_period, merchant.arbitration_period if disputable else 0),
        order_hash=order_hash(request.order_reference or "", salt),
    )


def _first(asked: int | None, default: int) -> int:
    return default if asked is None else asked
