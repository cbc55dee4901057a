"""Send notifications to an endpoint again, with the ids that they always had."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from earnest.commands.audit import HOST, By, write_down
from earnest.commands.errors import RangeTooLarge
from earnest.payment.errors import NotFound
from earnest.store import Store, Transaction
from earnest.store.records import Endpoint

MOST_AT_ONCE: Final = 10_000
"""What an endpoint can be made to get by one request; more is asked for by shorter ranges."""


@dataclass(frozen=True, slots=True)
class Range:
    """The notifications of `[since, until)`, by when they were written (wall time, Unix); None: no bound."""

    since: int | None = None
    until: int | None = None


def replay(
    store: Store,
    merchant_id: str,
    endpoint_id: str,
    *,
    now: int,
    notification_ids: Collection[str] | None = None,
    within: Range | None = None,
    by: By = HOST,
) -> int:
    """Make deliveries due at once: these, those of a range, or all that were given up; returns how many.

    Of a range the endpoint gets what is of the types that it wants, whether it had it before or not.

    Raises:
        NotFound: the merchant has no such endpoint, or no such notification.
        RangeTooLarge: as named.
    """
    with store.transaction() as tx:
        endpoint = tx.endpoints.get(merchant_id, endpoint_id)
        if endpoint is None:
            raise NotFound(f"no webhook endpoint {endpoint_id}")
        for each in notification_ids or ():
            notification = tx.outbox.get(each)
            if notification is None or notification.merchant_id != merchant_id:
                raise NotFound(f"no notification {each}")
        wanted = notification_ids if within is None else _within(tx, endpoint, within)
        count = 0 if wanted is not None and not wanted else tx.outbox.replay(endpoint_id, now, wanted)
        write_down(tx, by, merchant_id, now, "endpoint.replay", endpoint_id, replayed=count)
        return count


def _within(tx: Transaction, endpoint: Endpoint, within: Range) -> list[str]:
    found = tx.news.ids_within(
        endpoint.merchant_id, within.since, within.until, types=endpoint.types, limit=MOST_AT_ONCE + 1
    )
    if len(found) > MOST_AT_ONCE:
        raise RangeTooLarge(MOST_AT_ONCE)
    return list(found)
