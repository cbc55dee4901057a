"""What differs between two mirrors of one chain, row by row: the one in use, and a replay of the chain beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from eth_abi.exceptions import EncodingError

from earnest.payment.errors import EarnestError
from earnest.payment.primitives import Address, Hash32
from earnest.payment.terms import Terms, payment_id
from earnest.store import Transaction
from earnest.store.chain_facts import (
    BLOCKS,
    CURSOR,
    DISMISSALS,
    EVENTS,
    NOTHING_TOLD,
    PAYMENTS,
    SIDE_EVENTS,
    WITHDRAWALS,
    Facts,
    FactTable,
    Key,
)

PAGE: Final = 1_000
"""Rows at a time: memory stays flat however many there are."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which the mirror is not what the chain says.

    Args:
        what: `payment`, `event`, …
        name: its id, or where it stands.
        field: the column that differs; None where the whole row is missing or too much.
        mirror: what the mirror says, None for nothing.
        chain: what the chain says, None for nothing.
        mended: whether a rebuild can mend it.
        source: where the other side stands, for people.
    """

    what: str
    name: str
    field: str | None
    mirror: str | None
    chain: str | None
    mended: bool = True
    source: str = "on the chain"

    def __str__(self) -> str:
        where = f"{self.what} {self.name}".rstrip()
        if self.field is None:
            return f"{where}: {'missing in the mirror' if self.chain else 'in the mirror, and not on the chain'}"
        return f"{where}: {self.field} is {_said(self.mirror)} in the mirror, {_said(self.chain)} {self.source}"


@dataclass(frozen=True, slots=True)
class Change:
    """A row that differs: as the mirror has it, as the chain tells it; None where it is not there."""

    kind: FactTable
    key: Key
    mirror: Facts | None
    chain: Facts | None

    def differences(self) -> Iterator[Difference]:
        """Return every field that differs, or that the whole row does."""
        name = self.kind.name_of(self.key)
        facts = self.mirror or self.chain or ()
        if "payment_id" in self.kind.facts:
            name = f"{self.kind.fact(facts, 'payment_id')} in block {name}"
        if self.mirror is None or self.chain is None:
            mine_there, theirs_there = ("there" if each else None for each in (self.mirror, self.chain))
            yield Difference(self.kind.name, name, None, mine_there, theirs_there)
            return
        for field, mine, theirs in zip(self.kind.facts, self.mirror, self.chain, strict=True):
            if mine != theirs:
                yield Difference(self.kind.name, name, field, mine, theirs)


def compare_payments(
    mirror: Transaction, replay: Transaction, chain_id: int, escrow: Address
) -> Iterator[list[Change]]:
    """Return the payments that differ, page by page; of one that the chain does not know, `chain` is as if nothing was.

    A payment's terms are compared where it was funded: then the chain has told them.
    """
    for page in _pages(mirror, PAYMENTS, chain_id):
        told = replay.facts.lookup(PAYMENTS, chain_id, page)
        yield [
            Change(PAYMENTS, key, facts, expected)
            for key, facts in page.items()
            if facts != (expected := told.get(key) or untold(facts, escrow))
        ]
    yield from _missing(mirror, replay, PAYMENTS, chain_id)


def compare_rows(mirror: Transaction, replay: Transaction, kind: FactTable, chain_id: int) -> Iterator[list[Change]]:
    """Return the rows of another table that differ, page by page."""
    for page in _pages(mirror, kind, chain_id):
        told = replay.facts.lookup(kind, chain_id, page)
        yield [Change(kind, key, facts, told.get(key)) for key, facts in page.items() if facts != told.get(key)]
    yield from _missing(mirror, replay, kind, chain_id)


def compare_cursors(mirror: Transaction, replay: Transaction, chain_id: int) -> Iterator[Difference]:
    """Return how the positions of both differ."""
    mine, theirs = mirror.facts.cursor(chain_id), replay.facts.cursor(chain_id)
    assert mine is not None, "what was never followed is not compared"
    assert theirs is not None, "a replay begins with its cursor"
    for field, one, other in zip(CURSOR, mine, theirs, strict=True):
        if one != other:
            yield Difference("cursor", "", field, one, other)


def compare_all(mirror: Transaction, replay: Transaction, chain_id: int, escrow: Address) -> Iterator[Difference]:
    """Return everything that differs."""
    for kind in (DISMISSALS, SIDE_EVENTS, WITHDRAWALS, BLOCKS):
        for changes in compare_rows(mirror, replay, kind, chain_id):
            for change in changes:
                yield from change.differences()
    for changes in compare_payments(mirror, replay, chain_id, escrow):
        for change in changes:
            yield from change.differences()
    yield from _wrong_ids(mirror, replay, chain_id, escrow)
    for changes in compare_rows(mirror, replay, EVENTS, chain_id):
        for change in changes:
            yield from change.differences()
    for key in mirror.facts.stray_events(chain_id):
        yield Difference("event", f"without a payment in block {EVENTS.name_of(key)}", None, "there", None)
    for id_, (version, told) in mirror.facts.told_further(chain_id).items():
        yield Difference("payment", id_, "version", str(version), f"at least {told}, by what its merchant was told,")
    yield from compare_cursors(mirror, replay, chain_id)


def untold(facts: Facts, escrow: Address) -> Facts:
    """Return a payment's facts as they are while the chain knows nothing of it: the terms alone are what they were."""
    nothing = {**NOTHING_TOLD, "escrow": escrow}
    named = zip(PAYMENTS.facts, facts, strict=True)
    return tuple(_text(nothing[name]) if name in nothing else fact for name, fact in named)


def _wrong_ids(mirror: Transaction, replay: Transaction, chain_id: int, escrow: Address) -> Iterator[Difference]:
    """Payments that the chain does not know, whose terms do not make up their ids: nobody can fund them.

    Only their merchant knows what was asked for, so this cannot be mended.
    """
    for page in _pages(mirror, PAYMENTS, chain_id):
        told = replay.facts.lookup(PAYMENTS, chain_id, page)
        for key, facts in page.items():
            if key not in told:
                hashed = id_of(terms_in(facts), chain_id, escrow)
                if hashed != key[0]:
                    yield Difference("payment", key[0], "the id of its terms", hashed, key[0], mended=False)


def terms_in(facts: Facts) -> Terms | None:
    """Return the terms in a payment's facts, None where they are not such as we write."""
    named = dict(zip(PAYMENTS.facts, facts, strict=True))
    numbers = ("amount", "fee_bps", "pay_by", "delivery_period", "dispute_window", "arbitration_period")
    try:
        read = {name: int(named[name] or "") if name in numbers else named[name] for name in Terms.__dataclass_fields__}
    except ValueError:
        return None
    return Terms(**read)  # type: ignore[arg-type]


def id_of(terms: Terms | None, chain_id: int, escrow: Address) -> Hash32 | None:
    """Return the id that terms hash to, None where the contract could not even take them."""
    try:
        return payment_id(terms, chain_id, escrow) if terms else None
    except (ValueError, TypeError, AttributeError, OverflowError, EncodingError, EarnestError):
        return None


def _pages(tx: Transaction, kind: FactTable, chain_id: int) -> Iterator[dict[Key, Facts]]:
    after: Key | None = None
    while page := tx.facts.page(kind, chain_id, after, PAGE):
        after = next(reversed(page))
        yield page


def _missing(mirror: Transaction, replay: Transaction, kind: FactTable, chain_id: int) -> Iterator[list[Change]]:
    for page in _pages(replay, kind, chain_id):
        there = mirror.facts.lookup(kind, chain_id, page)
        yield [Change(kind, key, None, facts) for key, facts in page.items() if key not in there]


def _text(value: str | int | None) -> str | None:
    return None if value is None else str(value)


def _said(value: str | None) -> str:
    return "nothing" if value is None else value
