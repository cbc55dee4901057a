"""All tables in one place, for the migrations and their test: importing the subjects fills the metadata."""

from earnest.store import (
    audit,
    blocks,
    credits,  # noqa: A004
    descriptions,
    dismissals,
    endpoints,
    events,
    idempotency,
    keys,
    leads,
    merchants,
    outbox,
    payments,
    processes,
    reconciliations,
    sessions,
    side_events,
    txs,
    untold,
    watched_deposits,
)
from earnest.store.schema import metadata

SUBJECTS = (
    *(merchants, keys, sessions, payments, descriptions, events, side_events, credits, dismissals, untold),
    *(blocks, endpoints, outbox, txs, idempotency),
    *(audit, processes, leads, reconciliations, watched_deposits),
)

__all__ = ["SUBJECTS", "metadata"]
