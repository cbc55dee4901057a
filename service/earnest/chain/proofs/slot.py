"""Where the escrow keeps a payment: its account's storage, and in there the payment's slot, unpacked.

From the highest bit down: `buyer 160 | split 1 | status 7 | since 40 | seq 48`; `split`: a second slot is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from earnest.chain.proofs import rlp
from earnest.payment.primitives import ZERO_ADDRESS, Address, checksum_address
from earnest.payment.status import ON_CHAIN, Status
from earnest.payment.transitions import PaymentState

_ACCOUNT_FIELDS: Final = 4
_STORAGE_ROOT: Final = 2


@dataclass(frozen=True, slots=True)
class Slot:
    """What the escrow keeps of a payment. Source: `contracts/src/StateLib.sol`; the slot lies at the payment's id."""

    buyer: Address
    status: Status
    since: int
    seq: int


def storage_root(account: bytes) -> bytes:
    """Return the root of an account's storage (nonce, balance, storage root, hash of code); raises `ValueError`."""
    fields = rlp.decode(account)
    root = fields[_STORAGE_ROOT] if not isinstance(fields, bytes) and len(fields) == _ACCOUNT_FIELDS else None
    if not isinstance(root, bytes):
        raise ValueError("what is proven there is no account")
    return root


def unpack(word: int) -> Slot:
    """Return what a slot says; raises `ValueError` for a status that the contract does not have."""
    number = word >> 88 & 0x7F
    if number >= len(ON_CHAIN) or word >> 256:
        raise ValueError(f"{hex(word)} is no payment's slot")
    return Slot(
        buyer=checksum_address(f"0x{word >> 96:040x}"),
        status=ON_CHAIN[number],
        since=word >> 48 & (2**40 - 1),
        seq=word & (2**48 - 1),
    )


def expected(state: PaymentState) -> Slot:
    """Return what the slot must say after a payment's events."""
    return Slot(state.buyer or ZERO_ADDRESS, state.status, state.since, state.seq)
