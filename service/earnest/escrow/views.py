"""Reading the escrow: call data and decoders for its views; the `eth_call` itself is the caller's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from eth_abi.abi import decode

from earnest.escrow.txs import encode_call
from earnest.payment.primitives import Address, Hash32, checksum_address, to_bytes
from earnest.payment.status import ON_CHAIN, Status
from earnest.payment.terms import TERMS_ABI, Terms

_STATE_ABI: Final = "(address,uint8,uint40,uint48)"


@dataclass(frozen=True, slots=True)
class EscrowState:
    """What the escrow keeps in a payment's slot; `created` with zeros when nothing was ever funded under the id.

    `since` is the Unix time at which the status began, `seq` the number of the payment's latest event.
    """

    buyer: Address
    status: Status
    since: int
    seq: int


def state_of(payment_id: Hash32) -> str:
    """Return the call data that asks for one payment's state."""
    return encode_call("stateOf", ["bytes32"], [to_bytes(payment_id)])


def decode_state_of(data: bytes) -> EscrowState:
    """Decode the answer to `state_of`."""
    (raw,) = decode([_STATE_ABI], data)
    return _state(raw)


def states_of(payment_ids: list[Hash32]) -> str:
    """Return the call data that asks for many payments' states; a thousand fit into one `eth_call`."""
    return encode_call("statesOf", ["bytes32[]"], [[to_bytes(each) for each in payment_ids]])


def decode_states_of(data: bytes) -> list[EscrowState]:
    """Decode the answer to `states_of`, in the order of the ids."""
    (raws,) = decode([f"{_STATE_ABI}[]"], data)
    return [_state(raw) for raw in raws]


def held_of(terms: Terms) -> str:
    """Return the call data that asks what the escrow still keeps for a payment."""
    return encode_call("heldOf", [TERMS_ABI], [terms.as_tuple()])


def decode_held_of(data: bytes) -> int:
    """Decode the answer to `held_of`: base units."""
    return _uint256(data)


def credit_of(account: Address, token: Address) -> str:
    """Return the call data that asks what the escrow owes `account` in `token` (the zero address: coin)."""
    return encode_call("creditOf", ["address", "address"], [account, token])


def decode_credit_of(data: bytes) -> int:
    """Decode the answer to `credit_of`: base units."""
    return _uint256(data)


def _state(raw: tuple[str, int, int, int]) -> EscrowState:
    buyer, status, since, seq = raw
    return EscrowState(checksum_address(buyer.lower()), ON_CHAIN[status], since, seq)


def _uint256(data: bytes) -> int:
    (value,) = decode(["uint256"], data)
    return int(value)
