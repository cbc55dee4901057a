"""One hash over everything that the mirror believes of a chain: two mirrors of one chain have the same one.

The format, so that anybody can recompute it from the chain's logs: SHA-256 over lines of UTF-8, each ended by a line
feed, the fields of a line parted by one space. What is absent is `-`, numbers are decimal, hashes and ids are
lower-case `0x…`, addresses have their EIP-55 checksum. Each of these is one line:

    earnest-state 1 <chain id> <escrow> <last block's number>
    payment <id> <status> <since> <seq> <funded> <held> <to merchant> <to fee recipient> <to buyer> <repaid> <payer>
        <buyer> <block number> <block hash>
    event <seq> <name> <status> <held> <to merchant> <to fee recipient> <to buyer> <credited> <payer> <buyer>
        <block number> <block hash> <block timestamp> <tx hash> <log index>
    beside <table> <block hash> <log index> <the table's other columns, by name>

Payments with at least one event stand in order of their ids, each followed by its events in order of `seq`. What stands
beside payments (`side_events`, `credit_withdrawals`, `dismissals`) follows, table by table, by block hash and log
index. Only what is canonical up to the block counts. Of a merchant's own data, versions, and what he was told, nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from typing import Final

from earnest.payment.primitives import Address, Hash32
from earnest.payment.transitions import PaymentState, fold
from earnest.store import Transaction
from earnest.store.chain_facts import DISMISSALS, EVENTS, PAYMENTS, SIDE_EVENTS, WITHDRAWALS, Facts, FactTable, Key
from earnest.store.records import StoredEvent

PAGE: Final = 1_000
"""Payments at a time: memory stays flat however many there are."""

_PAYMENT: Final = (
    *("status", "since", "seq", "funded", "held", "to_merchant", "to_fee_recipient", "to_buyer", "repaid"),
    *("payer", "paid_for", "block_number", "block_hash"),
)
_EVENT: Final = (
    *("seq", "kind", "status", "held", "moved_to_merchant", "moved_to_fee_recipient", "moved_to_buyer", "credited"),
    *("funding_payer", "funding_buyer", "block_number", "block_hash", "block_timestamp", "tx_hash", "log_index"),
)
_of_payment: Final = itemgetter(*(PAYMENTS.facts.index(name) for name in _PAYMENT))
_of_event: Final = itemgetter(*((*EVENTS.facts, *EVENTS.key).index(name) for name in _EVENT))


@dataclass(frozen=True, slots=True)
class StateHash:
    """The hash, and what it is of: a chain up to a block, so many payments and events."""

    chain_id: int
    block_number: int
    payments: int
    events: int
    digest: Hash32


def state_hash(tx: Transaction, chain_id: int, escrow: Address, up_to: int, *, as_stored: bool = False) -> StateHash:
    """Return the hash of what this database believes of a chain up to a block.

    `as_stored` takes each payment's row for true, however new; without it, payments with later events are folded up to
    the block. Raises leaves of `ChainDisagrees`, or `ValueError`, where rows are so damaged that no fold is possible.
    """
    digest = hashlib.sha256(f"earnest-state 1 {chain_id} {escrow} {up_to}\n".encode())
    payments = events = 0
    for id_, facts, told in _payments(tx, chain_id, up_to, as_stored=as_stored):
        payments, events = payments + 1, events + len(told)
        lines = [_line("payment", id_, *facts)]
        lines += [_line("event", *_of_event((*each, *map(str, key)))) for key, each in told]
        digest.update("".join(lines).encode())
    for kind in (SIDE_EVENTS, WITHDRAWALS, DISMISSALS):
        for (block_hash, log_index), facts in _rows(tx, kind, chain_id):
            if _number(kind, facts) <= up_to:
                digest.update(
                    _line("beside", kind.table.name, block_hash, str(log_index), *_sorted(kind, facts)).encode()
                )
    return StateHash(chain_id, up_to, payments, events, Hash32("0x" + digest.hexdigest()))


def _payments(
    tx: Transaction, chain_id: int, up_to: int, *, as_stored: bool
) -> Iterator[tuple[str, Facts, list[tuple[Key, Facts]]]]:
    after: Key | None = None
    while page := tx.facts.page(PAYMENTS, chain_id, after, PAGE):
        after = next(reversed(page))
        told = tx.facts.events_of(chain_id, [each[0] for each in page])
        later = [] if as_stored else [key[0] for key, facts in page.items() if _number(PAYMENTS, facts) > up_to]
        folded = tx.events.canonical(chain_id, later) if later else {}
        for (id_,), facts in page.items():
            counting = [each for each in told[id_] if as_stored or _number(EVENTS, each[1]) <= up_to]
            if id_ in folded:
                known = _folded([each for each in folded[id_] if each.block.number <= up_to])
            else:
                known = _of_payment(facts)
            if counting or (as_stored and known != _NOTHING):
                yield id_, known, counting


def _folded(events: list[StoredEvent]) -> Facts:
    state, last = fold((each.event, each.block.timestamp) for each in events), events[-1].block if events else None
    return (*_state(state), str(last.number) if last else None, last.hash if last else None)


def _state(state: PaymentState) -> Facts:
    numbers = (state.since, state.seq, state.funded, state.held, state.to_merchant, state.to_fee_recipient)
    more = (state.to_buyer, state.repaid)
    return (str(state.status), *map(str, numbers), *map(str, more), state.payer, state.buyer)


_NOTHING: Final = _folded([])


def _rows(tx: Transaction, kind: FactTable, chain_id: int) -> Iterator[tuple[Key, Facts]]:
    after: Key | None = None
    while page := tx.facts.page(kind, chain_id, after, PAGE):
        after = next(reversed(page))
        yield from page.items()


def _number(kind: FactTable, facts: Facts) -> int:
    """Return the block's number; a row without one that could be read counts, and makes another hash."""
    try:
        return int(kind.fact(facts, "block_number") or "")
    except ValueError:
        return -1


def _sorted(kind: FactTable, facts: Facts) -> Facts:
    return tuple(fact for _, fact in sorted(zip(kind.facts, facts, strict=True)))


def _line(*fields: str | None) -> str:
    return " ".join("-" if each is None else each for each in fields) + "\n"
