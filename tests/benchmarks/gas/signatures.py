"""What wallets sign by EIP-712, each signature without a zero byte: the deadline is moved until there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from eth_abi.abi import encode
from eth_keys.datatypes import PrivateKey
from eth_keys.datatypes import Signature as EcdsaSignature

from earnest.payment.primitives import keccak
from tests.benchmarks.gas.people import PAY_BY, full

PERMIT = keccak(b"Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)")
RECEIVE = keccak(
    b"ReceiveWithAuthorization(address from,address to,uint256 value,"
    b"uint256 validAfter,uint256 validBefore,bytes32 nonce)"
)
PERMISSIONS = keccak(b"TokenPermissions(address token,uint256 amount)")
PERMIT2_STUB = b"PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,"


@dataclass(frozen=True)
class Signature:
    """A signature, and the deadline that it names."""

    v: int
    r: bytes
    s: bytes
    deadline: int

    @classmethod
    def of(cls, made: EcdsaSignature, deadline: int = 0) -> Signature:
        r, s = int(made.r).to_bytes(32, "big"), int(made.s).to_bytes(32, "big")
        return cls(27 + int(made.v), r, s, deadline)

    @property
    def packed(self) -> bytes:
        return self.r + self.s + bytes([self.v])


def sign(key: PrivateKey, domain_separator: bytes, struct: Callable[[int], bytes]) -> Signature:
    """Sign the struct hash that `struct` makes of a deadline."""
    for deadline in count(PAY_BY):
        made = key.sign_msg_hash(keccak(b"\x19\x01" + domain_separator + struct(deadline)))
        signature = Signature.of(made, deadline)
        if full(signature.packed):
            return signature
    raise AssertionError("count() never ends")


def permit(key: PrivateKey, domain: bytes, spender: str, value: int, nonce: int) -> Signature:
    """Sign EIP-2612's permit."""
    owner = key.public_key.to_checksum_address()
    types = ["bytes32", "address", "address", "uint256", "uint256", "uint256"]
    return sign(key, domain, lambda deadline: keccak(encode(types, [PERMIT, owner, spender, value, nonce, deadline])))


def authorization(key: PrivateKey, domain: bytes, to: str, value: int, nonce: bytes) -> Signature:
    """Sign EIP-3009's receive form, valid since ever."""
    payer = key.public_key.to_checksum_address()
    types = ["bytes32", "address", "address", "uint256", "uint256", "uint256", "bytes32"]
    return sign(key, domain, lambda before: keccak(encode(types, [RECEIVE, payer, to, value, 0, before, nonce])))


def permit2(
    key: PrivateKey, domain: bytes, token: str, amount: int, spender: str, nonce: int, witness: tuple[bytes, bytes]
) -> Signature:
    """Sign Permit2's transfer with a witness: the hash of its struct and its type as Permit2 takes it."""
    typehash = keccak(PERMIT2_STUB + witness[1])
    permitted = keccak(encode(["bytes32", "address", "uint256"], [PERMISSIONS, token, amount]))
    types = ["bytes32", "bytes32", "address", "uint256", "uint256", "bytes32"]
    return sign(
        key,
        domain,
        lambda deadline: keccak(encode(types, [typehash, permitted, spender, nonce, deadline, witness[0]])),
    )


def receipt(key: PrivateKey, domain: bytes, payment: bytes) -> bytes:
    """Sign the buyer's receipt; it has no deadline to move."""
    typehash = keccak(b"Receipt(bytes32 id,address buyer)")
    buyer = key.public_key.to_checksum_address()
    struct = keccak(encode(["bytes32", "bytes32", "address"], [typehash, payment, buyer]))
    made = key.sign_msg_hash(keccak(b"\x19\x01" + domain + struct))
    return Signature.of(made).packed
