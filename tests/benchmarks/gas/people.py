"""Who takes part, and what is paid: fixed, and without zero bytes where chance would decide what calldata costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import rlp  # type: ignore[import-untyped]
from eth_keys.datatypes import PrivateKey

from earnest.payment.primitives import ZERO_ADDRESS, Address, Hash32, checksum_address, hash32, keccak
from earnest.payment.terms import DAY, Terms

START = 1_790_000_000
PAY_BY = 1_799_999_999
AMOUNT = 123_456_789
"""Base units of tokens with six decimals, wei of coin: four bytes, none of them zero."""


def address(raw: bytes) -> Address:
    return checksum_address(f"0x{raw.hex()}")


def address_of(key: PrivateKey) -> Address:
    return address(key.public_key.to_canonical_address())


def created_by(key: PrivateKey) -> bytes:
    """Return the address of the first contract that a key creates."""
    return keccak(rlp.encode([key.public_key.to_canonical_address(), b""]))[12:]


def full(value: bytes) -> bool:
    """Whether no byte is zero: a zero byte of calldata costs 4 gas, any other 16."""
    return 0 not in value


def _key(name: str, address_bytes: Callable[[PrivateKey], bytes]) -> PrivateKey:
    tries = (PrivateKey(keccak(f"{name} {number}".encode())) for number in count())
    return next(key for key in tries if full(address_bytes(key)))


def person(name: str) -> PrivateKey:
    """Return a person's key; the address has no zero byte."""
    return _key(name, lambda key: key.public_key.to_canonical_address())


def deployer(name: str) -> PrivateKey:
    """Return a key whose first contract has an address without a zero byte."""
    return _key(f"deployer of {name}", created_by)


def order_hashes(series: str) -> Iterator[Hash32]:
    """Yield order hashes without zero bytes, the same for the same series."""
    tries = (keccak(f"{series} {number}".encode()) for number in count())
    return (hash32(each) for each in tries if full(each))


BUYER = person("buyer")
MERCHANT = person("merchant")
OPERATOR = person("operator")
ARBITER = person("arbiter")
FEE_RECIPIENT = person("fee recipient")
RELAYER = person("relayer")
NEWCOMER = person("newcomer")
"""A buyer who never approved anything."""
EVERYBODY = [BUYER, MERCHANT, OPERATOR, ARBITER, FEE_RECIPIENT, RELAYER, NEWCOMER]


def terms(series: str, token: bytes | None, *, buyer: PrivateKey = BUYER, fee_bps: int = 0) -> Terms:
    """Return a typical payment's terms, every role filled; `series` makes its id; no token: coin."""
    return Terms(
        buyer=address_of(buyer),
        merchant=address_of(MERCHANT),
        operator=address_of(OPERATOR),
        arbiter=address_of(ARBITER),
        token=address(token) if token else ZERO_ADDRESS,
        amount=AMOUNT,
        fee_recipient=address_of(FEE_RECIPIENT) if fee_bps else ZERO_ADDRESS,
        fee_bps=fee_bps,
        pay_by=PAY_BY,
        delivery_period=7 * DAY,
        dispute_window=3 * DAY,
        arbitration_period=14 * DAY,
        order_hash=next(order_hashes(series)),
    )
