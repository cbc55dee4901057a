"""The public form of a payment: the same in the API's answers, in webhooks and in the command line's JSON."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from earnest.payment.actions import Action, actions, status_at
from earnest.payment.errors import InvalidInput
from earnest.payment.money import Token, format_value
from earnest.payment.primitives import ZERO_ADDRESS, Address, parse_address, parse_hash32
from earnest.payment.record import BlockRef, ChainView, Payment, finality_of
from earnest.payment.terms import Terms
from earnest.payment.uri import payment_uri


def represent(
    payment: Payment,
    token: Token,
    view: ChainView | None,
    *,
    safe_depth_blocks: int,
    checkout_url: str | None = None,
    deposit_address: Address | None = None,
) -> dict[str, Any]:
    """Return the whole payment as JSON-ready data for its merchant.

    Args:
        payment: the payment; a foreign one has no order reference and no creation time.
        token: the token of its terms, for decimals and symbol.
        view: how far the mirror has seen the chain, None before its first block; chain time comes from here.
        safe_depth_blocks: the merchant's rule for `safe`.
        checkout_url: where the buyer pays, if there is such a page.
        deposit_address: where plain transfers go, if the terms name a buyer (`earnest.escrow.deposits`).
    """
    terms, state = payment.terms, payment.state
    now = view.head.timestamp if view else 0
    # Of the newest event, and so of the sums: a part that is repaid later takes it from `final` back to `included`.
    finality = finality_of(payment.block, view, safe_depth_blocks)
    possible = actions(terms, state, now, operator_dismissed=payment.operator_dismissed)
    return {
        "object": "payment",
        "id": payment.id,
        "chain": caip2(payment.chain_id),
        "escrow": payment.escrow,
        "status": str(status_at(terms, state, now)),
        "status_since": rfc3339(state.since) if state.since else None,
        "finality": str(finality) if finality else None,
        "block": represent_block(payment.block),
        "version": payment.version,
        "foreign": payment.is_foreign,
        "created_at": rfc3339(payment.created_at) if payment.created_at is not None else None,
        "order_reference": payment.order_reference,
        "amount": represent_amount(terms.amount, token),
        "held": represent_amount(state.held, token),
        "to_merchant": represent_amount(state.to_merchant, token),
        "to_fee_recipient": represent_amount(state.to_fee_recipient, token),
        "to_buyer": represent_amount(state.to_buyer, token),
        # Apart from the settlement above, which adds up to the amount: it came out of the merchant's own wallet.
        "repaid": represent_amount(state.repaid, token),
        "buyer": state.buyer or _named(terms.buyer),
        "payer": state.payer,
        "terms": represent_terms(terms),
        "pay_by": rfc3339(terms.pay_by),
        "actions": [represent_action(each) for each in possible],
        "checkout_url": checkout_url,
        "deposit_address": deposit_address,
        "payment_uri": payment_uri(terms, payment.chain_id, payment.escrow),
    }


def represent_public(whole: dict[str, Any]) -> dict[str, Any]:
    """Return what anyone with the id may see of a represented payment: everything but the merchant's own."""
    private = {"order_reference", "foreign", "version", "checkout_url"}
    return {name: value for name, value in whole.items() if name not in private}


def represent_amount(base_units: int, token: Token) -> dict[str, Any]:
    """Return an amount with all that showing it takes; base units are a string: JSON's numbers are too small."""
    return {
        "base_units": str(base_units),
        "decimals": token.decimals,
        "token": token.address,
        "symbol": token.symbol,
        "value": _value(base_units, token.decimals),
    }


_value: Final = lru_cache(maxsize=1_024)(format_value)
"""Of a payment's six amounts several are the same, and nothing is the most frequent one."""


def represent_terms(terms: Terms) -> dict[str, Any]:
    """Return the terms exactly as the contract takes them, so that anyone can compute the id from the answer."""
    return {
        "buyer": terms.buyer,
        "merchant": terms.merchant,
        "operator": terms.operator,
        "arbiter": terms.arbiter,
        "token": terms.token,
        "amount": str(terms.amount),
        "fee_recipient": terms.fee_recipient,
        "fee_bps": terms.fee_bps,
        "pay_by": terms.pay_by,
        "delivery_period": terms.delivery_period,
        "dispute_window": terms.dispute_window,
        "arbitration_period": terms.arbitration_period,
        "order_hash": terms.order_hash,
    }


def represent_action(action: Action) -> dict[str, Any]:
    """Return an action as `{"verb", "by", "from", "until"}`."""
    return {
        # `value` is a property written in Python; this is what it returns.
        "verb": action.verb._value_,
        "by": [role._value_ for role in action.by],
        "from": rfc3339(action.possible_from) if action.possible_from else None,
        "until": rfc3339(action.possible_until) if action.possible_until is not None else None,
    }


def represent_block(block: BlockRef | None) -> dict[str, Any] | None:
    """Return a block's number, hash and time."""
    if block is None:
        return None
    return {"number": block.number, "hash": block.hash, "timestamp": rfc3339(block.timestamp)}


def caip2(chain_id: int) -> str:
    """Return the chain's CAIP-2 name."""
    return f"eip155:{chain_id}"


LAST_TIME = 253_402_300_799
"""9999-12-31T23:59:59Z: a foreign payment's terms may name any 40-bit time, and RFC 3339 ends here."""


@lru_cache(maxsize=1_024)
def rfc3339(unix_time: int) -> str:
    """Return a Unix time as RFC 3339 in UTC, to the second; times past the year 9999 are shown as its last second."""
    moment = datetime.fromtimestamp(min(unix_time, LAST_TIME), UTC)
    # Without the offset, and in half of the time that `strftime` takes.
    return f"{moment.isoformat()[:19]}Z"


def _named(address: Address) -> Address | None:
    return None if address == ZERO_ADDRESS else address


def parse_terms(data: Mapping[str, Any]) -> Terms:
    """Parse represented terms, so that whoever gets an answer of ours can compute the id himself.

    Raises:
        InvalidInput: a term is missing or is not of its kind.
    """
    try:
        return Terms(
            buyer=parse_address(data["buyer"], param="buyer"),
            merchant=parse_address(data["merchant"], param="merchant"),
            operator=parse_address(data["operator"], param="operator"),
            arbiter=parse_address(data["arbiter"], param="arbiter"),
            token=parse_address(data["token"], param="token"),
            amount=int(data["amount"]),
            fee_recipient=parse_address(data["fee_recipient"], param="fee_recipient"),
            fee_bps=int(data["fee_bps"]),
            pay_by=int(data["pay_by"]),
            delivery_period=int(data["delivery_period"]),
            dispute_window=int(data["dispute_window"]),
            arbitration_period=int(data["arbitration_period"]),
            order_hash=parse_hash32(data["order_hash"], param="order_hash"),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInput(f"these are no terms of a payment: {error}", param="terms") from error
