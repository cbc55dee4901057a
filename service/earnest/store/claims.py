"""What a deliverer asks of the outbox: what is due, claimed so that nobody else tries it, and what came of a try.

It is asked several times a second, and around each try, so all of it goes past SQLAlchemy: see `raw`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    Text,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    null,
    select,
    update,
)

from earnest.payment.errors import EarnestError, NotFound
from earnest.payment.primitives import Hash32
from earnest.store.due import DUE_LONG_AFTER, DUE_OF_THE_OLDEST, DUE_TO_EACH, LONGEST_WAIT_SECONDS, MORE_ARE_DUE
from earnest.store.errors import ClaimLost
from earnest.store.outbox_tables import attempts, deliveries
from earnest.store.raw import Fixed, many, sent_together
from earnest.store.records import Attempt, Delivery, DeliveryState, Endpoint, Notification
from earnest.store.schema import columns_of


@dataclass(frozen=True, slots=True)
class Tried:
    """An attempt and what follows from it: see `Claims.record`."""

    attempt: Attempt
    state: DeliveryState
    retry_at: int | None = None
    claim: int | None = None

    @property
    def key(self) -> dict[str, Any]:
        """Whose delivery it was."""
        return {"to_tell": self.attempt.notification_id, "to": self.attempt.endpoint_id}


class Claims:
    """The deliverer's side of the outbox."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def claim(
        self,
        now: int,
        limit: int,
        lease_seconds: int,
        *,
        by: str | None = None,
        but_of: Collection[str] = (),
        but_to: Collection[str] = (),
    ) -> Sequence[tuple[Delivery, Notification, Endpoint]]:
        """Claim deliveries that are due; nobody else gets them before `now + lease_seconds`.

        A claim `by` a process ends with it too: when it leaves, or as soon as it falls silent.
        Left out are those `but_of` these merchants and `but_to` these endpoints, for which enough is under way.
        In order per payment and endpoint: none is given while an earlier version of the same payment is pending there.
        """
        dialect, until = self._connection.dialect.name, now + lease_seconds
        asked = {"now": now, "absurd": now + LONGEST_WAIT_SECONDS, "most": limit}
        busy = {"but_of": many(but_of, dialect), "but_to": many(but_to, dialect)}
        questions = (DUE_OF_THE_OLDEST, DUE_LONG_AFTER, MORE_ARE_DUE)
        with sent_together(self._connection):
            due, by_a_wrong_clock, more = (each.ask_later(self._connection, asked | busy) for each in questions)
        of_the_oldest = due()
        may_miss_some = len(of_the_oldest) < limit and more()
        due_now = DUE_TO_EACH.ask(self._connection, asked | busy) if may_miss_some else of_the_oldest
        rows = (due_now + by_a_wrong_clock())[:limit]
        if not rows:
            return ()
        claimed = [_claimed(row, until, by) for row in rows]
        with sent_together(self._connection):
            _TAKEN.tell_each(
                self._connection,
                [
                    {"to_tell": each.notification_id, "to": each.endpoint_id, "until": until, "by": by}
                    for each, _, _ in claimed
                ],
            )
        return claimed

    def give_back(self, notification_id: str, endpoint_id: str, claim: int) -> None:
        """End one claim, if it is still the newest: the delivery is due again as it was."""
        _GIVEN_BACK.tell(self._connection, {"to_tell": notification_id, "to": endpoint_id, "claim": claim})

    def record(
        self, attempt: Attempt, state: DeliveryState, *, retry_at: int | None = None, claim: int | None = None
    ) -> None:
        """Write down an attempt and what follows: delivered, dead, or pending again at `retry_at`.

        A delivery that succeeded stays so, whatever a worker whose lease ran out may report later. `attempt.number`
        gives way to the next free one. `claim` is the claimed delivery's `claims`; None: whatever the claim.

        Raises:
            NotFound: there is no such delivery (any more): its endpoint was deleted.
            ClaimLost: it was claimed anew since; nothing is written.
        """
        tried = Tried(attempt, state, retry_at, claim)
        (row,) = _OF_A_TRY.ask(self._connection, tried.key) or (None,)
        if refusal := _refusal(tried, row):
            raise refusal
        self._write([(tried, row)])

    def record_at_once(self, tries: Iterable[Tried]) -> Sequence[Tried]:
        """Write down tries as `record` does, without waiting for anybody, and return those that were left out.

        They are those that `record` would raise for, and those whose delivery somebody else holds at this moment (an
        endpoint that is being deleted, say): nothing is written for them.
        """
        with sent_together(self._connection):
            asked = [(each, _OF_A_FREE_TRY.ask_later(self._connection, each.key)) for each in tries]
        found = [(each, next(iter(rows()), None)) for each, rows in asked]
        self._write([(each, row) for each, row in found if _refusal(each, row) is None])
        return [each for each, row in found if _refusal(each, row)]

    def _write(self, tries: Sequence[tuple[Tried, Any]]) -> None:
        written = [columns_of(each.attempt) | {"number": sum(row[:2]) + 1} for each, row in tries]
        ended = [each.key | {"ends_as": str(each.state), "retry_at": each.retry_at} for each, _ in tries]
        with sent_together(self._connection):
            _WRITTEN.tell_each(self._connection, written)
            _ENDED.tell_each(self._connection, ended)


def _refusal(tried: Tried, row: Any) -> EarnestError | None:
    """Return why a try is not recorded, given the columns of `_of_a_try`."""
    attempt = tried.attempt
    if row is None:
        return NotFound(f"notification {attempt.notification_id} has no delivery to {attempt.endpoint_id}")
    if tried.claim is not None and row[2] != tried.claim:
        return ClaimLost(
            f"notification {attempt.notification_id} to {attempt.endpoint_id} was claimed by another worker since; "
            "what comes of this try is not recorded"
        )
    return None


def _claimed(row: Any, until: int, by: str | None) -> tuple[Delivery, Notification, Endpoint]:
    """Return what a row of `_due` tells, claimed."""
    id_, tries, next_attempt_at, claims, *told = row
    merchant_id, chain_id, payment_id, version, type_, payload, created_at = told[:7]
    endpoint_id, owner, url, types, secret, made_at = told[7:]
    delivery = Delivery(id_, endpoint_id, DeliveryState.PENDING, tries, next_attempt_at, until, by, claims + 1)
    payload = msgspec.json.decode(payload)
    notification = Notification(id_, merchant_id, chain_id, Hash32(payment_id), version, type_, payload, created_at)
    return delivery, notification, Endpoint(endpoint_id, owner, url, frozenset(types.split()), bytes(secret), made_at)


def _this() -> ColumnElement[bool]:
    return and_(deliveries.c.notification_id == bindparam("to_tell"), deliveries.c.endpoint_id == bindparam("to"))


def _of_a_try(*, wait: bool) -> Select[Any]:
    d = deliveries.c
    return select(d.attempts_before_replay, d.attempts, d.claims).where(_this()).with_for_update(skip_locked=not wait)


_FREE: Final = {"claimed_until": null(), "claimed_by": null()}
_TAKEN: Final = Fixed(
    lambda _: (
        update(deliveries)
        .where(_this())
        .values(claimed_until=bindparam("until"), claimed_by=bindparam("by"), claims=deliveries.c.claims + 1)
    )
)
_GIVEN_BACK: Final = Fixed(
    lambda _: update(deliveries).where(_this(), deliveries.c.claims == bindparam("claim")).values(_FREE)
)
_OF_A_TRY: Final = Fixed(lambda _: _of_a_try(wait=True))
_OF_A_FREE_TRY: Final = Fixed(lambda _: _of_a_try(wait=False))
_WRITTEN: Final = Fixed(lambda _: attempts.insert())
_ENDED: Final = Fixed(
    lambda _: (
        update(deliveries)
        .where(_this())
        .values(
            _FREE
            | {
                "attempts": deliveries.c.attempts + 1,
                "state": _unless_delivered(deliveries.c.state, bindparam("ends_as", type_=Text)),
                "next_attempt_at": _unless_delivered(
                    deliveries.c.next_attempt_at,
                    func.coalesce(bindparam("retry_at", type_=BigInteger), deliveries.c.next_attempt_at),
                ),
            }
        )
    )
)


def _unless_delivered(kept: Any, new: Any) -> Any:
    return case((deliveries.c.state == literal_column("'delivered'"), kept), else_=new)
