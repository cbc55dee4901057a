"""All tables in one place, for the migrations and their test: importing the subjects fills the metadata."""

from earnest.store import (
    blocks,
    credits,  # noqa: A004
    endpoints,
    events,
    idempotency,
    keys,
    merchants,
    outbox,
    payments,
    txs,
)
from earnest.store.schema import metadata

SUBJECTS = (merchants, keys, payments, events, credits, blocks, endpoints, outbox, txs, idempotency)

__all__ = ["SUBJECTS", "metadata"]
