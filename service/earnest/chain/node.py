"""What we ask of a node, in our own words; how the question travels is the subclass's affair (`Rpc`, the fake)."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

import msgspec

from earnest.chain.errors import HeaderForged, MalformedAnswer, NoContract, RpcError
from earnest.chain.header_hash import RawHeader, bloom_in, sealed
from earnest.chain.later import Later
from earnest.chain.updates import Block
from earnest.payment.primitives import Address, Hash32
from earnest.payment.values import maker, quick

Tag = Literal["latest", "safe", "finalized", "pending", "earliest"]

NOT_REPEATED: Final = frozenset({"eth_sendRawTransaction", "eth_sendTransaction"})
"""What is never asked a second time by itself: only the caller knows what a second answer means."""
HIGHEST: Final = 2**63 - 1
"""No chain has so many blocks, no time is so far away, and no database could keep a greater one."""
LONGEST_QUANTITY: Final = 66
"""No number of a chain has more than 256 bits; thousands of digits could not even be shown in an error."""
ASKED_IN_VAIN: Final = 2
"""An error that stays the same so often, with nothing else mended beside it, is the answer."""


class Call(NamedTuple):
    """One question: the method, its parameters, and the type that the result must have."""

    method: str
    params: Sequence[Any] = ()
    into: Any = Any


class RawLog(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """A log as `eth_getLogs` tells it; all fields as text."""

    address: str
    topics: list[str]
    data: str
    block_number: str
    block_hash: str
    transaction_hash: str
    log_index: str
    removed: bool = False


class _Place(msgspec.Struct, rename="camel", frozen=True, gc=False):
    block_hash: str


class _RawReceipt(msgspec.Struct, rename="camel", frozen=True):
    transaction_hash: str
    block_hash: str
    block_number: str
    gas_used: str
    status: str = "0x1"


class _GasLimit(msgspec.Struct, rename="camel", frozen=True):
    gas_limit: str = "0x0"


class _FeeHistory(msgspec.Struct, rename="camel", frozen=True):
    base_fee_per_gas: list[str]
    reward: list[list[str]] | None = None


@quick
@dataclass(frozen=True, slots=True)
class Header:
    """A block with what only its header tells. `bloom` is the 2048-bit logs bloom; the fee is wei per gas.

    `receipts_root` is the root of the trie of its receipts, and empty where the header was taken as it was told.
    """

    block: Block
    bloom: int
    base_fee_per_gas: int
    receipts_root: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where a tx was mined and whether it did what it should."""

    tx_hash: Hash32
    block_hash: Hash32
    block_number: int
    gas_used: int
    succeeded: bool


@dataclass(frozen=True, slots=True)
class FeeHistory:
    """The next block's base fee and the tips (wei per gas) paid at the asked percentile, oldest block first."""

    next_base_fee: int
    tips: tuple[int, ...]


_IS_HASH: Final = re.compile(r"0x[0-9a-fA-F]{64}").fullmatch
"""Even where the digits were hashed: with anything else before them it is another name, which databases may refuse."""
_block, _header = maker(Block), maker(Header)
_EMPTY_BLOOM: Final = "0x" + "0" * 512
# Made once, since whoever decodes knows a type again by its identity.
_LOGS: Final[Any] = list[RawLog]
_LOGS_OR_NONE: Final[Any] = list[RawLog] | None
_PLACES: Final[Any] = list[_Place]
_HEADER: Final[Any] = RawHeader | None


class Node(ABC):
    """A JSON-RPC node. Every method raises leaves of `Unavailable` (see `earnest.chain.errors`)."""

    endpoint: str = "node"
    """The node's name for people: its host, never the whole URL."""
    recomputes: bool = False
    """Whether each header has to hash to the hash under which it is told; not every chain's form is known."""

    @abstractmethod
    def call(self, method: str, params: Sequence[Any] = (), into: Any = Any) -> Any:
        """Ask one thing; the result has the type `into`."""

    @abstractmethod
    def batch(self, calls: Sequence[Call]) -> list[Any]:
        """Ask many things at once; each result stands in its place, an `RpcError` where the node answered with one."""

    def call_later(self, method: str, params: Sequence[Any] = (), into: Any = Any) -> Later[Any]:
        """Ask as `call` does, and return the way to the answer; meanwhile the question travels, where it can."""
        return Later(lambda: self.call(method, params, into))

    def batch_later(self, calls: Sequence[Call]) -> Later[list[Any]]:
        """Ask as `batch` does, and return the way to the answers; as `call_later`."""
        return Later(lambda: self.batch(calls))

    def gather(self, calls: Sequence[Call]) -> list[Any]:
        """Ask many things and insist on each; raises the `RpcError` of one that fails again and again."""
        return self.mend(calls, self.batch(calls)) if calls else []

    def mend(self, calls: Sequence[Call], results: list[Any]) -> list[Any]:
        """Ask again for what failed in a batch, and for that alone, as long as it becomes less.

        Asking for the whole again would never end where one answer of ten is an error.
        """
        in_vain = 0
        failed = [at for at, result in enumerate(results) if isinstance(result, RpcError)]
        while failed:
            if in_vain >= ASKED_IN_VAIN:
                raise results[failed[0]]
            if in_vain:
                self.rest(in_vain)
            for at, result in zip(failed, self.batch([calls[at] for at in failed]), strict=True):
                results[at] = result
            before, failed = failed, [at for at in failed if isinstance(results[at], RpcError)]
            in_vain = in_vain + 1 if len(failed) == len(before) else 0
        return results

    def rest(self, in_vain: int) -> None:  # noqa: B027 - only what sits behind a network needs one
        """Wait a little after asking in vain so many times."""

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Keep to one endpoint in here, where there are several: one train of thought sees one view of the chain."""
        yield

    def close(self) -> None:  # noqa: B027 - most have nothing to close
        """Give back what it holds."""

    def chain_id(self) -> int:
        """Return the chain's id."""
        return self.quantity(self.call("eth_chainId", (), str))

    def header(self, at: int | Tag) -> Header | None:
        """Return the header at a number or a tag, None if the node has none there."""
        return self.as_header(self.call(*header_call(at)))

    def header_by_hash(self, block_hash: Hash32) -> Header | None:
        """Return the header with this hash, None if the node does not know it."""
        return self.as_header(self.call("eth_getBlockByHash", (block_hash, False), _HEADER))

    def headers(self, numbers: Sequence[int]) -> list[Header | None]:
        """Return the headers at these numbers, None where the node has none, also when it is asked for those again."""
        return self.headers_later(numbers)()

    def headers_later(self, numbers: Sequence[int]) -> Later[list[Header | None]]:
        """Ask as `headers` does, and return the way to the answer."""
        calls = [header_call(number) for number in numbers]
        if not calls:
            return Later(list)
        return self.batch_later(calls).then(lambda told: self._all_headers(numbers, self.mend(calls, told)))

    def _all_headers(self, numbers: Sequence[int], told: Sequence[Any]) -> list[Header | None]:
        headers = [self.as_header(raw) for raw in told]
        missing = [at for at, header in enumerate(headers) if header is None]
        in_vain = 0
        while missing and in_vain < ASKED_IN_VAIN:
            again = self.gather([header_call(numbers[at]) for at in missing])
            for at, raw in zip(missing, again, strict=True):
                headers[at] = self.as_header(raw)
            before, missing = missing, [at for at in missing if headers[at] is None]
            in_vain = in_vain + 1 if len(missing) == len(before) else 0
        return headers

    def logs_in_range(self, escrow: Address, first: int, last: int) -> list[RawLog]:
        """Return the address's logs in the blocks from `first` to `last`, both included."""
        return self.logs_in_range_later(escrow, first, last)()

    def logs_in_range_later(self, escrow: Address, first: int, last: int) -> Later[list[RawLog]]:
        """Ask as `logs_in_range` does, and return the way to the answer."""
        where = {"address": escrow, "fromBlock": hex(first), "toBlock": hex(last)}
        return self.call_later("eth_getLogs", (where,), _LOGS)

    def log_counts(self, escrow: Address, first: int, last: int) -> dict[Hash32, int]:
        """Return how many logs of the address each block from `first` to `last` has, by its hash; left out: none.

        Of a log only its block is read, which takes a fifth of the time.
        """
        where = {"address": escrow, "fromBlock": hex(first), "toBlock": hex(last)}
        told: list[_Place]
        (told,) = self.gather([Call("eth_getLogs", (where,), _PLACES)])
        counts: Counter[Hash32] = Counter()
        for block_hash, count in Counter(each.block_hash for each in told).items():
            counts[Hash32(block_hash.lower())] += count
        return counts

    def logs_in_blocks(self, escrow: Address, hashes: Sequence[Hash32]) -> list[list[RawLog]]:
        """Return the address's logs in each of these blocks. Source: EIP-234."""
        return self.gather([Call("eth_getLogs", ({"address": escrow, "blockHash": each},), _LOGS) for each in hashes])

    def every_log_in_block(self, block_hash: Hash32) -> list[RawLog]:
        """Return the logs of all addresses in one block, which together make up its bloom. Source: EIP-234."""
        result: list[RawLog] = self.call("eth_getLogs", ({"blockHash": block_hash},), _LOGS)
        return result

    def receipts(self, tx_hashes: Sequence[Hash32]) -> list[Receipt | None]:
        """Return the receipts of these txs, None where it is not mined (or not on this node's chain)."""
        calls = [Call("eth_getTransactionReceipt", (each,), _RawReceipt | None) for each in tx_hashes]
        return [None if raw is None else self._as_receipt(raw) for raw in self.gather(calls)]

    def knows_tx(self, tx_hash: Hash32) -> bool:
        """Return whether the node has this tx, mined or waiting."""
        return self.call("eth_getTransactionByHash", (tx_hash,)) is not None

    def tx_count(self, account: Address, at: int | Tag = "latest") -> int:
        """Return how many txs the account has sent: the lowest nonce that the chain would take."""
        return self.quantity(self.call("eth_getTransactionCount", (account, _at(at)), str))

    def balance(self, account: Address) -> int:
        """Return the account's coin in wei."""
        return self.quantity(self.call("eth_getBalance", (account, "latest"), str))

    def estimate_gas(self, sender: Address, to: Address, data: bytes, value: int) -> int:
        """Return the gas that the tx would need now; a revert comes as `RpcError` with the contract's data.

        Raises:
            NoContract: a call to an address without code, which every chain would take and which does nothing.
        """
        if data and self.call("eth_getCode", (to, "latest"), str) in ("0x", "0x0"):
            raise NoContract(self.endpoint, to)
        tx = {"from": sender, "to": to, "data": "0x" + data.hex(), "value": hex(value)}
        return self.quantity(self.call("eth_estimateGas", (tx,), str))

    def block_gas_limit(self) -> int | None:
        """Return how much gas the newest block can hold, None where the node does not tell."""
        raw = self.call("eth_getBlockByNumber", ("latest", False), _GasLimit | None)
        return (self.quantity(raw.gas_limit) or None) if raw is not None else None

    def fee_history(self, blocks: int, percentile: int) -> FeeHistory:
        """Return the next base fee and the tips of the last blocks at a percentile of their gas."""
        raw = self.call("eth_feeHistory", (hex(blocks), "latest", [percentile]), _FeeHistory)
        if not raw.base_fee_per_gas:
            raise MalformedAnswer(self.endpoint, "told no base fee in eth_feeHistory")
        tips = tuple(self.quantity(row[0]) for row in raw.reward or () if row)
        return FeeHistory(self.quantity(raw.base_fee_per_gas[-1]), tips)

    def send_raw(self, raw: bytes) -> None:
        """Hand a signed tx to the node. Never repeated by itself: the caller knows what a second answer means."""
        self.call("eth_sendRawTransaction", ("0x" + raw.hex(),))

    def quantity(self, text: object) -> int:
        """Parse a quantity (`0x` and hexadecimal digits), of 256 bits at most."""
        try:
            if isinstance(text, str) and text.startswith("0x") and len(text) <= LONGEST_QUANTITY:
                return int(text, 16)
        except ValueError:
            pass
        raise MalformedAnswer(self.endpoint, f"told {str(text)[:80]!r} where a quantity belongs")

    def as_header(self, raw: RawHeader | None) -> Header | None:
        """Return a told header as ours; raises `HeaderForged` where it has to hash to its hash, and does not."""
        if raw is None:
            return None
        encoded = None
        # Of the first block only the hash counts, and some chains made theirs in a form of its own.
        if self.recomputes and raw.number != "0x0":
            encoded = sealed(raw)
            if encoded is None:
                raise HeaderForged(self.endpoint, raw.number, raw.hash)
        number, timestamp = self.quantity(raw.number), self.quantity(raw.timestamp)
        if number > HIGHEST or timestamp > HIGHEST:
            raise MalformedAnswer(self.endpoint, f"told block {raw.number[:80]} of the time {raw.timestamp[:80]}")
        block = _block(number, self._hash(raw.hash), self._hash(raw.parent_hash), timestamp)
        bloom = self._bloom(raw.logs_bloom) if encoded is None else bloom_in(encoded)
        fee = self.quantity(raw.base_fee_per_gas or "0x0")
        return _header(block, bloom, fee, raw.receipts_root if self.recomputes else "")

    def _as_receipt(self, raw: _RawReceipt) -> Receipt:
        return Receipt(
            self._hash(raw.transaction_hash),
            self._hash(raw.block_hash),
            self.quantity(raw.block_number),
            self.quantity(raw.gas_used),
            self.quantity(raw.status) == 1,
        )

    def _bloom(self, text: str) -> int:
        try:
            if text.startswith("0x") and len(text) <= len(_EMPTY_BLOOM):
                return int(text, 16)
        except ValueError:
            pass
        raise MalformedAnswer(self.endpoint, f"told {text[:80]!r} where a bloom belongs")

    def _hash(self, text: str) -> Hash32:
        if not _IS_HASH(text):
            raise MalformedAnswer(self.endpoint, f"told {text[:80]!r} where a hash belongs")
        return Hash32(text.lower())


def logs_call(escrow: Address, block_hash: Hash32) -> Call:
    """Return the question for an address's logs in a block that the node may not have: then the answer may be null."""
    return Call("eth_getLogs", ({"address": escrow, "blockHash": block_hash},), _LOGS_OR_NONE)


def header_call(at: int | Tag) -> Call:
    """Return the question for a header; never for full txs, which cost a node thirty times as much."""
    return Call("eth_getBlockByNumber", (_at(at), False), _HEADER)


def _at(at: int | Tag) -> str:
    return hex(at) if isinstance(at, int) else at
