"""The chain as a node: takes txs in, decides when blocks happen, takes blocks back, and says what is final."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

import msgspec
from eth.abc import BlockHeaderAPI, SignedTransactionAPI, StateAPI
from eth_typing import Address

from earnest.localnet.clock import BlockClock
from earnest.localnet.errors import INVALID_PARAMS, RpcError
from earnest.localnet.facts import CHAIN_ID
from earnest.localnet.keyvalue import SqliteKeyValue
from earnest.localnet.ledger import Built, Ledger
from earnest.localnet.pool import Account, Pool, check_tx
from earnest.localnet.wire import base_fee_of

SAFE_DEPTH_BLOCKS = 2
FINAL_DEPTH_BLOCKS = 4
"""How deep `safe` and `finalized` lie: small, so that a developer sees finality within seconds."""

_LOG = logging.getLogger(__name__)

_RETRY_SECONDS = 1.0
_CLOCK_KEY = b"earnest:clock"
_FINALIZED_KEY = b"earnest:finalized"


class Mining(StrEnum):
    """When a block is mined without being asked for."""

    AUTO = "auto"
    """At once, one block for each tx."""
    INTERVAL = "interval"
    """At a fixed pace, with all that waits."""
    NONE = "none"
    """Never."""


@dataclass(frozen=True)
class _Snapshot:
    head_hash: bytes
    clock: BlockClock
    finalized: int


class Node:
    """One chain file and the txs that wait for it. It belongs to the thread that made it."""

    def __init__(
        self, path: Path | None, settle_seconds: float | None = 1.0, wall_time: Callable[[], float] = time.time
    ) -> None:
        self._db = SqliteKeyValue(path)
        self._wall_time = wall_time
        self._settle_seconds = settle_seconds
        self.ledger = Ledger(self._db, self.wall_seconds)
        self.pool = Pool()
        self.mining = Mining.AUTO
        self.clock = self._load_clock()
        self._finalized = int.from_bytes(self._load(_FINALIZED_KEY, b""), "big")
        self._snapshots: list[_Snapshot] = []
        self._interval_seconds = 0.0
        self._settle_until = self._last_tx_block() + FINAL_DEPTH_BLOCKS
        self._due = time.monotonic()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    # Facts

    def wall_seconds(self) -> int:
        """Return wall time in whole Unix seconds."""
        return int(self._wall_time())

    @property
    def head(self) -> BlockHeaderAPI:
        """The newest header."""
        return self.ledger.head

    @property
    def finalized_number(self) -> int:
        """The number of the newest final block; it never goes back, not even when blocks are taken back."""
        return max(self._finalized, self.head.block_number - FINAL_DEPTH_BLOCKS)

    @property
    def safe_number(self) -> int:
        """The number of the newest safe block."""
        return max(self.finalized_number, self.head.block_number - SAFE_DEPTH_BLOCKS)

    def next_block_time(self) -> int:
        """Return the time that a block mined now would have."""
        return self.clock.block_time(self.head.timestamp, self.wall_seconds())

    def pending_header(self) -> BlockHeaderAPI:
        """Return the header that a block mined now would begin from."""
        return self.ledger.next_header(self.next_block_time())

    def account(self, address: Address) -> Account:
        """Return an account's nonce and balance in the newest block."""
        state = self.ledger.facts_at(self.head)
        return Account(state.get_nonce(address), state.get_balance(address))

    # Txs

    def submit(self, tx: SignedTransactionAPI) -> bytes:
        """Take a decoded tx in, mine it at once if that is the way, and return its hash. Raises `RpcError`."""
        check_tx(tx, self.account(tx.sender), CHAIN_ID, self.head.gas_limit)
        self.pool.add(tx)
        if self.mining is Mining.AUTO:
            while ready := self._ready():
                self._mine_block(ready[:1])
        return tx.hash

    # Blocks

    def mine(self, count: int = 1, step_seconds: int | None = None) -> None:
        """Mine `count` blocks with what waits, each `step_seconds` later than by the clock alone."""
        for _ in range(count):
            if step_seconds:
                self.move_clock(step_seconds)
            self._mine_block(self._ready())

    def change_state(self, change: Callable[[StateAPI], None]) -> None:
        """Write to the state as no tx could, in a block of its own (a state root needs a block to stand in)."""
        self._mine_block([], change)

    def move_clock(self, seconds: int) -> None:
        """Move the time of the blocks to come by `seconds`."""
        with self._changing():
            self.clock = self.clock.moved(seconds, self.head.timestamp, self.wall_seconds())

    def set_next_timestamp(self, timestamp: int) -> None:
        """Give the next block an exact time. Raises `RpcError` unless it is later than the head's."""
        if timestamp <= self.head.timestamp:
            message = f"timestamp {timestamp} is not later than that of the newest block, {self.head.timestamp}"
            raise RpcError(INVALID_PARAMS, message)
        with self._changing():
            self.clock = self.clock.set_next(timestamp)

    def set_mining(self, mining: Mining, interval_seconds: float = 0.0) -> None:
        """Choose when blocks are mined without being asked for."""
        self.mining = mining
        self._interval_seconds = interval_seconds
        self._due = time.monotonic() + interval_seconds

    # Taking back

    def rollback(self, depth: int, force: bool = False) -> None:
        """Drop the newest `depth` blocks; their txs are gone, as on anvil. Raises `RpcError` past a final block."""
        ancestor = self._ancestor(depth, force)
        with self._changing():
            self.ledger.set_head(ancestor)
            self._finalized = min(self._finalized, ancestor.block_number)
        self._caused()

    def reorg(self, depth: int, txs_at: Mapping[int, Sequence[SignedTransactionAPI]], force: bool = False) -> None:
        """Replace the newest `depth` blocks by as many others, with `txs_at[offset]` in the new block at `offset`.

        The new blocks keep the times of the old ones; their hashes differ. Txs of the dropped blocks are gone
        unless given. Raises `RpcError`, and changes nothing, if a given tx is not valid where it is put.
        """
        ancestor = self._ancestor(depth, force)
        first = ancestor.block_number + 1
        times = [header.timestamp for n in range(first, first + depth) if (header := self.ledger.header_at(n))]
        with self._changing():
            self.ledger.set_head(ancestor)
            self._finalized = min(self._finalized, ancestor.block_number)
            for offset, timestamp in enumerate(times):
                built = self.ledger.add_block(txs_at.get(offset, ()), timestamp)
                for tx, why in built.refused:
                    message = f"tx 0x{tx.hash.hex()} is not valid in the new block at offset {offset}: {why}"
                    raise RpcError(INVALID_PARAMS, message)
        self._forget_mined(tx for txs in txs_at.values() for tx in txs)
        self._caused()

    def snapshot(self) -> int:
        """Remember the head and the clock; returns the snapshot's number. Snapshots end with the process."""
        self._snapshots.append(_Snapshot(self.head.hash, self.clock, self._finalized))
        return len(self._snapshots) - 1

    def revert(self, number: int) -> bool:
        """Go back to a snapshot, which is used up with all later ones. False if there is none of that number."""
        if not 0 <= number < len(self._snapshots):
            return False
        snapshot = self._snapshots[number]
        del self._snapshots[number:]
        with self._changing():
            self.ledger.set_head(self.ledger.known_header(snapshot.head_hash))
            self.clock = snapshot.clock
            self._finalized = snapshot.finalized
        self.pool.clear()
        self._settle_until = self._last_tx_block() + FINAL_DEPTH_BLOCKS
        return True

    # The heartbeat

    def seconds_until_tick(self) -> float | None:
        """Return after how many seconds `tick` has something to do, None if nothing is coming up."""
        if self._wants_block():
            return max(0.0, self._due - time.monotonic())
        return None

    def tick(self) -> None:
        """Mine the block that is due, if one is: by the interval, or to bring what happened to finality."""
        if self._wants_block() and time.monotonic() >= self._due:
            settle_until = self._settle_until
            try:
                ready = self._ready()
                self._mine_block(ready)
            except Exception:
                # A full disk, say: whoever sends a tx is told; the heartbeat tries again at the next beat.
                _LOG.exception("could not mine the block that was due")
                self._due = time.monotonic() + _RETRY_SECONDS
                return
            if not ready:
                self._settle_until = settle_until

    def _wants_block(self) -> bool:
        if self.mining is Mining.INTERVAL:
            return True
        settles = self.mining is Mining.AUTO and self._settle_seconds is not None
        return settles and self.head.block_number < self._settle_until

    def _caused(self) -> None:
        self._settle_until = self.head.block_number + FINAL_DEPTH_BLOCKS
        pace = self._interval_seconds if self.mining is Mining.INTERVAL else self._settle_seconds or 0.0
        self._due = time.monotonic() + pace

    # Within

    def _mine_block(
        self, txs: Sequence[SignedTransactionAPI], change: Callable[[StateAPI], None] | None = None
    ) -> Built:
        wall = self.wall_seconds()
        with self._changing():
            built = self.ledger.add_block(txs, self.clock.block_time(self.head.timestamp, wall), change)
            self.clock = self.clock.after_block(wall)
            self._finalized = self.finalized_number
        self._forget_mined(built.block.txs)
        self._forget_hopeless(built)
        self._caused()
        return built

    def _ready(self) -> list[SignedTransactionAPI]:
        if not len(self.pool):
            return []
        state = self.ledger.facts_at(self.head)
        base_fee = base_fee_of(self.ledger.next_header(self.head.timestamp + 1))
        return self.pool.ready(state.get_nonce, base_fee)

    def _forget_mined(self, txs: Iterator[SignedTransactionAPI] | Sequence[SignedTransactionAPI]) -> None:
        for tx in txs:
            self.pool.forget_below(tx.sender, tx.nonce + 1)

    def _forget_hopeless(self, built: Built) -> None:
        """Forget refused txs that cannot be mined later either; those that found no room wait on."""
        for tx, _ in built.refused:
            try:
                check_tx(tx, self.account(tx.sender), CHAIN_ID, self.head.gas_limit)
            except RpcError:
                self.pool.remove(tx)
        if built.refused and not built.block.txs:
            # It was alone in the block, so it is not room that it lacked, whatever it was.
            self.pool.remove(built.refused[0][0])

    def _ancestor(self, depth: int, force: bool) -> BlockHeaderAPI:
        height = self.head.block_number
        if depth > height:
            message = f"depth must not exceed the chain's height: height {height}, depth {depth}"
            raise RpcError(INVALID_PARAMS, message)
        if height - depth < self.finalized_number and not force:
            message = (
                f"block {self.finalized_number} is final: at most {height - self.finalized_number} blocks can be "
                f"taken back from height {height}, not {depth} (a third parameter of true forces it)"
            )
            raise RpcError(INVALID_PARAMS, message)
        ancestor = self.ledger.header_at(height - depth)
        assert ancestor is not None, "a number between genesis and head has a header"
        return ancestor

    def _last_tx_block(self) -> int:
        """Return the number of the newest of the last few blocks that has txs; older ones are final anyway."""
        for number in range(self.head.block_number, max(0, self.head.block_number - FINAL_DEPTH_BLOCKS), -1):
            header = self.ledger.header_at(number)
            if header is not None and header.gas_used:
                return number
        return -FINAL_DEPTH_BLOCKS

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """One database transaction: chain, clock and finality move together, or nothing does."""
        clock, finalized = self.clock, self._finalized
        try:
            with self._db.transaction():
                yield
                self._db.set(_CLOCK_KEY, msgspec.json.encode(asdict(self.clock)))
                self._db.set(_FINALIZED_KEY, self._finalized.to_bytes(8, "big"))
        except BaseException:
            self.clock, self._finalized = clock, finalized
            self.ledger.reload_head()
            raise

    def _load(self, key: bytes, default: bytes) -> bytes:
        return self._db[key] if self._db.exists(key) else default

    def _load_clock(self) -> BlockClock:
        return msgspec.json.decode(self._load(_CLOCK_KEY, b"{}"), type=BlockClock)
