"""A chain in memory that runs the compiled contracts and reorganises: a node at the port, without sockets.

Blocks hold txs that the EVM really carries out, so every log is the contract's own. A reorg takes the EVM's state back
to where it was and mines otherwise. Only the operator signs his txs; everybody else's are taken at their word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from earnest.chain.bloom import bloom_of
from earnest.chain.errors import RpcError
from earnest.chain.updates import Block
from earnest.payment.primitives import ZERO_HASH, Address, Hash32, checksum_address, hash32, keccak
from earnest.testing.fake_node import read_tx
from earnest.testing.one_by_one import OneByOneNode
from earnest.testing.sealed_headers import sealed_header
from earnest.testing.sealed_receipts import sealed_receipts, told_receipts
from tests.support.evm import Outcome, Signer
from tests.support.evm_revm import RevmChain

BLOCK_SECONDS = 12
GAS = 1_500_000
FEE = 10**9
PLENTY = 10**24
NOBODY = checksum_address("0x" + "0" * 38 + "0b")


@dataclass(frozen=True)
class ChainTx:
    """A tx as the chain carries it out. `nonce` and `max_fee` are those of a signed one, None and 0 of all others."""

    hash: Hash32
    sender: Address
    to: Address
    data: bytes
    value: int = 0
    nonce: int | None = None
    max_fee: int = 0


@dataclass(frozen=True)
class MinedBlock:
    """A block, its header as it is told, its txs with what became of each, all logs, and the way back to the state
    before it."""

    block: Block
    header: dict[str, str]
    txs: tuple[ChainTx, ...]
    outcomes: tuple[Outcome, ...]
    logs: tuple[dict[str, Any], ...]
    before: object
    receipts: tuple[dict[str, Any], ...] = ()


@dataclass
class ContractChain(OneByOneNode):
    """A chain whose blocks come when they are ordered.

    Args:
        evm: holds the contracts already.
        finality_depth: how many blocks on top make one final; the final number never falls.
    """

    evm: RevmChain
    finality_depth: int
    endpoint: str = "memory"
    blocks: list[MinedBlock] = field(default_factory=list)
    pool: dict[tuple[Address, int], ChainTx] = field(default_factory=dict)
    """Signed txs that wait."""
    finalized: int = -1
    asked: int = 0
    undoable: bool = True
    """Whether the blocks that come can be dropped again; the EVM bears a thousand of those."""

    def __post_init__(self) -> None:
        self._salt, self._known = count(1), dict[Hash32, MinedBlock]()
        self.mine(())

    # What a story does to the chain.

    def tx(self, sender: Signer, to: Address, data: bytes, value: int = 0) -> ChainTx:
        """Return a tx of anyone's, not mined yet."""
        return ChainTx(hash32(keccak(b"tx %d" % next(self._salt))), sender.address, to, data, value)

    def mine(self, txs: Sequence[ChainTx], seconds: int = BLOCK_SECONDS) -> Block:
        """Mine these txs, in this order; one that fails stays in the block and does nothing."""
        parent = self.blocks[-1].block if self.blocks else None
        number, timestamp = len(self.blocks), (parent.timestamp + seconds if parent else self.evm.time)
        before = self.evm.snapshot() if self.undoable else None
        outcomes = [self._carry_out(each, timestamp) for each in txs]
        salt = f"{number} {parent.hash if parent else ''} {next(self._salt)}".encode()
        parent_hash = parent.hash if parent else ZERO_HASH
        written = [log for outcome in outcomes for log in outcome.logs]
        topics = [hash32(topic) for log in written for topic in log.topics]
        bloom = bloom_of([*(log.address for log in written), *topics])
        receipts, root = sealed_receipts(
            (tx.hash, outcome.succeeded, [_sealed(log) for log in outcome.logs])
            for tx, outcome in zip(txs, outcomes, strict=True)
        )
        header = sealed_header(
            number, parent_hash, timestamp, bloom, base_fee=FEE, salt=keccak(salt), receipts_root=root
        )
        block = Block(number, Hash32(header["hash"]), parent_hash, timestamp)
        logs = _logs_of(block, txs, outcomes)
        mined = MinedBlock(block, header, tuple(txs), tuple(outcomes), logs, before, tuple(receipts))
        self.blocks.append(mined)
        self._known[block.hash] = mined
        self.finalized = max(self.finalized, number - self.finality_depth)
        return block

    def drop(self, depth: int) -> list[MinedBlock]:
        """Take the newest blocks away, newest first; the state is what it was before them."""
        dropped = [self.blocks.pop() for _ in range(depth)]
        if dropped:
            self.evm.revert(dropped[-1].before)  # type: ignore[arg-type]
        return dropped

    @property
    def head(self) -> Block:
        return self.blocks[-1].block

    @property
    def room(self) -> int:
        """How many blocks a reorg can drop at most."""
        return len(self.blocks) - 1 - max(self.finalized, 0)

    def next_nonce(self, sender: Address) -> int:
        return self._nonce(sender, len(self.blocks) - 1)

    def ready(self) -> list[ChainTx]:
        """Return the signed txs that the next block could take, in the order of their nonces."""
        found: list[ChainTx] = []
        for tx in sorted(self.pool.values(), key=lambda each: each.nonce or 0):
            if tx.nonce == self.next_nonce(tx.sender) + len(found):
                found.append(tx)
        return found

    def view(self, to: Address, data: str) -> bytes:
        """Ask a contract at the head."""
        self.evm.time = self.head.timestamp
        outcome = self.evm.call(NOBODY, to, bytes.fromhex(data[2:]))
        assert outcome.succeeded, outcome
        return outcome.output

    def logs(self) -> Iterator[dict[str, Any]]:
        return (log for each in self.blocks for log in each.logs)

    def txs_of(self, sender: Address) -> list[tuple[Hash32, int, bool]]:
        return [
            (tx.hash, tx.nonce, outcome.succeeded)
            for each in self.blocks
            for tx, outcome in zip(each.txs, each.outcomes, strict=True)
            if tx.nonce is not None and tx.sender == sender
        ]

    # The port.

    def answer(self, method: str, params: Sequence[Any]) -> Any:
        self.asked += 1
        found: Callable[..., Any] | None = getattr(self, "_" + method, None)
        if found is None:
            raise RpcError(method, -32601, "the method does not exist")
        return found(*params)

    def _eth_chainId(self) -> str:  # noqa: N802
        return hex(self.evm.chain_id)

    def _eth_blockNumber(self) -> str:  # noqa: N802
        return hex(self.head.number)

    def _eth_getBlockByNumber(self, at: str, _full: bool) -> dict[str, Any] | None:  # noqa: N802
        number = self._number(at)
        return self.blocks[number].header if 0 <= number < len(self.blocks) else None

    def _eth_getBlockByHash(self, block_hash: Hash32, _full: bool) -> dict[str, Any] | None:  # noqa: N802
        found = self._known.get(block_hash)
        return found.header if found else None

    def _eth_getLogs(self, where: dict[str, Any]) -> list[dict[str, Any]]:  # noqa: N802
        if "blockHash" in where:
            found = self._known.get(Hash32(where["blockHash"]))
            if found is None:
                raise RpcError("eth_getLogs", -32000, "unknown block")
            blocks = [found]
        else:
            first, last = self._number(where["fromBlock"]), self._number(where["toBlock"])
            if last >= len(self.blocks):
                raise RpcError("eth_getLogs", -32000, "block range extends beyond current head block")
            blocks = self.blocks[first : last + 1]
        address, topics = where.get("address"), where.get("topics")
        return [log for each in blocks for log in each.logs if _fits(log, address, topics)]

    def _eth_getBlockReceipts(self, block_hash: Hash32) -> list[dict[str, Any]] | None:  # noqa: N802
        found = self._known.get(block_hash)
        return told_receipts(found.receipts, found.logs) if found else None

    def _eth_getTransactionCount(self, account: Address, at: str) -> str:  # noqa: N802
        return hex(self._nonce(account, self._number(at)))

    def _eth_getBalance(self, account: Address, at: Any) -> str:  # noqa: N802
        self._insist_on_head(at)
        return hex(self.evm.coin_of(account) or PLENTY)

    def _eth_getCode(self, _account: Address, _at: str) -> str:  # noqa: N802
        return "0x60"

    def _eth_call(self, tx: dict[str, Any], at: Any = "latest") -> str:
        self._insist_on_head(at)
        return "0x" + self.view(tx["to"], tx.get("data") or tx["input"]).hex()

    def _eth_estimateGas(self, tx: dict[str, str]) -> str:  # noqa: N802
        self.evm.time = self.head.timestamp
        outcome = self.evm.call(
            checksum_address(tx["from"].lower()), checksum_address(tx["to"].lower()), bytes.fromhex(tx["data"][2:])
        )
        if not outcome.succeeded:
            raise RpcError("eth_estimateGas", 3, "execution reverted", "0x" + outcome.output.hex())
        return hex(GAS)

    def _eth_feeHistory(self, _blocks: str, _newest: str, _percentiles: list[int]) -> dict[str, Any]:  # noqa: N802
        return {"baseFeePerGas": [hex(FEE)] * 3, "reward": [[hex(FEE)], [hex(FEE)]]}

    def _eth_getTransactionByHash(self, tx_hash: Hash32) -> dict[str, Any] | None:  # noqa: N802
        known = [*self.pool.values(), *(tx for each in self.blocks for tx in each.txs)]
        return next(({"hash": tx.hash} for tx in known if tx.hash == tx_hash), None)

    def _eth_getTransactionReceipt(self, tx_hash: Hash32) -> dict[str, Any] | None:  # noqa: N802
        for each in self.blocks:
            for tx, outcome in zip(each.txs, each.outcomes, strict=True):
                if tx.hash == tx_hash:
                    return {
                        "transactionHash": tx.hash,
                        "blockHash": each.block.hash,
                        "blockNumber": hex(each.block.number),
                        "gasUsed": hex(GAS // 2),
                        "status": hex(outcome.succeeded),
                    }
        return None

    def _eth_sendRawTransaction(self, raw: str) -> str:  # noqa: N802
        told = read_tx(bytes.fromhex(raw[2:]))
        tx = ChainTx(told.hash, told.sender, checksum_address(told.to), told.data, told.value, told.nonce, told.max_fee)
        waiting = self.pool.get((tx.sender, told.nonce))
        if waiting is not None and waiting.hash == tx.hash:
            raise RpcError("eth_sendRawTransaction", -32000, "already known")
        if told.nonce < self.next_nonce(tx.sender):
            raise RpcError("eth_sendRawTransaction", -32000, "nonce too low")
        if waiting is not None and tx.max_fee * 10 < waiting.max_fee * 11:
            raise RpcError("eth_sendRawTransaction", -32000, "replacement transaction underpriced")
        self.pool[tx.sender, told.nonce] = tx
        return tx.hash

    # The chain itself.

    def _carry_out(self, tx: ChainTx, timestamp: int) -> Outcome:
        self.evm.time = timestamp
        if tx.nonce is not None:
            self.pool.pop((tx.sender, tx.nonce), None)
        return self.evm.transact(_Named(tx.sender), tx.to, tx.data, tx.value, GAS)  # type: ignore[arg-type]

    def _insist_on_head(self, at: Any) -> None:
        """The EVM has one state only; of any other block this node says what one without an archive says."""
        known = self._known.get(at["blockHash"]) if isinstance(at, dict) else None
        number = known.block.number if known else -1 if isinstance(at, dict) else self._number(at)
        if number != self.head.number and at not in ("latest", "pending"):
            raise RpcError("eth_call", -32000, "missing trie node")

    def _number(self, at: str) -> int:
        head = len(self.blocks) - 1
        tags = {"latest": head, "pending": head, "finalized": self.finalized, "safe": self.finalized, "earliest": 0}
        return tags[at] if at in tags else int(at, 16)

    def _nonce(self, account: Address, at: int) -> int:
        return sum(tx.nonce is not None and tx.sender == account for each in self.blocks[: at + 1] for tx in each.txs)


@dataclass(frozen=True)
class _Named:
    """Whoever sends, as far as an EVM without signatures asks."""

    address: Address


def _logs_of(block: Block, txs: Sequence[ChainTx], outcomes: Sequence[Outcome]) -> tuple[dict[str, Any], ...]:
    told = [(tx, log) for tx, outcome in zip(txs, outcomes, strict=True) for log in outcome.logs]
    return tuple(
        {
            **_sealed(log),
            "blockNumber": hex(block.number),
            "blockHash": block.hash,
            "transactionHash": tx.hash,
            "logIndex": hex(index),
            "removed": False,
        }
        for index, (tx, log) in enumerate(told)
    )


def _sealed(log: Any) -> dict[str, Any]:
    """Return what of a log is hashed."""
    return {
        "address": log.address.lower(),
        "topics": ["0x" + topic.hex() for topic in log.topics],
        "data": "0x" + log.data.hex(),
    }


def _fits(log: dict[str, Any], address: Any, topics: Any) -> bool:
    addresses = [address] if isinstance(address, str) else address or []
    if addresses and log["address"] not in [each.lower() for each in addresses]:
        return False
    first = topics[0] if topics else None
    return first is None or log["topics"][:1] == [first] or (isinstance(first, list) and log["topics"][0] in first)
