"""What holds of a rebuild: no reorg changes what it finds, and no row that was changed by hand escapes it."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from earnest.payment.events import CreditWithdrawn, DepositReturned, EscrowEvent, OperatorDismissed
from earnest.payment.transitions import apply
from earnest.store import open_store
from earnest.store.chain_facts import (
    BLOCKS,
    CURSOR,
    DISMISSALS,
    EVENTS,
    NOTHING_TOLD,
    PAYMENTS,
    SIDE_EVENTS,
    WITHDRAWALS,
)
from earnest.store.payment_table import TERMS
from tests.support.ledger import BUYER, OPERATOR, PAYOUT, TOKEN, make_payment, possible_events
from tests.support.rebuilding import Site, by_hand

MADE = [*(make_payment(number, pay_by=2**33) for number in range(3)), make_payment(99, account=None, pay_by=2**33)]
BESIDE: list[EscrowEvent] = [
    OperatorDismissed(PAYOUT, OPERATOR),
    DepositReturned(MADE[0].id, TOKEN, BUYER, 2**200),
    CreditWithdrawn(BUYER, TOKEN, 5),
]
FEW = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@dataclass(frozen=True)
class Mine:
    """A block; each choice is a payment and which of its possible events comes next, or something told beside them."""

    choices: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Reorg:
    """Blocks dropped, and others mined in their place."""

    depth: int
    branch: tuple[Mine, ...]


@dataclass(frozen=True)
class Follow:
    """The follower tells what is new."""


choices = st.tuples(st.integers(0, len(MADE)), st.integers(0, 7))
mines = st.builds(Mine, st.lists(choices, max_size=3).map(tuple))
# Final is what has four blocks on top, so that a mirror never sees these go past finality.
reorgs = st.builds(Reorg, st.integers(1, 3), st.lists(mines, min_size=3, max_size=4).map(tuple))
stories = st.lists(st.one_of(mines, mines, mines, reorgs, st.just(Follow())), min_size=3, max_size=20)


@contextmanager
def site(template: Path) -> Iterator[Site]:
    with tempfile.TemporaryDirectory() as folder:
        path = shutil.copy(template, Path(folder) / "earnest.db")
        with closing(open_store(f"sqlite:///{path}")) as store:
            with store.transaction() as tx:
                for payment in MADE:
                    if payment.account:
                        tx.payments.add(payment)
            yield Site(store, Path(folder) / "replays")


def play(where: Site, story: Sequence[Mine | Reorg | Follow]) -> None:
    for step in story:
        match step:
            case Mine(chosen):
                where.node.mine(*events_of(where, chosen))
            case Reorg(depth, branch):
                where.node.reorg(min(depth, where.node.head.number))
                for each in branch:
                    where.node.mine(*events_of(where, each.choices))
            case Follow():
                where.follow()
    where.follow()


def events_of(where: Site, chosen: Sequence[tuple[int, int]]) -> list[EscrowEvent]:
    states = {payment.id: where.state(payment) for payment in MADE}
    timestamp = where.node.head.timestamp + 12
    events: list[EscrowEvent] = []
    for which, option in chosen:
        if which == len(MADE):
            events.append(BESIDE[option % len(BESIDE)])
            continue
        payment = MADE[which]
        if possible := possible_events(payment, states[payment.id]):
            event = possible[option % len(possible)]
            states[payment.id] = apply(states[payment.id], event, timestamp)
            events.append(event)
    return events


def dump(where: Site) -> list[str]:
    with sqlite3.connect(str(where.store._url.database)) as connection:
        return list(connection.iterdump())


@FEW
@given(story=stories)
def test_a_mirror_of_any_history_is_the_straight_run_and_a_rebuild_leaves_it_alone(
    sqlite_template: Path, story: list[Mine | Reorg | Follow]
) -> None:
    with site(sqlite_template) as where:
        play(where, story)
        before = dump(where)
        done, said = where.rebuilt()
        assert said == []
        assert done.before == done.chain == done.after
        assert dump(where) == before


COLUMNS = [
    *((PAYMENTS, name) for name in PAYMENTS.facts if name in NOTHING_TOLD),
    *((PAYMENTS, name) for name in TERMS),
    *((kind, name) for kind in (EVENTS, SIDE_EVENTS, WITHDRAWALS, DISMISSALS, BLOCKS) for name in kind.facts),
]
VALUES = ["0", "1", "7", "funded", "0x" + "00" * 32, BUYER, "x", "NULL"]


@FEW
@given(
    story=st.lists(mines, min_size=4, max_size=10),
    what=st.sampled_from(COLUMNS),
    value=st.sampled_from(VALUES),
    which=st.integers(0, 30),
    deleted=st.booleans(),
)
def test_any_row_that_somebody_changed_or_deleted_is_named_and_comes_back(
    sqlite_template: Path, story: list[Mine], what: tuple[object, str], value: str, which: int, deleted: bool
) -> None:
    kind, column = what
    table = kind.table.name  # type: ignore[attr-defined]
    with site(sqlite_template) as where:
        # Something of each kind, whatever the story is.
        play(where, [Mine(((0, 0), (3, 0), (4, 0), (4, 1), (4, 2))), *story])
        right, before = where.hash(), dump(where)
        key = ", ".join(kind.key)  # type: ignore[attr-defined]
        rows = f"SELECT rowid FROM {table} ORDER BY {key}"
        with sqlite3.connect(str(where.store._url.database)) as connection:
            ids = [row[0] for row in connection.execute(rows)]
        rowid = ids[which % len(ids)]
        gone = deleted and table != "payments"  # a payment that a merchant created is his own, and no chain has it
        written = "NULL" if value == "NULL" else f"'{value}'"
        try:
            by_hand(
                where.store,
                f"DELETE FROM {table} WHERE rowid = {rowid}"
                if gone
                else f"UPDATE {table} SET {column} = {written} WHERE rowid = {rowid}",
            )
        except Exception as error:  # the database itself refuses some
            assume("constraint" not in str(error).lower())
            raise
        changed = dump(where) != before
        done, said = where.rebuilt()
        assert bool(said) == changed, said
        assert done.chain == right
        if not done.left:
            assert where.hash() == right
            assert where.compared()[1] == []


@FEW
@given(story=st.lists(mines, min_size=4, max_size=8), column=st.sampled_from(CURSOR), value=st.sampled_from([0, 1, 99]))
def test_a_position_that_somebody_changed_is_named_and_comes_back(
    sqlite_template: Path, story: list[Mine], column: str, value: int
) -> None:
    with site(sqlite_template) as where:
        play(where, story)
        with where.store.read() as tx:
            right = tx.facts.cursor(31_337)
        by_hand(where.store, f"UPDATE chains SET {column} = '{value}'")
        with where.store.read() as tx:
            changed = tx.facts.cursor(31_337) != right
        _, said = where.rebuilt()
        assert bool(said) == changed, said
        with where.store.read() as tx:
            assert tx.facts.cursor(31_337) == right
        assert where.compared()[1] == []
