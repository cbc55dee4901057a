"""Who listens, and the one thread that looks for news and rings their bells."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Final

import structlog

from earnest.api.errors import StreamsNotRunning, TooManyStreams
from earnest.api.services import Services
from earnest.api.show import PaymentView
from earnest.api.streams.bell import Bell
from earnest.payment.actions import actions, status_at
from earnest.payment.errors import EarnestError
from earnest.payment.primitives import Hash32
from earnest.payment.record import ChainView, Payment, finality_of
from earnest.payment.representation import represent_public
from earnest.store import Transaction

LOOK_SECONDS: Final = 0.2
"""Two small questions to the database each time, and none while nobody listens."""
TROUBLE_SECONDS: Final = 2.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A payment as its buyer may see it, as JSON; `id` names its content."""

    id: str
    body: bytes


@dataclass(eq=False, slots=True)
class Listener:
    """One open stream. `owner` is who is counted for it: a merchant or an address."""

    owner: str
    merchant_id: str | None = None
    payment: tuple[int, Hash32] | None = None
    bell: Bell = field(default_factory=Bell)
    left: bool = False

    @property
    def is_public(self) -> bool:
        """Whether it came without a key."""
        return self.merchant_id is None


class Hub:
    """Knows every open stream of this process, and lets them know when there is something for them.

    `run` is the thread: it asks the store what is new, for all of them together. What is new for a merchant each
    stream then reads for itself, from its own position on; what a buyer sees is shown once for all who look at it.
    """

    def __init__(self, services: Services, look_seconds: float = LOOK_SECONDS) -> None:
        self._services, self._look_seconds = services, look_seconds
        self._lock = Lock()
        self._looking = Lock()
        self._somebody = Event()
        self._listeners: set[Listener] = set()
        self._running = False
        self._position: int | None = None
        self._views: dict[int, ChainView | None] = {}
        self._snapshots: dict[tuple[int, Hash32], Snapshot] = {}
        self._looks: dict[tuple[int, Hash32], tuple[object, ...]] = {}

    def listen(self, listener: Listener, most: int) -> Listener:
        """Let somebody listen, as one of `most` of the same owner.

        Raises:
            TooManyStreams: he has as many open as one may have, or this process has, or it has of those without a key.
            StreamsNotRunning: this process serves no streams, or it is about to end.
        """
        with self._lock:
            if not self._running:
                raise StreamsNotRunning()
            limits = self._services.limits
            if len(self._listeners) >= limits.streams:
                raise TooManyStreams(limits.streams, "this process")
            if listener.is_public and sum(each.is_public for each in self._listeners) >= limits.public_streams:
                raise TooManyStreams(limits.public_streams, "all without a key together")
            if Counter(each.owner for each in self._listeners)[listener.owner] >= most:
                raise TooManyStreams(most, "one caller")
            self._listeners.add(listener)
        self._somebody.set()
        return listener

    def leave(self, listener: Listener) -> None:
        """Let a stream end; twice does no harm."""
        with self._lock:
            self._listeners.discard(listener)
        listener.left = True
        listener.bell.ring()

    @property
    def count(self) -> int:
        """How many streams are open."""
        with self._lock:
            return len(self._listeners)

    def snapshot(self, key: tuple[int, Hash32]) -> Snapshot | None:
        """Return what a payment's buyer may see now, from what the thread saw last or else from the store."""
        with self._looking:
            if key not in self._snapshots:
                with self._services.store.read() as tx:
                    self._show(tx, key[0], [key[1]])
            return self._snapshots.get(key)

    def run(self, stop: Event) -> None:
        """Look for news until told to stop; then every stream ends."""
        with self._lock:
            self._running = True
        try:
            while not stop.is_set():
                self._look_calmly(stop)
                stop.wait(self._look_seconds)
        finally:
            with self._lock:
                self._running = False
                listeners = list(self._listeners)
            for each in listeners:
                self.leave(each)

    def _look_calmly(self, stop: Event) -> None:
        if not self.count:
            # What happens while nobody listens is not looked for: whoever comes reads from his own position on.
            with self._looking:
                self._position, self._views, self._snapshots, self._looks = None, {}, {}, {}
            self._somebody.wait(self._look_seconds)
            self._somebody.clear()
            return
        try:
            self.look()
        except EarnestError as error:
            log.warning("streams wait for the database", code=error.code, error=str(error))
            stop.wait(TROUBLE_SECONDS)

    def look(self) -> None:
        """Look once, and ring for everybody for whom there is something new."""
        with self._lock:
            listeners = list(self._listeners)
        with self._looking:
            watched = {each.payment for each in listeners if each.payment}
            self._snapshots = {key: each for key, each in self._snapshots.items() if key in watched}
            self._looks = {key: each for key, each in self._looks.items() if key in watched}
            with self._services.store.read() as tx:
                told = self._told(tx, {each.merchant_id for each in listeners if each.merchant_id})
                changed = self._changed(tx, watched)
        for each in listeners:
            if each.merchant_id in told or each.payment in changed:
                each.bell.ring()

    def _told(self, tx: Transaction, merchants: set[str]) -> set[str]:
        """Return for whom there are notifications that were not there the last time."""
        if not merchants:
            self._position = None
            return set()
        if self._position is None:
            # Between their own first look and this one something may have come.
            self._position = tx.news.newest()
            return merchants
        since = tx.news.merchants_since(self._position)
        self._position = max(since.values(), default=self._position)
        return merchants & since.keys()

    def _changed(self, tx: Transaction, watched: set[tuple[int, Hash32]]) -> set[tuple[int, Hash32]]:
        """Return the payments that look otherwise than the last time. Without a new block none does."""
        changed: set[tuple[int, Hash32]] = set()
        for chain_id in {chain_id for chain_id, _ in watched}:
            view = tx.blocks.view(chain_id)
            if view != self._views.get(chain_id):
                self._views[chain_id] = view
                changed |= self._show(tx, chain_id, [id_ for chain, id_ in watched if chain == chain_id])
        return changed

    def _show(self, tx: Transaction, chain_id: int, ids: list[Hash32]) -> set[tuple[int, Hash32]]:
        """Take new snapshots; returns whose are not what they were."""
        shown, changed = PaymentView(self._services, tx), set()
        for payment in tx.payments.many(chain_id, ids).values():
            # A new block changes little for most of them, and finding that out costs a tenth of showing them.
            looks = _looks(payment, shown.view(chain_id), shown.safe_depth_blocks(payment))
            if self._looks.get((chain_id, payment.id)) == looks:
                continue
            self._looks[chain_id, payment.id] = looks
            data = represent_public(shown.show(payment))
            body = json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()
            snapshot = Snapshot(hashlib.sha256(body).hexdigest()[:16], body)
            key = (chain_id, payment.id)
            if self._snapshots.get(key) != snapshot:
                self._snapshots[key] = snapshot
                changed.add(key)
        return changed


def _looks(payment: Payment, view: ChainView | None, safe_depth_blocks: int) -> tuple[object, ...]:
    """Return everything that a payment's snapshot is made of: two that are equal look the same."""
    terms, state, now = payment.terms, payment.state, view.head.timestamp if view else 0
    possible = actions(terms, state, now, operator_dismissed=payment.operator_dismissed)
    return payment, finality_of(payment.block, view, safe_depth_blocks), status_at(terms, state, now), possible
