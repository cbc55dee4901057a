"""Which fault befalls which question to a node: a plan with probabilities, seeded, so that it can be played again.

The same plan works at the port of a node (`FaultyNode`) and in a real HTTP server before one (`FaultyProxy`).
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec

from earnest.testing.wild_errors import UNKNOWN_ERRORS, WildError


class FaultKind(StrEnum):
    """What befalls a request, or one question in it."""

    DROP = "drop"
    """The connection is closed without an answer, and nothing is carried out."""
    LOSE = "lose"
    """It is carried out, and then the connection is closed without an answer."""
    DELAY = "delay"
    """It is answered `seconds` late."""
    TRUNCATE = "truncate"
    """The answer breaks off in the middle, under a Content-Length that fits what was sent."""
    GARBAGE = "garbage"
    """A page of HTML with status 200 instead of JSON, as captive portals and load balancers send."""
    RATE_LIMIT = "rate_limit"
    """HTTP 429, with `Retry-After` if `retry_after_seconds` is given."""
    SERVER_ERROR = "server_error"
    """HTTP 502 with a page of HTML."""
    NO_BATCHES = "no_batches"
    """A batch is refused with one error object, as by nodes that do not take any; single questions pass."""

    RPC_ERROR = "rpc_error"
    """The question is answered with one of `errors`; in a batch the other items are answered well."""
    RANGE_LIMIT = "range_limit"
    """`eth_getLogs` over more than `limit` blocks is refused with one of `errors`."""
    RESULT_LIMIT = "result_limit"
    """`eth_getLogs` with more than `limit` logs in its answer is refused with one of `errors`."""
    EMPTY_LOGS = "empty_logs"
    """`eth_getLogs`, or `eth_getBlockReceipts`, answers that there are none."""
    MISSING_LOGS = "missing_logs"
    """`eth_getLogs`, or `eth_getBlockReceipts`, silently leaves some logs out, at least one."""
    DUPLICATE_LOGS = "duplicate_logs"
    """`eth_getLogs`, or `eth_getBlockReceipts`, tells some logs twice."""
    WRONG_CHAIN = "wrong_chain"
    """`eth_chainId` and `net_version` tell another chain."""
    STALE_HEAD = "stale_head"
    """The node answers as it would have `blocks` blocks ago; at a low probability its head goes back and forth."""
    NO_SUCH_BLOCK = "no_such_block"
    """A block is asked for, and the node says that it has none there."""

    HEADS_DROP = "heads_drop"
    """The connection by which new heads are told is closed."""
    HEADS_SILENCE = "heads_silence"
    """A new head is not told, and the connection stays open."""
    HEADS_GARBAGE = "heads_garbage"
    """What is no head, or no JSON, is told."""
    HEADS_OF_A_FORK = "heads_of_a_fork"
    """A head is told that the node itself never shows."""
    HEADS_TWICE = "heads_twice"
    """A head is told twice, and once under an older number."""


WHOLE_REQUEST: Final = frozenset(
    {
        FaultKind.DROP,
        FaultKind.LOSE,
        FaultKind.DELAY,
        FaultKind.TRUNCATE,
        FaultKind.GARBAGE,
        FaultKind.RATE_LIMIT,
        FaultKind.SERVER_ERROR,
        FaultKind.NO_BATCHES,
    }
)
"""These befall a request as a whole, the others each question in it."""

_LOGS: Final = ("eth_getLogs", "eth_getBlockReceipts")
_METHODS: Final = {
    FaultKind.RANGE_LIMIT: ("eth_getLogs",),
    FaultKind.RESULT_LIMIT: ("eth_getLogs",),
    FaultKind.EMPTY_LOGS: _LOGS,
    FaultKind.MISSING_LOGS: _LOGS,
    FaultKind.DUPLICATE_LOGS: _LOGS,
    FaultKind.WRONG_CHAIN: ("eth_chainId", "net_version"),
    **dict.fromkeys((each for each in FaultKind if each.startswith("heads_")), ("eth_subscription",)),
    FaultKind.NO_SUCH_BLOCK: ("eth_getBlockByNumber", "eth_getBlockByHash"),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault and how often it happens.

    Args:
        kind: what happens.
        probability: of each question (or request), 0 to 1.
        methods: the methods that it befalls; none named: all that it can befall.
        seconds: of a delay.
        retry_after_seconds: what a 429 tells; None: nothing.
        errors: of which one is answered.
        limit: the most blocks or logs that are answered well.
        blocks: how far a stale head lies back.
        chain_id: the wrong chain's.
    """

    kind: FaultKind
    probability: float = 1.0
    methods: tuple[str, ...] = ()
    seconds: float = 0.05
    retry_after_seconds: int | None = None
    errors: tuple[WildError, ...] = UNKNOWN_ERRORS
    limit: int = 100
    blocks: int = 5
    chain_id: int = 999

    def befalls(self, method: str) -> bool:
        """Return whether it can befall a question by this method."""
        return method in self.methods if self.methods else method in _METHODS.get(self.kind, (method,))


class FaultPlan:
    """The faults that may happen now, and those that did; safe to use from many threads.

    Whether a fault happens depends on the seed, the question, and how often that very question was asked before: not on
    time, and not on which thread comes first.

    Args:
        faults: what may happen.
        seed: another one gives other moments.
    """

    def __init__(self, faults: Sequence[Fault] = (), *, seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._seed, self._asked = seed, Counter[bytes]()
        self.faults = tuple(faults)
        """What may happen from now on; may be replaced at any time."""
        self.happened: Counter[FaultKind] = Counter()
        """How often each kind did happen."""

    def request(self, methods: Sequence[str], params: object) -> Fault | None:
        """Return the fault that befalls a whole request now, None if it goes well."""
        possible = [
            each
            for each in self.faults
            if each.kind in WHOLE_REQUEST
            and any(each.befalls(method) for method in methods)
            and (each.kind is not FaultKind.NO_BATCHES or len(methods) > 1)
        ]
        struck = self._draw(possible, ("request", methods, params))
        return struck[0] if struck else None

    def question(self, method: str, params: object) -> list[Fault]:
        """Return the faults that befall one question now; several can, as in life."""
        possible = [each for each in self.faults if each.kind not in WHOLE_REQUEST and each.befalls(method)]
        return self._draw(possible, (method, params))

    def may_befall(self, method: str) -> bool:
        """Return whether a fault could befall a question by this method now."""
        return any(each.kind not in WHOLE_REQUEST and each.befalls(method) for each in self.faults)

    def chance(self, *about: object) -> float:
        """Return a number from 0 to 1 (exclusive) that depends on the seed and `about` alone."""
        digest = hashlib.blake2b(msgspec.json.encode((self._seed, about)), digest_size=8).digest()
        return int.from_bytes(digest) / 2**64

    def note(self, fault: Fault) -> None:
        """Count a fault as one that happened."""
        with self._lock:
            self.happened[fault.kind] += 1

    @contextmanager
    def also(self, *faults: Fault) -> Iterator[None]:
        """Let these faults be possible too while the context is open: an outage, say, or a flood of 429s."""
        before, self.faults = self.faults, (*self.faults, *faults)
        try:
            yield
        finally:
            self.faults = before

    def _draw(self, possible: Sequence[Fault], question: object) -> list[Fault]:
        if not possible:
            return []
        key = hashlib.blake2b(msgspec.json.encode(question), digest_size=16).digest()
        with self._lock:
            self._asked[key] += 1
            times = self._asked[key]
        return [
            each
            for each in possible
            if each.probability >= 1 or self.chance(each.kind, key.hex(), times) < each.probability
        ]
