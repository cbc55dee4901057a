"""The loop that takes deliveries from the outbox to the endpoints: claim, close the transaction, post, record.

What ended is recorded in the transaction that claims what comes next, several tries in one where they end within a few
milliseconds: each commit goes to the disk, and on SQLite it is a turn that whoever follows the chain has to wait for.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from threading import Event
from typing import Final, Protocol

import structlog

from earnest.payment.errors import EarnestError, Unavailable
from earnest.store import Store, Transaction
from earnest.store.claims import Tried
from earnest.store.errors import ClaimLost
from earnest.store.presence import Presence
from earnest.store.records import Attempt, Delivery, DeliveryState, Endpoint, Notification
from earnest.webhooks.endpoint_secrets import EndpointSecrets
from earnest.webhooks.envelope import envelope
from earnest.webhooks.retry import Answer, Dead, Delivered, Fate, Gone, RetryAt, plan
from earnest.webhooks.secretbox import SecretBox
from earnest.webhooks.signature import signed_headers
from earnest.webhooks.under_way import UnderWay

WORKERS: Final = 8
"""Posting is waiting: eight threads cost little and keep one slow endpoint from holding the others."""
WORKERS_PER_ENDPOINT: Final = 3
WORKERS_PER_MERCHANT: Final = 5
"""More than that are never busy for one: an endpoint that takes its time would hold up all the others."""
LEASE_SECONDS: Final = 60
"""Four times a try's own timeout, which leaves room for a slow resolver and for machines whose clocks differ. It bounds
a claim that a living process never ends; what a process claimed that fell silent is others' at once."""
RECORD_SECONDS: Final = 20.0
"""How long to try to write down what came of a try while the database is away: longer than its restart takes."""
SECRETS_AT_HAND: Final = 1_000
"""Of so many endpoints, those told last: opening one takes a twentieth of a delivery's CPU."""
GATHER_SECONDS: Final = 0.004
"""How long a try that has ended waits for those that are still under way to be recorded with it: about as long as a
transaction takes, so that nobody waits more than twice as long for his turn, however slow the others' endpoints are."""
IDLE_SECONDS: Final = 0.25
TROUBLE_SECONDS: Final = 2.0

Claimed = tuple[Delivery, Notification, Endpoint]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Room:
    """How many to claim at `most`, and what to leave out: enough is under way for these merchants and endpoints."""

    most: int
    but_of: Collection[str] = ()
    but_to: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Ended:
    """How a try ended, and what is to become of its delivery."""

    delivery: Delivery
    endpoint: Endpoint
    answer: Answer
    fate: Fate
    duration_ms: int

    @property
    def is_plain(self) -> bool:
        """Whether it is an attempt like any other, which changes nothing but its delivery."""
        return not self.answer.withheld and not isinstance(self.fate, Gone)

    def tried(self, now: int) -> Tried:
        """Return what is recorded of it at wall time `now`."""
        attempt = Attempt(
            notification_id=self.delivery.notification_id,
            endpoint_id=self.delivery.endpoint_id,
            number=self.delivery.attempts + 1,
            at=now,
            status_code=self.answer.status_code,
            error=self.answer.error,
            duration_ms=self.duration_ms,
        )
        match self.fate:
            case Delivered():
                return Tried(attempt, DeliveryState.DELIVERED, None, self.delivery.claims)
            case RetryAt(at):
                return Tried(attempt, DeliveryState.PENDING, at, self.delivery.claims)
            case Dead() | Gone():
                return Tried(attempt, DeliveryState.DEAD, None, self.delivery.claims)


class Posts(Protocol):
    """Whoever makes one HTTP try; `earnest.webhooks.post.Poster`, or a fake in tests."""

    def post(self, url: str, headers: dict[str, str], body: bytes, now: int) -> Answer:
        """Post and return how it ended."""


class Deliverer:
    """Delivers what is due, at least once and in order per payment and endpoint.

    Args:
        store: where the outbox is.
        secrets: opens the endpoints' secrets.
        poster: makes the tries.
        clock: wall time in Unix seconds.
        rng: for the jitter.
        workers: how many tries may be under way at once.
        presence: this process among others on the database; its claims end with it.
        news: set by whoever writes to the outbox in this process; what others write is found by looking.
        idle_seconds: how often to look.
    """

    def __init__(
        self,
        store: Store,
        secrets: SecretBox,
        poster: Posts,
        clock: Callable[[], int],
        *,
        rng: random.Random | None = None,
        workers: int = WORKERS,
        presence: Presence | None = None,
        news: Event | None = None,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._store, self._poster, self._clock = store, poster, clock
        # What is opened stays in memory for a while, as the key does that opens it; a rotation seals anew.
        self._unseal = lru_cache(SECRETS_AT_HAND)(partial(EndpointSecrets.unseal, box=secrets))
        self._rng = rng or random.Random()  # noqa: S311 (jitter is no secret)
        self._workers, self._presence = workers, presence
        self._news, self._idle_seconds = news or Event(), idle_seconds

    def step(self) -> int:
        """Deliver what is due now, as many as there are workers; returns how many were tried."""
        if not self._may_claim():
            return 0
        with self._store.transaction() as tx:
            claimed = self._claim(tx, Room(self._workers))
        if claimed:
            with ThreadPoolExecutor(self._workers, "webhook") as pool:
                ended = [each for each in pool.map(self._deliver, claimed) if each]
            left, _ = self._turn(ended, (), may_begin=False)
            for each in left:
                self._write_down(each)
        return len(claimed)

    def run(self, stop: Event) -> None:
        """Deliver until told to stop; tries that are under way then are finished and recorded."""
        with ThreadPoolExecutor(self._workers, "webhook") as pool:
            under_way: UnderWay[Ended] = UnderWay(pool, self._news)
            while under_way or not stop.is_set():
                self._news.clear()  # whatever is written or done from here on sets it again
                ended = under_way.take_ended()
                left, claimed = self._turn(ended, under_way.endpoints, may_begin=not stop.is_set())
                for each in left:
                    under_way.begin(self._write_down, each, each.endpoint)
                for one in claimed or ():
                    under_way.begin(self._deliver, one, one[2])
                if claimed is None:
                    stop.wait(TROUBLE_SECONDS)
                else:
                    self._wait(under_way)

    def _wait(self, under_way: UnderWay[Ended]) -> None:
        """Wait for what there is to do, and a moment longer for tries that end with one that has ended."""
        self._news.wait(self._idle_seconds)
        if under_way.is_ending:
            self._news.clear()
            if under_way.is_ending:
                self._news.wait(GATHER_SECONDS)

    def _room(self, busy_for: Collection[Endpoint]) -> Room:
        """Return what free workers can take, so few at a time that all of it may be for one endpoint."""
        to, of = Counter(each.id for each in busy_for), Counter(each.merchant_id for each in busy_for)
        room_to = {each: WORKERS_PER_ENDPOINT - count for each, count in to.items()}
        room_of = {each: WORKERS_PER_MERCHANT - count for each, count in of.items()}
        room = [each for each in (*room_to.values(), *room_of.values()) if each > 0]
        return Room(
            min(WORKERS_PER_ENDPOINT, self._workers - len(busy_for), *room),
            but_of=[each for each, left in room_of.items() if left <= 0],
            but_to=[each for each, left in room_to.items() if left <= 0],
        )

    def _turn(
        self, ended: Sequence[Ended], busy_for: Sequence[Endpoint], *, may_begin: bool
    ) -> tuple[Sequence[Ended], Sequence[Claimed] | None]:
        """Record what ended and claim what there is room for; return what is to be written down by itself, and what was
        claimed: None if the database is away."""
        may_claim = may_begin and len(busy_for) < self._workers and self._may_claim()
        if not ended and not may_claim:
            return (), ()
        try:
            with self._store.transaction() as tx:
                left = self._record_together(tx, ended) if ended else ()
                return left, self._claim_all(tx, busy_for) if may_claim else ()
        except EarnestError as error:
            log.warning("webhooks wait for the database", code=error.code, error=str(error))
        except Exception:
            if not ended:
                raise
            # Each by itself, the others are recorded, and the one at fault is named.
            log.exception("webhooks were not recorded together by a fault of ours")
        return ended, None

    def _may_claim(self) -> bool:
        # What a process claims that others count as gone is theirs a moment later.
        return self._presence is None or self._presence.alive()

    def _claim_all(self, tx: Transaction, busy_for: Sequence[Endpoint]) -> Sequence[Claimed]:
        """Claim for as many workers as are free, as long as anything is due for which not enough is under way."""
        claimed: list[Claimed] = []
        while (room := self._room([*busy_for, *(endpoint for _, _, endpoint in claimed)])).most > 0:
            some = self._claim(tx, room)
            claimed += some
            if len(some) < room.most:
                break
        return claimed

    def _claim(self, tx: Transaction, room: Room) -> Sequence[Claimed]:
        by = self._presence.id if self._presence is not None else None
        now = self._clock()
        return tx.outbox.claim(now, room.most, LEASE_SECONDS, by=by, but_of=room.but_of, but_to=room.but_to)

    def _record_together(self, tx: Transaction, ended: Sequence[Ended]) -> Sequence[Ended]:
        now = self._clock()
        plain = {each.tried(now): each for each in ended if each.is_plain}
        left = tx.outbox.record_at_once(plain)
        return [*(plain[each] for each in left), *(each for each in ended if not each.is_plain)]

    def _deliver(self, claimed: Claimed) -> Ended | None:
        """Make one try. What comes to no end by a fault of ours is tried again when the lease is over."""
        delivery, notification, endpoint = claimed
        started = time.monotonic()
        try:
            answer = self._try(notification, endpoint)
            duration_ms = int((time.monotonic() - started) * 1_000)
            fate = plan(delivery.attempts + 1, answer, self._clock(), self._rng.random())
        except Exception:
            log.exception("a webhook failed by a fault of ours", id=notification.id)
            return None
        log.info(
            "webhook",
            id=notification.id,
            type=notification.type,
            endpoint=endpoint.id,
            attempt=delivery.attempts + 1,
            status=answer.status_code,
            error=answer.error,
            fate=type(fate).__name__,
        )
        return Ended(delivery, endpoint, answer, fate, duration_ms)

    def _try(self, notification: Notification, endpoint: Endpoint) -> Answer:
        now, body = self._clock(), envelope(notification)
        try:
            secrets = self._unseal(endpoint.secret_encrypted).valid_at(now)
        except EarnestError as error:
            return Answer(error=str(error))
        try:
            return self._poster.post(endpoint.url, signed_headers(secrets, notification.id, now, body), body, now)
        except Exception:
            # Counted like any other failed try: one that was not would be due again with each lease, for ever.
            log.exception("a webhook failed by a fault of ours", id=notification.id)
            return Answer(error="a fault of the sender's")

    def _write_down(self, ended: Ended) -> None:
        """Record a try by itself. What cannot be written down is tried again when the lease is over."""
        id_ = ended.delivery.notification_id
        try:
            self._record_again_and_again(ended)
        except EarnestError as error:
            log.warning("a webhook was not recorded", id=id_, code=error.code, error=str(error))
        except Exception:
            log.exception("a webhook was not recorded by a fault of ours", id=id_)

    def _record_again_and_again(self, ended: Ended) -> None:
        """Record a try, again and again while the database is away: what is not recorded is sent once more."""
        give_up_at = time.monotonic() + RECORD_SECONDS
        while True:
            try:
                return self._record(ended)
            except ClaimLost:
                raise
            except Unavailable:
                if time.monotonic() > give_up_at:
                    raise
                time.sleep(TROUBLE_SECONDS / 4)

    def _record(self, ended: Ended) -> None:
        now, delivery = self._clock(), ended.delivery
        tried = ended.tried(now)
        with self._store.transaction() as tx:
            if ended.answer.withheld:
                tx.outbox.give_back(delivery.notification_id, delivery.endpoint_id, delivery.claims)
                return
            tx.outbox.record(tried.attempt, tried.state, retry_at=tried.retry_at, claim=tried.claim)
            if isinstance(ended.fate, Gone):
                tx.endpoints.disable(delivery.endpoint_id, now, "the endpoint answered 410 Gone")
