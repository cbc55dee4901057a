"""The loop that takes deliveries from the outbox to the endpoints: claim, close the transaction, post, record."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import Final, Protocol

import structlog

from earnest.payment.errors import EarnestError, Unavailable
from earnest.store import Store
from earnest.store.errors import ClaimLost
from earnest.store.presence import Presence
from earnest.store.records import Attempt, Delivery, DeliveryState, Endpoint, Notification
from earnest.webhooks.endpoint_secrets import EndpointSecrets
from earnest.webhooks.envelope import envelope
from earnest.webhooks.retry import Answer, Dead, Delivered, Fate, Gone, RetryAt, plan
from earnest.webhooks.secretbox import SecretBox
from earnest.webhooks.signature import signed_headers

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
IDLE_SECONDS: Final = 0.25
TROUBLE_SECONDS: Final = 2.0

Claimed = tuple[Delivery, Notification, Endpoint]

log = structlog.get_logger(__name__)


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
        self._store, self._secrets, self._poster, self._clock = store, secrets, poster, clock
        self._rng = rng or random.Random()  # noqa: S311 (jitter is no secret)
        self._workers, self._presence = workers, presence
        self._news, self._idle_seconds = news or Event(), idle_seconds

    def step(self) -> int:
        """Deliver what is due now, as many as there are workers; returns how many were tried."""
        claimed = self._claim(self._workers)
        if claimed:
            with ThreadPoolExecutor(self._workers, "webhook") as pool:
                list(pool.map(self._deliver, claimed))
        return len(claimed)

    def run(self, stop: Event) -> None:
        """Deliver until told to stop; tries that are under way then are finished and recorded."""
        under_way: dict[Future[None], Endpoint] = {}
        with ThreadPoolExecutor(self._workers, "webhook") as pool:
            while not stop.is_set():
                self._news.clear()  # whatever is written or done from here on sets it again
                under_way = {each: to for each, to in under_way.items() if not each.done()}
                claimed = self._claim_calmly(under_way.values(), stop)
                for each in claimed:
                    trying = pool.submit(self._deliver, each)
                    under_way[trying] = each[2]
                    trying.add_done_callback(lambda _: self._news.set())
                if not claimed or len(under_way) >= self._workers:
                    self._news.wait(self._idle_seconds)

    def _claim(self, limit: int, *, but_of: Collection[str] = (), but_to: Collection[str] = ()) -> Sequence[Claimed]:
        # What a process claims that others count as gone is theirs a moment later.
        if limit <= 0 or (self._presence is not None and not self._presence.alive()):
            return ()
        by = self._presence.id if self._presence is not None else None
        with self._store.transaction() as tx:
            return tx.outbox.claim(self._clock(), limit, LEASE_SECONDS, by=by, but_of=but_of, but_to=but_to)

    def _claim_calmly(self, busy_for: Collection[Endpoint], stop: Event) -> Sequence[Claimed]:
        """Claim what free workers can take, so few at a time that all of it may be for one endpoint."""
        to, of = Counter(each.id for each in busy_for), Counter(each.merchant_id for each in busy_for)
        room_to = {each: WORKERS_PER_ENDPOINT - count for each, count in to.items()}
        room_of = {each: WORKERS_PER_MERCHANT - count for each, count in of.items()}
        room = [each for each in (*room_to.values(), *room_of.values()) if each > 0]
        try:
            return self._claim(
                min(WORKERS_PER_ENDPOINT, self._workers - len(busy_for), *room),
                but_of=[each for each, left in room_of.items() if left <= 0],
                but_to=[each for each, left in room_to.items() if left <= 0],
            )
        except EarnestError as error:
            log.warning("webhooks wait for the database", code=error.code, error=str(error))
            stop.wait(TROUBLE_SECONDS)
            return ()

    def _deliver(self, claimed: Claimed) -> None:
        """Make one try and write it down. What cannot be written down is tried again when the lease is over."""
        delivery, notification, endpoint = claimed
        started = time.monotonic()
        try:
            answer = self._try(notification, endpoint)
            duration_ms = int((time.monotonic() - started) * 1_000)
            fate = plan(delivery.attempts + 1, answer, self._clock(), self._rng.random())
            self._write_down(delivery, answer, fate, duration_ms)
        except EarnestError as error:
            log.warning("a webhook was not recorded", id=notification.id, code=error.code, error=str(error))
        except Exception:
            log.exception("a webhook failed by a fault of ours", id=notification.id)
        else:
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

    def _try(self, notification: Notification, endpoint: Endpoint) -> Answer:
        now, body = self._clock(), envelope(notification)
        try:
            secrets = EndpointSecrets.unseal(endpoint.secret_encrypted, self._secrets).valid_at(now)
        except EarnestError as error:
            return Answer(error=str(error))
        try:
            return self._poster.post(endpoint.url, signed_headers(secrets, notification.id, now, body), body, now)
        except Exception:
            # Counted like any other failed try: one that was not would be due again with each lease, for ever.
            log.exception("a webhook failed by a fault of ours", id=notification.id)
            return Answer(error="a fault of the sender's")

    def _write_down(self, delivery: Delivery, answer: Answer, fate: Fate, duration_ms: int) -> None:
        """Record a try, again and again while the database is away: what is not recorded is sent once more."""
        give_up_at = time.monotonic() + RECORD_SECONDS
        while True:
            try:
                return self._record(delivery, answer, fate, duration_ms)
            except ClaimLost:
                raise
            except Unavailable:
                if time.monotonic() > give_up_at:
                    raise
                time.sleep(TROUBLE_SECONDS / 4)

    def _record(self, delivery: Delivery, answer: Answer, fate: Fate, duration_ms: int) -> None:
        now = self._clock()
        attempt = Attempt(
            notification_id=delivery.notification_id,
            endpoint_id=delivery.endpoint_id,
            number=delivery.attempts + 1,
            at=now,
            status_code=answer.status_code,
            error=answer.error,
            duration_ms=duration_ms,
        )
        claim = delivery.claims
        with self._store.transaction() as tx:
            if answer.withheld:
                tx.outbox.give_back(delivery.notification_id, delivery.endpoint_id, claim)
                return
            match fate:
                case Delivered():
                    tx.outbox.record(attempt, DeliveryState.DELIVERED, claim=claim)
                case RetryAt(at):
                    tx.outbox.record(attempt, DeliveryState.PENDING, retry_at=at, claim=claim)
                case Dead():
                    tx.outbox.record(attempt, DeliveryState.DEAD, claim=claim)
                case Gone():
                    tx.outbox.record(attempt, DeliveryState.DEAD, claim=claim)
                    tx.endpoints.disable(delivery.endpoint_id, now, "the endpoint answered 410 Gone")
