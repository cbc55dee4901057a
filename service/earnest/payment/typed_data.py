"""What wallets sign instead of sending a tx: EIP-712 messages as the standard's JSON, and their hashes.

Each binds the payment: by its id (receipt, EIP-3009's nonce, Permit2's witness), or, where it cannot, it binds only the
allowance of whoever sends the tx himself (EIP-2612).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from eth_abi.abi import encode

from earnest.payment.primitives import Address, Hash32, hash32, keccak, to_bytes

PERMIT2: Final = Address("0x000000000022D473030F116dDEE9F6B43aC78BA3")
"""Source: Uniswap's Permit2; the same on nearly every chain. Where it has another address (ZKsync) the verb reverts."""
ESCROW_NAME: Final = "Earnest Escrow"
ESCROW_VERSION: Final = "1"

Field = tuple[str, str]
"""A member's name and its Solidity type, in the order of the struct."""

_ARRAY: Final = re.compile(r".*\[[0-9]*\]")


@dataclass(frozen=True, slots=True)
class Domain:
    """An EIP-712 domain; `version` is None where the contract's domain has none."""

    name: str
    version: str | None
    chain_id: int
    verifying_contract: Address

    @property
    def separator(self) -> Hash32:
        """The domain's hash, as contracts tell it (`DOMAIN_SEPARATOR()`)."""
        types = {"EIP712Domain": self.fields}
        return hash32(_hash_struct("EIP712Domain", types, self.values))

    @property
    def fields(self) -> tuple[Field, ...]:
        """The members that this domain has."""
        version: tuple[Field, ...] = (("version", "string"),) if self.version is not None else ()
        return (("name", "string"), *version, ("chainId", "uint256"), ("verifyingContract", "address"))

    @property
    def values(self) -> dict[str, Any]:
        """The domain as JSON-ready data."""
        whole = {
            "name": self.name,
            "version": self.version,
            "chainId": self.chain_id,
            "verifyingContract": self.verifying_contract,
        }
        return {name: whole[name] for name, _ in self.fields}


@dataclass(frozen=True, slots=True)
class TypedData:
    """A message for `eth_signTypedData_v4`. Whole numbers in `message` are strings: JSON's numbers are too small."""

    domain: Domain
    types: Mapping[str, tuple[Field, ...]]
    primary_type: str
    message: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Return `{domain, types, primaryType, message}` as the standard has it. Source: EIP-712."""
        types = {"EIP712Domain": self.domain.fields, **self.types}
        return {
            "domain": self.domain.values,
            "types": {name: [{"name": n, "type": t} for n, t in members] for name, members in types.items()},
            "primaryType": self.primary_type,
            "message": dict(self.message),
        }

    @property
    def digest(self) -> Hash32:
        """The 32 bytes that are signed in the end."""
        struct = _hash_struct(self.primary_type, self.types, self.message)
        return hash32(keccak(b"\x19\x01" + to_bytes(self.domain.separator) + struct))


def receipt(escrow: Address, chain_id: int, payment_id: Hash32, buyer: Address) -> TypedData:
    """Return the buyer's statement that the goods arrived: with it, anyone can release the payment.

    It can be signed ahead, even before funding, and can't be taken back.
    """
    return TypedData(
        Domain(ESCROW_NAME, ESCROW_VERSION, chain_id, escrow),
        {"Receipt": (("id", "bytes32"), ("buyer", "address"))},
        "Receipt",
        {"id": payment_id, "buyer": buyer},
    )


def permit(token: Domain, owner: Address, spender: Address, amount: int, nonce: int, deadline: int) -> TypedData:
    """Return the allowance of `owner` for `spender` over `amount` base units. Source: EIP-2612.

    `nonce` is the owner's next one at the token, `deadline` Unix time up to which it holds.
    """
    fields = ("owner", "address"), ("spender", "address"), ("value", "uint256"), ("nonce", "uint256")
    return TypedData(
        token,
        {"Permit": (*fields, ("deadline", "uint256"))},
        "Permit",
        {
            "owner": owner,
            "spender": spender,
            "value": str(amount),
            "nonce": str(nonce),
            "deadline": str(deadline),
        },
    )


def receive_with_authorization(
    token: Domain,
    payer: Address,
    escrow: Address,
    amount: int,
    payment_id: Hash32,
    *,
    valid_after: int,
    valid_before: int,
) -> TypedData:
    """Return the payer's authorization that the escrow takes `amount` base units for this very payment.

    The payment's id is the nonce, so it binds the terms and is used up with them. It holds for
    `valid_after < time < valid_before` (Unix). Source: EIP-3009.
    """
    fields = ("from", "address"), ("to", "address"), ("value", "uint256"), ("validAfter", "uint256")
    return TypedData(
        token,
        {"ReceiveWithAuthorization": (*fields, ("validBefore", "uint256"), ("nonce", "bytes32"))},
        "ReceiveWithAuthorization",
        {
            "from": payer,
            "to": escrow,
            "value": str(amount),
            "validAfter": str(valid_after),
            "validBefore": str(valid_before),
            "nonce": payment_id,
        },
    )


def permit_witness_transfer_from(
    chain_id: int,
    escrow: Address,
    token: Address,
    amount: int,
    payment_id: Hash32,
    payer: Address,
    buyer: Address,
    *,
    nonce: int,
    deadline: int,
) -> TypedData:
    """Return the payer's signature by which Permit2 moves `amount` base units to the escrow for this very payment.

    `nonce` is an unused one of the payer's unordered nonces, `deadline` Unix time up to which it holds. Source:
    Permit2's `SignatureTransfer`.
    """
    return TypedData(
        Domain("Permit2", None, chain_id, PERMIT2),
        {
            "PermitWitnessTransferFrom": (
                ("permitted", "TokenPermissions"),
                ("spender", "address"),
                ("nonce", "uint256"),
                ("deadline", "uint256"),
                ("witness", "Funding"),
            ),
            "Funding": (("id", "bytes32"), ("payer", "address"), ("buyer", "address")),
            "TokenPermissions": (("token", "address"), ("amount", "uint256")),
        },
        "PermitWitnessTransferFrom",
        {
            "permitted": {"token": token, "amount": str(amount)},
            "spender": escrow,
            "nonce": str(nonce),
            "deadline": str(deadline),
            "witness": {"id": payment_id, "payer": payer, "buyer": buyer},
        },
    )


def encode_type(name: str, types: Mapping[str, tuple[Field, ...]]) -> str:
    """Return a struct's type as it is hashed, the structs in it behind it in alphabetical order. Source: EIP-712."""
    others = sorted(_structs_in(name, types) - {name})
    return "".join(f"{each}({','.join(f'{t} {n}' for n, t in types[each])})" for each in (name, *others))


def _structs_in(name: str, types: Mapping[str, tuple[Field, ...]]) -> set[str]:
    found = {name}
    for _, member in types[name]:
        if member in types:
            found |= _structs_in(member, types)
    return found


def _hash_struct(name: str, types: Mapping[str, tuple[Field, ...]], values: Mapping[str, Any]) -> bytes:
    words = [keccak(encode_type(name, types).encode())]
    words += [_word(member, types, values[field]) for field, member in types[name]]
    return keccak(b"".join(words))


def _word(type_: str, types: Mapping[str, tuple[Field, ...]], value: Any) -> bytes:
    assert not _ARRAY.fullmatch(type_), "none of our messages has an array"
    if type_ in types:
        return _hash_struct(type_, types, value)
    if type_ == "string":
        return keccak(str(value).encode())
    if type_ == "bytes32":
        return to_bytes(Hash32(value))
    return encode([type_], [int(value) if type_.startswith("uint") else value])
