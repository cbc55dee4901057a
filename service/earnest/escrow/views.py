"""Reading the escrow: call data and decoders for its views; the `eth_call` itself is the caller's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from eth_abi.abi import decode

from earnest.escrow.txs import encode_call
from earnest.payment.primitives import Address, Hash32, checksum_address, to_bytes
from earnest.payment.status import ON_CHAIN, Status
from earnest.payment.terms import TERMS_ABI, Terms
from earnest.payment.typed_data import Domain

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


def deposit_address_of(payment_id: Hash32) -> str:
    """Return the call data that asks where plain transfers for a payment go."""
    return encode_call("depositAddressOf", ["bytes32"], [to_bytes(payment_id)])


def decode_deposit_address_of(data: bytes) -> Address:
    """Decode the answer to `deposit_address_of`."""
    (raw,) = decode(["address"], data)
    return checksum_address(raw.lower())


def is_dismissed(merchant: Address, operator: Address) -> str:
    """Return the call data that asks whether the merchant has dismissed this operator."""
    return encode_call("isDismissed", ["address", "address"], [merchant, operator])


def decode_is_dismissed(data: bytes) -> bool:
    """Decode the answer to `is_dismissed`."""
    (dismissed,) = decode(["bool"], data)
    return bool(dismissed)


def check_terms(terms: Terms, buyer: Address) -> str:
    """Return the call data that asks whether terms with this buyer keep every bound: it reverts with the one broken."""
    return encode_call("checkTerms", [TERMS_ABI, "address"], [terms.as_tuple(), buyer])


def eip712_domain() -> str:
    """Return the call data that asks a contract, the escrow or a token, for its EIP-712 domain. Source: ERC-5267."""
    return encode_call("eip712Domain", [], [])


def decode_eip712_domain(data: bytes) -> Domain | None:
    """Decode the answer to `eip712_domain`; None where the domain has other members than those that ours can have."""
    fields, name, version, chain_id, contract, salt, extensions = decode(_DOMAIN_ABI, data)
    if fields not in (_WITH_VERSION, _WITHOUT_VERSION) or any(salt) or extensions:
        return None
    return Domain(name, version if fields == _WITH_VERSION else None, chain_id, checksum_address(contract.lower()))


_DOMAIN_ABI: Final = ("bytes1", "string", "string", "uint256", "address", "bytes32", "uint256[]")
_WITH_VERSION, _WITHOUT_VERSION = b"\x0f", b"\x0d"
"""Bits: 1 name, 2 version, 4 chain id, 8 verifying contract."""


def _state(raw: tuple[str, int, int, int]) -> EscrowState:
    buyer, status, since, seq = raw
    return EscrowState(checksum_address(buyer.lower()), ON_CHAIN[status], since, seq)


def _uint256(data: bytes) -> int:
    (value,) = decode(["uint256"], data)
    return int(value)
