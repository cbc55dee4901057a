"""New heads by WebSocket (`eth_subscribe`), with polling beside it: subscriptions go silent in the wild.

A thread of its own listens and wakes the follower. What it is told is never believed, and whatever it is told, or is
not, the follower asks the node as ever, at the usual pace where the subscription does not do.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from threading import Condition, Event, Thread
from typing import Final

from earnest.chain.backoff import backoff_seconds
from earnest.chain.errors import SubscriptionLost, SubscriptionRefused
from earnest.chain.heads import HeadsBy, HeadsReport
from earnest.chain.listener import Connect, Listener
from earnest.chain.pace import Pace, Told
from earnest.chain.updates import Block
from earnest.chain.websocket import connect
from earnest.chain.words import public_words
from earnest.payment.errors import EarnestError
from earnest.payment.primitives import Hash32

log = logging.getLogger(__name__)

STOP_SECONDS: Final = 0.25
"""How long it takes to notice that the end has come."""
STEADY_SECONDS: Final = 60.0
"""A connection that held for so long was a good one: the next one is made at once."""
REFUSED_SECONDS: Final = 300.0
"""A node that offers no subscriptions is asked for them again after this: it may have been set up anew."""
MISSED_BLOCKS: Final = 3
"""A subscription that let so many blocks pass without a word is made anew."""


class Subscription:
    """Fills the port `earnest.chain.heads.Heads` with what nodes tell by themselves.

    Args:
        urls: ws or wss, the preferred one first; may hold secrets. The next one is taken when one fails.
        chain_id: the chain that they must be on.
        connect: opens a connection.
        clock: seconds of a clock that only goes forward.

    Raises:
        BadNodeUrl: one of the URLs cannot be used.
    """

    def __init__(
        self,
        urls: Sequence[str],
        *,
        chain_id: int,
        connect: Connect = connect,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._listeners = [Listener(url, chain_id, connect) for url in urls]
        self._chain_id, self._clock = chain_id, clock
        self._term: _Term | None = None

    def wait(self, seconds: float, stop: Event, newest: Block | None = None) -> None:
        """Wait until a head is told that was not seen yet, but never longer than the pace allows.

        With the first call a thread begins to listen; it ends when `stop` is set.
        """
        if self._term is None or self._term.stop is not stop:
            self._term = _Term(self._listeners, self._chain_id, stop, self._clock)
        self._term.wait(seconds, newest)

    def hint(self) -> Hash32 | None:
        """Return the hash that was told last, unless the node has shown that block already."""
        term = self._term
        return term.hint() if term is not None else None

    def report(self) -> HeadsReport:
        """Return how new blocks are noticed now."""
        term = self._term
        return term.report if term is not None else HeadsReport(HeadsBy.POLLING, "not subscribed yet")


class _Term:
    """Listening from one start of the follower to its end, in a thread that ends with it."""

    def __init__(self, listeners: Sequence[Listener], chain_id: int, stop: Event, clock: Callable[[], float]) -> None:
        self.stop = stop
        self.report = HeadsReport(HeadsBy.POLLING, "not subscribed yet")
        self._listeners, self._chain_id, self._clock = listeners, chain_id, clock
        self._changed = Condition()
        self._pace: Pace | None = None
        self._name, self._trouble = "", "not subscribed yet"
        self._told_of: dict[str, str] = {}
        """By node, why it tells nothing, as the log has it already."""
        Thread(target=self._run, name="heads", daemon=True).start()

    def wait(self, seconds: float, newest: Block | None) -> None:
        with self._changed:
            if self._pace is not None:
                self._pace.show(newest)
            until = self._clock() + self._seconds(seconds)
            while not (self.stop.is_set() or self._is_news()):
                left = until - self._clock()
                if left <= 0:
                    break
                self._changed.wait(min(left, STOP_SECONDS))
            if self._pace is not None:
                self._pace.look()

    def hint(self) -> Hash32 | None:
        with self._changed:
            return self._pace.hint if self._pace is not None else None

    def _is_news(self) -> bool:
        return self._pace is not None and self._pace.is_news

    def _seconds(self, usual: float) -> float:
        """Return how long to wait at most, and note by what."""
        pace, now = self._pace, self._clock()
        doubt = pace.doubt(usual, now) if pace is not None else None
        why = f"the node at {self._name} {doubt}" if doubt is not None else None if pace is not None else self._trouble
        self.report = HeadsReport(HeadsBy.SUBSCRIPTION if why is None else HeadsBy.POLLING, why)
        return pace.seconds(usual, now) if pace is not None else usual

    def _run(self) -> None:
        failures, refused = 0, 0
        while not self.stop.is_set():
            for listener in self._listeners:
                began = self._clock()
                refused = refused + 1 if self._listen(listener) else 0
                failures = 1 if self._clock() - began > STEADY_SECONDS else failures + 1
                self.stop.wait(backoff_seconds(failures))
                if self.stop.is_set():
                    return
            if refused >= len(self._listeners):
                self.stop.wait(REFUSED_SECONDS)
                failures = refused = 0

    def _listen(self, listener: Listener) -> bool:
        """Listen to one node for as long as it does; return whether it offers no subscriptions."""
        refused = False
        try:
            with closing(listener.heads(self.stop, STOP_SECONDS)) as heads:
                for head in heads:
                    self._hear(listener, head)
        except EarnestError as error:
            refused = isinstance(error, SubscriptionRefused)
            self._lose(listener, public_words(error), is_refusal=refused)
        except Exception as error:
            log.exception("listening to %s failed by a fault of ours", listener.name)
            self._lose(listener, f"a fault of ours ({type(error).__name__}): see the log")
        return refused

    def _hear(self, listener: Listener, head: Told | None) -> None:
        with self._changed:
            if self._pace is None:
                self._pace, self._name = Pace(self._clock()), listener.name
                self._told_of.pop(listener.name, None)
                log.info("subscribed to the heads of chain %d at %s", self._chain_id, listener.name)
            if head is not None:
                self._pace.tell(head, self._clock())
                self._changed.notify_all()
            elif self._pace.missed >= MISSED_BLOCKS:
                raise SubscriptionLost(listener.name, f"told nothing of the last {self._pace.missed} blocks")

    def _lose(self, listener: Listener, why: str, *, is_refusal: bool = False) -> None:
        with self._changed:
            self._pace, self._trouble = None, why
            self._changed.notify_all()
        # Each node's reason once, until it changes: an endless attempt fills no log.
        if why != self._told_of.get(listener.name) and not self.stop.is_set():
            level = logging.INFO if is_refusal else logging.WARNING  # that a node offers none is no trouble
            log.log(level, "the heads of chain %d are polled: %s", self._chain_id, why)
            self._told_of[listener.name] = why
