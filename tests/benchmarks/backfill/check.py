"""Whether a backfilled database holds what the recording tells: every event, every payment, every status."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import create_engine, text

from earnest.payment.status import ON_CHAIN
from tests.benchmarks.backfill.story import Story
from tests.benchmarks.backfill.tally import Tally, payment_sum

EVENTS = "SELECT block_hash, log_index, payment_id, seq, status, held FROM events"
PAYMENTS = "SELECT id, seq, status, held FROM payments WHERE seq > 0"
TOLD = {
    "versions of payments": "SELECT sum(version) FROM payments",
    "notifications": "SELECT count(DISTINCT id) FROM notifications",
    "deliveries": "SELECT count(*) FROM deliveries",
}
_NUMBERS = {str(status): number for number, status in enumerate(ON_CHAIN)}


def differences(story: Story, database: str, *, own: bool = False) -> list[str]:
    """Return what is wrong, in words; nothing if all is right.

    Args:
        database: its URL; tables `events` and `payments` have at least the columns that are asked for above.
        own: whether a merchant's own payments had to be told, each version once.
    """
    engine = create_engine(database)
    try:
        with engine.connect() as connection:
            tally = Tally()
            for block_hash, index, id_, seq, status, held in connection.execute(text(EVENTS)):
                tally.add(block_hash, index, id_, seq, _NUMBERS[status], int(held))
            found = connection.execute(text(PAYMENTS))
            rows = [(id_, seq, _NUMBERS[status], int(held)) for id_, seq, status, held in found]
            told = {what: connection.execute(text(query)).scalar_one() for what, query in TOLD.items()} if own else {}
    finally:
        engine.dispose()
    counts = {int(count) for count in told.values()}
    return [*_compared(story, tally, rows), *([f"told: {told}"] if len(counts) > 1 or 0 in counts else [])]


def _compared(story: Story, tally: Tally, rows: Sequence[tuple[str, int, int, int]]) -> list[str]:
    pairs = {
        "events": (story.events, tally.events),
        "payments": (story.payments, len(rows)),
        "statuses of payments": (story.statuses, tally.statuses()),
        "checksum of events": (story.event_sum, tally.event_sum()),
        "checksum of payments": (story.payment_sum, payment_sum(rows)),
    }
    return [f"{name}: {right} recorded, {got} stored" for name, (right, got) in pairs.items() if right != got]
