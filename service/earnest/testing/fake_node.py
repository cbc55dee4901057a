"""A node in memory, for tests of whoever asks one: it mines, reorganises, forgets, limits and fails on order.

It stands at the port `earnest.chain.node.Node`, so no socket is opened. Blocks hold events of an escrow, given as
values, and signed txs that were handed over; nothing is executed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes

from earnest.chain.bloom import bloom_of
from earnest.chain.errors import RpcError
from earnest.chain.updates import Block
from earnest.payment.errors import EarnestError
from earnest.payment.events import EscrowEvent
from earnest.payment.primitives import Address, Hash32, checksum_address, hash32, keccak
from earnest.testing.one_by_one import OneByOneNode
from earnest.testing.raw_logs import encode_event
from earnest.testing.sealed_headers import sealed_header
from earnest.testing.sealed_receipts import sealed_receipts, told_receipts

Event = EscrowEvent
Fault = Callable[[str, Sequence[Any]], EarnestError | None]
Tamper = Callable[[str, Sequence[Any], Any], Any]

ESTIMATE = 50_000


@dataclass(frozen=True)
class FakeTx:
    """A signed tx as the node reads it; fees are wei per gas."""

    hash: Hash32
    sender: Address
    nonce: int
    to: str
    data: bytes
    gas: int
    value: int
    max_fee: int
    tip: int


@dataclass(frozen=True)
class FakeBlock:
    """A block with its header as it is told, the escrow's events and the txs in it, and a receipt for each event."""

    block: Block
    header: dict[str, str]
    events: tuple[Event, ...] = ()
    txs: tuple[FakeTx, ...] = ()
    receipts: tuple[dict[str, Any], ...] = ()


@dataclass
class FakeNode(OneByOneNode):
    """A chain of blocks and a pool of txs. Every public method may be called from any thread.

    Args:
        escrow: whose events the blocks hold.
        finality_depth: how many blocks on top make one final; the final number never falls.
        range_limit: `eth_getLogs` over more blocks fails, with `range_error` as its text.
        base_fee: of the blocks mined from now on, wei per gas.
        seals: whether headers have the usual form, so that their fields hash to their hash; else theirs is unknown.
        offers_receipts: whether it has `eth_getBlockReceipts`.
        estimate: what every estimate that does not fail says.
        reverting: call data that the contract refuses; estimates fail, mined txs fail.
        faults: asked before each call; what it returns is raised.
        tamper: given each answer; what it returns is told instead.
    """

    escrow: Address
    id: int = 31_337
    finality_depth: int = 4
    range_limit: int | None = None
    range_error: str = "please ask for less"
    base_fee: int = 10**9
    seals: bool = True
    offers_receipts: bool = True
    balances: dict[Address, int] = field(default_factory=dict)
    estimate: int = ESTIMATE
    reverting: dict[bytes, str] = field(default_factory=dict)
    faults: Fault | None = None
    tamper: Tamper | None = None
    endpoint: str = "fake"

    def __post_init__(self) -> None:
        self._salt = count()
        self._lock = threading.RLock()
        self.asked: list[str] = []
        self.sent: list[FakeTx] = []
        """Every tx that was ever handed over and taken, in order."""
        self.pool: dict[tuple[Address, int], FakeTx] = {}
        self.blocks: list[FakeBlock] = []
        self._known: dict[Hash32, FakeBlock] = {}
        self._finalized = -1
        self.wipe()

    # What the test does to the chain.

    def wipe(self) -> None:
        """Start another chain with the same id."""
        with self._lock:
            self.blocks, self.pool, self._finalized = [], {}, -1
            self._append(self._next_block((), ()))

    def fork(self, endpoint: str) -> FakeNode:
        """Return another node with the same blocks so far; from here on each goes its own way."""
        with self._lock:
            other = FakeNode(self.escrow, self.id, self.finality_depth, seals=self.seals, endpoint=endpoint)
            other.offers_receipts = self.offers_receipts
            other.blocks, other._known, other._finalized = list(self.blocks), dict(self._known), self._finalized
            other._salt = count((next(self._salt) + 1) * 10**6)
            return other

    def mine(self, *events: Event, txs: bool = True) -> Block:
        """Mine a block with these events, and with what waits in the pool and can pay."""
        with self._lock:
            chosen = tuple(self._choose()) if txs else ()
            return self._append(self._next_block(events, chosen))

    def mine_empty(self, blocks: int) -> None:
        """Mine blocks without anything in them."""
        for _ in range(blocks):
            self.mine(txs=False)

    def reorg(self, depth: int, branch: Sequence[Sequence[Event]] = (), *, keep_txs: bool = True) -> None:
        """Drop the newest `depth` blocks and mine `branch`, one list of events a block. Dropped txs wait again."""
        with self._lock:
            for dropped in reversed(self._cut(depth)):
                for tx in dropped.txs if keep_txs else ():
                    self.pool.setdefault((tx.sender, tx.nonce), tx)
            for events in branch:
                self.mine(*events, txs=False)

    def go_back(self, depth: int) -> Callable[[], None]:
        """Forget the newest blocks, as a node behind others does; what is returned brings the same ones back."""
        with self._lock:
            dropped = self._cut(depth)
        return lambda: self.blocks.extend(dropped)

    def forget_pool(self) -> None:
        """Lose what waits, as a node does that is killed."""
        with self._lock:
            self.pool.clear()

    def chain_events(self) -> list[tuple[Hash32, int, Event]]:
        """Return the canonical events: block hash, log index, event."""
        with self._lock:
            return [(each.block.hash, index, event) for each in self.blocks for index, event in enumerate(each.events)]

    def mined_txs(self) -> list[FakeTx]:
        """Return the canonical txs in their order."""
        with self._lock:
            return [tx for each in self.blocks for tx in each.txs]

    @property
    def head(self) -> Block:
        """The newest block."""
        return self.blocks[-1].block

    @property
    def finalized(self) -> int:
        """The newest final block's number, -1 before there is one."""
        return self._finalized

    # The port.

    def answer(self, method: str, params: Sequence[Any]) -> Any:
        """Answer one question."""
        with self._lock:
            self.asked.append(method)
            error = self.faults(method, params) if self.faults else None
            if error is not None:
                raise error
            answer: Callable[..., Any] | None = getattr(self, "_" + method, None)
            if answer is None:
                raise RpcError(method, -32601, "the method does not exist")
            result = answer(*params)
            if self.tamper:
                result = self.tamper(method, params, result)
        return result

    # Answers, named as the methods are.

    def _eth_chainId(self) -> str:  # noqa: N802
        return hex(self.id)

    def _eth_getBlockByNumber(self, at: str, _full: bool) -> dict[str, Any] | None:  # noqa: N802
        number = self._number(at)
        return self._header(self.blocks[number]) if 0 <= number < len(self.blocks) else None

    def _eth_getBlockByHash(self, block_hash: Hash32, _full: bool) -> dict[str, Any] | None:  # noqa: N802
        found = self._known.get(block_hash)
        return self._header(found) if found else None

    def _eth_getLogs(self, where: dict[str, str]) -> list[dict[str, Any]]:  # noqa: N802
        if "blockHash" in where:
            found = self._known.get(Hash32(where["blockHash"]))
            if found is None:
                raise RpcError("eth_getLogs", -32000, "unknown block")
            return self._logs(found)
        first, last = int(where["fromBlock"], 16), int(where["toBlock"], 16)
        if last >= len(self.blocks):
            raise RpcError("eth_getLogs", -32000, "block range extends beyond current head block")
        if self.range_limit is not None and last - first >= self.range_limit:
            raise RpcError("eth_getLogs", -32005, self.range_error)
        return [log for each in self.blocks[first : last + 1] for log in self._logs(each)]

    def _eth_getBlockReceipts(self, block_hash: Hash32) -> list[dict[str, Any]] | None:  # noqa: N802
        if not self.offers_receipts:
            raise RpcError("eth_getBlockReceipts", -32601, "the method eth_getBlockReceipts does not exist")
        found = self._known.get(block_hash)
        return told_receipts(found.receipts, self._logs(found)) if found else None

    def _eth_getTransactionCount(self, account: Address, at: str) -> str:  # noqa: N802
        return hex(self._nonce(account, self._number(at)))

    def _eth_getBalance(self, account: Address, _at: str) -> str:  # noqa: N802
        return hex(self.balances.get(account, 10**20))

    def _eth_getCode(self, _account: Address, _at: str) -> str:  # noqa: N802
        return "0x60"

    def _eth_estimateGas(self, tx: dict[str, str]) -> str:  # noqa: N802
        refused = self.reverting.get(bytes.fromhex(tx["data"][2:]))
        if refused is not None:
            raise RpcError("eth_estimateGas", 3, "execution reverted", refused)
        return hex(self.estimate)

    def _eth_feeHistory(self, _blocks: str, _newest: str, _percentiles: list[int]) -> dict[str, Any]:  # noqa: N802
        return {"baseFeePerGas": [hex(self.base_fee)] * 3, "reward": [[hex(10**9)], [hex(2 * 10**9)]]}

    def _eth_getTransactionByHash(self, tx_hash: Hash32) -> dict[str, Any] | None:  # noqa: N802
        known = (*self.pool.values(), *self.mined_txs())
        return next(({"hash": tx.hash} for tx in known if tx.hash == tx_hash), None)

    def _eth_getTransactionReceipt(self, tx_hash: Hash32) -> dict[str, Any] | None:  # noqa: N802
        for each in self.blocks:
            for tx in each.txs:
                if tx.hash == tx_hash:
                    return {
                        "transactionHash": tx.hash,
                        "blockHash": each.block.hash,
                        "blockNumber": hex(each.block.number),
                        "gasUsed": hex(ESTIMATE),
                        "status": "0x0" if tx.data in self.reverting else "0x1",
                    }
        return None

    def _eth_sendRawTransaction(self, raw: str) -> str:  # noqa: N802
        tx = read_tx(bytes.fromhex(raw[2:]))
        waiting = self.pool.get((tx.sender, tx.nonce))
        if waiting is not None and waiting.hash == tx.hash:
            raise RpcError("eth_sendRawTransaction", -32000, "already known")
        if tx.nonce < self._nonce(tx.sender, len(self.blocks) - 1):
            raise RpcError("eth_sendRawTransaction", -32000, "nonce too low")
        if self.balances.get(tx.sender, 10**20) < tx.gas * tx.max_fee + tx.value:
            raise RpcError("eth_sendRawTransaction", -32000, "insufficient funds for gas * price + value")
        if waiting is not None and (tx.max_fee * 10 < waiting.max_fee * 11 or tx.tip * 10 < waiting.tip * 11):
            raise RpcError("eth_sendRawTransaction", -32000, "replacement transaction underpriced")
        self.pool[(tx.sender, tx.nonce)] = tx
        self.sent.append(tx)
        return tx.hash

    # The chain itself.

    def _number(self, at: str) -> int:
        tags = {"latest": len(self.blocks) - 1, "pending": len(self.blocks) - 1, "finalized": self._finalized}
        return tags[at] if at in tags else int(at, 16)

    def _nonce(self, account: Address, at: int) -> int:
        return sum(tx.sender == account for each in self.blocks[: at + 1] for tx in each.txs)

    def _next_block(self, events: tuple[Event, ...], txs: tuple[FakeTx, ...]) -> FakeBlock:
        number = len(self.blocks)
        parent = self.blocks[-1].block if self.blocks else None
        parent_hash = parent.hash if parent else hash32(bytes(32))
        timestamp = parent.timestamp + 12 if parent else 1_700_000_000
        encoded = [encode_event(event) for event in events]
        topics = [topic for each, _ in encoded for topic in each]
        bloom = bloom_of([self.escrow, *topics]) if events else 0
        salt = str(next(self._salt)).encode()
        logs = [{"address": self.escrow.lower(), "topics": each, "data": data} for each, data in encoded]
        tx_hashes = [hash32(keccak(salt + b" %d" % index)) for index in range(len(logs))]
        receipts, root = sealed_receipts((tx, True, [log]) for tx, log in zip(tx_hashes, logs, strict=True))
        header = sealed_header(
            number, parent_hash, timestamp, bloom, base_fee=self.base_fee, salt=salt, receipts_root=root
        )
        if not self.seals:
            header["hash"] = hash32(keccak(header["hash"].encode()))
        return FakeBlock(
            Block(number, Hash32(header["hash"]), parent_hash, timestamp), header, events, txs, tuple(receipts)
        )

    def _append(self, block: FakeBlock) -> Block:
        self.blocks.append(block)
        self._known[block.block.hash] = block
        self._finalized = max(self._finalized, block.block.number - self.finality_depth)
        return block.block

    def _cut(self, depth: int) -> list[FakeBlock]:
        depth = min(depth, len(self.blocks) - 1)
        cut = self.blocks[len(self.blocks) - depth :]
        del self.blocks[len(self.blocks) - depth :]
        return cut

    def _choose(self) -> list[FakeTx]:
        chosen: list[FakeTx] = []
        for tx in sorted(self.pool.values(), key=lambda each: (each.sender, each.nonce)):
            free = self._nonce(tx.sender, len(self.blocks) - 1) + sum(each.sender == tx.sender for each in chosen)
            if tx.nonce == free and tx.max_fee >= self.base_fee:
                chosen.append(tx)
        for key in [key for key in self.pool if key[1] < self._nonce(key[0], len(self.blocks) - 1)]:
            del self.pool[key]
        for tx in chosen:
            self.pool.pop((tx.sender, tx.nonce))
        return chosen

    def _header(self, each: FakeBlock) -> dict[str, Any]:
        return dict(each.header)

    def _logs(self, each: FakeBlock) -> list[dict[str, Any]]:
        return [
            {
                "address": self.escrow.lower(),
                "topics": topics,
                "data": data,
                "blockNumber": hex(each.block.number),
                "blockHash": each.block.hash,
                "transactionHash": each.receipts[index]["transactionHash"],
                "logIndex": hex(index),
                "removed": False,
            }
            for index, (topics, data) in enumerate(map(encode_event, each.events))
        ]


def read_tx(raw: bytes) -> FakeTx:
    """Read a signed type-2 tx."""
    fields = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
    sender = Account.recover_transaction(raw)
    return FakeTx(
        hash=hash32(keccak(raw)),
        sender=checksum_address(sender.lower()),
        nonce=int(fields["nonce"]),
        to="0x" + bytes(fields["to"]).hex(),
        data=bytes(fields["data"]),
        gas=int(fields["gas"]),
        value=int(fields["value"]),
        max_fee=int(fields["maxFeePerGas"]),
        tip=int(fields["maxPriorityFeePerGas"]),
    )
