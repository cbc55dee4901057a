"""A payment's terms, the rules they must keep, and the id that follows from them."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from earnest.payment.errors import InvalidAmount, InvalidInput, TermOutOfBounds
from earnest.payment.primitives import ZERO_ADDRESS, Address, Hash32, hash32, keccak, to_bytes
from earnest.payment.values import quick

TERMS_ABI: Final = (
    "(address,address,address,address,address,uint256,address,uint16,uint40,uint32,uint32,uint32,bytes32)"
)
TERMS_TYPE: Final = (
    "Terms(address buyer,address merchant,address operator,address arbiter,address token,uint256 amount,"
    "address feeRecipient,uint16 feeBps,uint40 payBy,uint32 deliveryPeriod,uint32 disputeWindow,"
    "uint32 arbitrationPeriod,bytes32 orderHash)"
)
TERMS_TYPEHASH: Final = keccak(TERMS_TYPE.encode())

MAX_AMOUNT: Final = 2**128 - 1
"""Amounts share a storage slot in pairs, so each has 128 bits."""
MAX_FEE_BPS: Final = 10_000
MAX_PAY_BY: Final = 2**40 - 1
HOUR: Final = 3_600
DAY: Final = 86_400
MAX_PERIOD: Final = 400 * DAY
"""Longer than any card scheme's chargeback time, short enough that no typing error locks money for a lifetime."""
MIN_DISPUTE_WINDOW: Final = HOUR
MIN_ARBITRATION_PERIOD: Final = DAY
MIN_SALT_BYTES: Final = 16


@quick
@dataclass(frozen=True, slots=True)
class Terms:
    """The immutable conditions that the merchant sets; field for field the contract's struct.

    `amount` is in base units of `token` (the zero address: the chain's own coin). `pay_by` is Unix time; the three
    periods are seconds, counted from funding, from delivery and from dispute. `fee_bps` is hundredths of a percent.
    """

    buyer: Address
    merchant: Address
    operator: Address
    arbiter: Address
    token: Address
    amount: int
    fee_recipient: Address
    fee_bps: int
    pay_by: int
    delivery_period: int
    dispute_window: int
    arbitration_period: int
    order_hash: Hash32

    def as_tuple(self) -> tuple[str, str, str, str, str, int, str, int, int, int, int, int, bytes]:
        """Return the fields in ABI order, ready for `eth_abi` under `TERMS_ABI`."""
        return (
            self.buyer,
            self.merchant,
            self.operator,
            self.arbiter,
            self.token,
            self.amount,
            self.fee_recipient,
            self.fee_bps,
            self.pay_by,
            self.delivery_period,
            self.dispute_window,
            self.arbitration_period,
            to_bytes(self.order_hash),
        )


def payment_id(terms: Terms, chain_id: int, escrow: Address) -> Hash32:
    """Return the payment's id: the hash of terms, chain and escrow, which anyone with the terms can compute.

    Encoded by hand, as the mirror does it for every payment: all in all it takes twice as long as the hash alone.

    Raises:
        InvalidInput: a term does not fit into its type.
    """
    t = terms
    try:
        words = b"".join(
            (
                _before_terms(chain_id, escrow),
                _PAD,
                _digits(t.buyer[2:]),
                _address_word(t.merchant),
                _address_word(t.operator),
                _address_word(t.arbiter),
                _address_word(t.token),
                t.amount.to_bytes(32),
                _address_word(t.fee_recipient),
                _numbers(t.fee_bps, t.pay_by, t.delivery_period, t.dispute_window, t.arbitration_period),
                _digits(t.order_hash[2:]),
            )
        )
    except (OverflowError, struct.error) as error:
        raise InvalidInput("a term does not fit into its type", param="terms") from error
    if len(words) != 32 * _WORDS:
        raise InvalidInput("an address or a hash among the terms is too long or too short", param="terms")
    return hash32(keccak(words))


_WORDS: Final = 3 + 13
_PAD: Final = bytes(12)
"""What stands before an address in its word."""
_digits = bytes.fromhex
_numbers: Final = struct.Struct(">30xH24xQ28xI28xI28xI").pack
"""The words from `fee_bps` to `arbitration_period`."""


@lru_cache(maxsize=1_024)
def _address_word(address: Address) -> bytes:
    """Return an address as a word; the same few merchants, tokens and so on come again and again, buyers do not."""
    return _PAD + to_bytes(address)


@lru_cache(maxsize=16)
def _before_terms(chain_id: int, escrow: Address) -> bytes:
    return TERMS_TYPEHASH + chain_id.to_bytes(32) + _PAD + to_bytes(escrow)


def order_hash(reference: str, salt: bytes) -> Hash32:
    """Return keccak256(salt ‖ reference): what goes on chain instead of the merchant's own reference.

    Raises:
        InvalidInput: the salt is shorter than 128 bits, so that a reference could be guessed from its hash.
    """
    if len(salt) < MIN_SALT_BYTES:
        raise InvalidInput(f"the salt has {len(salt)} bytes; it needs at least {MIN_SALT_BYTES}", param="salt")
    return hash32(keccak(salt + reference.encode()))


def check_terms(terms: Terms, escrow: Address) -> None:
    """Check what the escrow checks at funding, so that no payment is created that could never be funded.

    Raises:
        InvalidAmount: the amount is zero, negative or 2^128 and more.
        TermOutOfBounds: any other rule; the error names the term and the bound.
    """
    if not 0 < terms.amount <= MAX_AMOUNT:
        raise InvalidAmount(f"amount is {terms.amount} base units: it must be over 0 and under 2^128", param="amount")
    _check_roles(terms, escrow)
    _check_periods(terms)
    _check_fee(terms)


def _check_roles(terms: Terms, escrow: Address) -> None:
    if terms.merchant == ZERO_ADDRESS:
        raise TermOutOfBounds("merchant", terms.merchant, "somebody must be paid")
    if terms.buyer == terms.merchant:
        raise TermOutOfBounds("buyer", terms.buyer, "the buyer cannot be the merchant")
    if terms.arbiter != ZERO_ADDRESS and terms.arbiter in (terms.buyer, terms.merchant, terms.operator):
        raise TermOutOfBounds("arbiter", terms.arbiter, "the arbiter must be none of buyer, merchant and operator")
    for name in ("buyer", "merchant", "fee_recipient"):
        if getattr(terms, name) == escrow:
            raise TermOutOfBounds(name, escrow, "the escrow itself cannot be paid")


def _check_periods(terms: Terms) -> None:
    if not 0 <= terms.pay_by <= MAX_PAY_BY:
        raise TermOutOfBounds("pay_by", terms.pay_by, f"it must be from 0 to {MAX_PAY_BY}")
    _check_bounds("delivery_period", terms.delivery_period, 1)
    parts = (terms.dispute_window != 0, terms.arbiter != ZERO_ADDRESS, terms.arbitration_period != 0)
    if any(parts) and not all(parts):
        raise TermOutOfBounds(
            "dispute_window",
            terms.dispute_window,
            "dispute_window, arbiter and arbitration_period are given all together or not at all",
        )
    if any(parts):
        _check_bounds("dispute_window", terms.dispute_window, MIN_DISPUTE_WINDOW)
        _check_bounds("arbitration_period", terms.arbitration_period, MIN_ARBITRATION_PERIOD)


def _check_bounds(term: str, seconds: int, lowest: int) -> None:
    if not lowest <= seconds <= MAX_PERIOD:
        raise TermOutOfBounds(term, seconds, f"it must be from {lowest} to {MAX_PERIOD} seconds")


def _check_fee(terms: Terms) -> None:
    if not 0 <= terms.fee_bps <= MAX_FEE_BPS:
        raise TermOutOfBounds("fee_bps", terms.fee_bps, f"it must be from 0 to {MAX_FEE_BPS}")
    if (terms.fee_bps == 0) != (terms.fee_recipient == ZERO_ADDRESS):
        raise TermOutOfBounds("fee_bps", terms.fee_bps, "fee_bps and fee_recipient are given together or not at all")
