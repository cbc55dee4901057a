"""Proofs for many callers: few at once, each within its time, and what was asked for once is not asked again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future
from typing import Final

from earnest.chain.node import Node
from earnest.chain.proofs.errors import ProofsBusy, ProofTooSlow
from earnest.chain.proofs.make import BlockPart, Budget, Maker, Wanted, assemble
from earnest.payment.primitives import Hash32
from earnest.payment.record import BlockRef

AT_ONCE: Final = 2
"""A block's receipts may be 64 MiB of JSON; two of them at a time are a load that any machine bears."""
TIMEOUT_SECONDS: Final = 20.0
"""Under the 30 s that clients and proxies usually wait."""
CACHE_BYTES: Final = 16 * 1024 * 1024
"""Some 2,000 events' worth: what came out of the blocks, not the blocks."""


class Prover:
    """Makes proofs of one chain's payments; safe to be used by many threads.

    Args:
        node: the chain's node.
        at_once: how many proofs are made side by side; whoever comes on top of that is told to come again.
        timeout_seconds: how long a caller waits at the most, whatever the node does.
        cache_bytes: how much is kept of blocks that were asked for.
    """

    def __init__(
        self,
        node: Node,
        *,
        at_once: int = AT_ONCE,
        timeout_seconds: float = TIMEOUT_SECONDS,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self._node, self._maker = node, Maker(node)
        self._at_once, self._timeout_seconds = at_once, timeout_seconds
        self._places = threading.Semaphore(at_once)
        self._parts = _Parts(cache_bytes)

    def prove(self, wanted: Wanted) -> bytes:
        """Return the proof's document, JSON.

        Raises:
            ProofsBusy: as many are being made as may be.
            ProofTooSlow: it takes longer than a caller should wait; what was done is kept for the next try.
            BlockMissing, StateMoved, NodeUnavailable, RpcError: the node cannot help now.
            UnknownHeaderForm, UnknownReceiptForm, EventNotThere, ProofDisagrees: it tells what does not fit.
        """
        if not self._places.acquire(blocking=False):
            raise ProofsBusy(self._at_once)
        made: Future[bytes] = Future()
        # The place is given back when the node has answered, not when the caller has gone: a node that hangs is asked
        # by so many threads and no more. They are daemons, so that none of them holds up the end of the process.
        threading.Thread(target=self._make, args=(wanted, made), name="earnest-proof", daemon=True).start()
        try:
            return made.result(self._timeout_seconds)
        except TimeoutError:
            raise ProofTooSlow(self._timeout_seconds) from None

    def _make(self, wanted: Wanted, made: Future[bytes]) -> None:
        try:
            content = self._made(wanted)
        except BaseException as error:
            self._places.release()
            made.set_exception(error)
        else:
            self._places.release()
            made.set_result(content)

    def _made(self, wanted: Wanted) -> bytes:
        budget = Budget(self._timeout_seconds)
        blocks = list(dict.fromkeys(block for block, _ in wanted.events))
        with self._node.turn():  # a block's header and its receipts of two nodes may not fit one another
            parts = [self._part(wanted, each, budget) for each in blocks]
            budget.check()
            state = self._maker.state(wanted)
        return assemble(wanted, parts, state)

    def _part(self, wanted: Wanted, block: BlockRef, budget: Budget) -> BlockPart:
        key = (wanted.payment_id, block.hash)
        part = self._parts.get(key)
        if part is None:
            budget.check()
            part = self._maker.block(wanted, block, budget)
            self._parts.put(key, part)
        return part


class _Parts:
    """The newest parts that fit into so many bytes."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes, self._size_bytes = limit_bytes, 0
        self._parts: OrderedDict[tuple[Hash32, Hash32], BlockPart] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[Hash32, Hash32]) -> BlockPart | None:
        with self._lock:
            if key in self._parts:
                self._parts.move_to_end(key)
            return self._parts.get(key)

    def put(self, key: tuple[Hash32, Hash32], part: BlockPart) -> None:
        with self._lock:
            former = self._parts.pop(key, None)
            self._size_bytes += part.size_bytes - (former.size_bytes if former else 0)
            self._parts[key] = part
            while self._size_bytes > self._limit_bytes:
                _, oldest = self._parts.popitem(last=False)
                self._size_bytes -= oldest.size_bytes
