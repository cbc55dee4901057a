"""A chain as small as the escrow's laws need it: one tx after another, each at a time that the test names.

Two chains fill this port: `RevmChain` is quick, `MinedChain` mines real blocks of signed txs on the EVM of the
embedded chain. A chain's `time` is the timestamp of the block that the next tx gets; each tx moves it on by a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Protocol

from coincurve import PrivateKey
from eth_abi.abi import encode

from earnest.payment.primitives import Address, Hash32, checksum_address, keccak, to_bytes

PLENTY_OF_GAS = 6_000_000


@dataclass(frozen=True)
class Signer:
    """An account with its key; the same number gives the same one."""

    number: int

    @cached_property
    def key(self) -> PrivateKey:
        return PrivateKey(keccak(b"signer %d" % self.number))

    @cached_property
    def address(self) -> Address:
        public = self.key.public_key.format(compressed=False)[1:]
        return checksum_address("0x" + keccak(public)[12:].hex())

    def sign(self, digest: Hash32) -> bytes:
        """Return the 65 bytes `r, s, v` over a digest."""
        signature = self.key.sign_recoverable(to_bytes(digest), hasher=None)
        return signature[:64] + bytes([27 + signature[64]])


@dataclass(frozen=True)
class Log:
    """What a contract told, raw."""

    address: Address
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True)
class Outcome:
    """What became of a tx or a call; `output` is what it returned, or the data of its revert (none: gas ran out)."""

    succeeded: bool
    output: bytes
    logs: tuple[Log, ...] = ()
    coin_for_gas: int = 0
    timestamp: int = 0


class Evm(Protocol):
    """A chain under a test's whole control, with the deterministic deployment proxy on it."""

    chain_id: int
    time: int
    """Unix time of the block that the next tx gets; it may be set, never back."""

    def deploy(self, sender: Signer, code: bytes) -> Address: ...

    def transact(
        self, sender: Signer, to: Address, data: bytes = b"", value: int = 0, gas: int = PLENTY_OF_GAS
    ) -> Outcome: ...

    def call(self, sender: Address, to: Address, data: bytes, value: int = 0) -> Outcome:
        """Ask without leaving a trace, as at `time`."""
        ...

    def coin_of(self, account: Address) -> int: ...

    def give_coin(self, account: Address, wei: int) -> None: ...

    def undone(self) -> AbstractContextManager[None]:
        """Everything inside the block is taken back at its end, the time included."""
        ...


def call_data(signature: str, *values: object) -> bytes:
    """Return the call data of a function by its signature, such as `transfer(address,uint256)`."""
    selector, types = _parsed(signature)
    return selector + encoded(types, values)


def encoded(types: Sequence[str], values: Sequence[object]) -> bytes:
    """Return what `eth_abi` encodes, ten times as fast where all are addresses and plain words."""
    if set(types) <= _WORDS:
        return b"".join(_word(value) for value in values)
    return encode(types, values)


_WORDS = frozenset({"address", "uint8", "uint256", "bytes32", "bool"})


def _word(value: object) -> bytes:
    match value:
        case str():
            return bytes(12) + bytes.fromhex(value[2:])
        case int():
            return value.to_bytes(32, "big")
        case bytes() if len(value) == 32:
            return value
    raise ValueError(value)


@cache
def _parsed(signature: str) -> tuple[bytes, tuple[str, ...]]:
    inner = signature[signature.index("(") + 1 : -1]
    return keccak(signature.encode())[:4], tuple(inner.split(",") if inner else ())
