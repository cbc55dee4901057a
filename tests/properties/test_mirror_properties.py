"""What holds of the mirror whatever a chain does: blocks, reorgs and finality in any order, cut into any batches."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from earnest.chain.updates import BlockAccepted, ChainUpdate, Position
from earnest.mirror import ChainMirror
from earnest.mirror.belief import changes_status
from earnest.payment.events import (
    CreditWithdrawn,
    DepositReturned,
    EscrowEvent,
    ItemSkipped,
    OperatorDismissed,
    PaymentEvent,
    SideEvent,
)
from earnest.payment.primitives import Hash32
from earnest.payment.record import Payment
from earnest.payment.status import Status
from earnest.payment.transitions import apply, fold
from earnest.store import Store, open_store
from earnest.store.records import Notification, StoredDismissal, StoredEvent, StoredSideEvent
from tests.support.histories import Choices, Mine, Step, cut, cuts, histories, play
from tests.support.ledger import (
    BLOCK_SECONDS,
    BUYER,
    CHAIN_ID,
    MERCHANT,
    OPERATOR,
    PAYOUT,
    START,
    TOKEN,
    FakeChain,
    make_payment,
    possible_events,
)
from tests.support.stores import make_mirror

# Half of them run out of time after some blocks; the last one is foreign.
PAYMENTS = [
    *(
        make_payment(number, pay_by=START + (4 + number) * BLOCK_SECONDS if number % 2 else 2**33)
        for number in range(4)
    ),
    make_payment(99, account=None),
]
FEW = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


BESIDE: list[SideEvent] = [
    OperatorDismissed(PAYOUT, OPERATOR),
    OperatorDismissed(PAYOUT, BUYER),
    DepositReturned(PAYMENTS[0].id, TOKEN, BUYER, 2**200),
    ItemSkipped(PAYMENTS[1].id, 2, "0x12345678"),
    CreditWithdrawn(BUYER, TOKEN, 5),
]
choices = st.tuples(st.integers(0, len(PAYMENTS)), st.integers(0, 7))
mines = st.builds(Mine, st.lists(choices, max_size=4).map(tuple))
steps = histories(mines)


def live(story: Sequence[Step], chain: FakeChain | None = None) -> tuple[FakeChain, list[ChainUpdate]]:
    """Return the chain after a story, and what a follower tells of it."""
    chain = chain or FakeChain()
    return chain, play(story, chain, mine)


def mine(chain: FakeChain, chosen: Choices) -> BlockAccepted:
    states = {payment.id: chain.state(payment) for payment in PAYMENTS}
    timestamp = (chain.head.timestamp if chain.blocks else START) + BLOCK_SECONDS
    events: list[EscrowEvent] = []
    for which, option in chosen:
        if which == len(PAYMENTS):
            events.append(BESIDE[option % len(BESIDE)])
            continue
        payment = PAYMENTS[which]
        possible = possible_events(payment, states[payment.id])
        over = states[payment.id].status is Status.CREATED and timestamp >= payment.terms.pay_by
        if possible and not over:
            event = possible[option % len(possible)]
            states[payment.id] = apply(states[payment.id], event, timestamp)
            events.append(event)
    return chain.mine(*events)


@dataclass(frozen=True)
class Mirrored:
    """All that the mirror wrote."""

    position: Position | None
    payments: dict[Hash32, Payment]
    canonical: dict[Hash32, list[StoredEvent]]
    orphaned: dict[Hash32, int]
    told: dict[Hash32, list[Notification]]
    beside: list[StoredSideEvent]
    dismissals: set[StoredDismissal]
    withdrawn: int


@contextmanager
def empty(template: Path) -> Iterator[tuple[Store, ChainMirror]]:
    with tempfile.TemporaryDirectory() as folder:
        path = shutil.copy(template, Path(folder) / "earnest.db")
        with closing(open_store(f"sqlite:///{path}")) as store:
            with store.transaction() as tx:
                for payment in PAYMENTS:
                    if payment.account:
                        tx.payments.add(payment)
            yield store, make_mirror(store)


def mirrored(template: Path, batches: Sequence[Sequence[ChainUpdate]], times: int = 1) -> Mirrored:
    with empty(template) as (store, mirror):
        for batch in batches:
            for _ in range(times):
                mirror.take(batch)
        ids = [payment.id for payment in PAYMENTS]
        with store.read() as tx:
            notifications: list[Notification] = []
            cursor = None
            while True:
                page = tx.outbox.page(MERCHANT.id, limit=100, cursor=cursor)
                notifications += page.items
                if (cursor := page.next_cursor) is None:
                    break
            notifications.reverse()
            return Mirrored(
                mirror.position(),
                tx.payments.many(CHAIN_ID, ids),
                tx.events.canonical(CHAIN_ID, ids),
                {id_: sum(each.orphaned for each in tx.events.timeline(CHAIN_ID, id_)) for id_ in ids},
                {id_: [each for each in notifications if each.payment_id == id_] for id_ in ids},
                [each for id_ in ids for each in tx.side_events.timeline(CHAIN_ID, id_) if not each.orphaned],
                set(tx.dismissals.of(CHAIN_ID, [PAYOUT])),
                sum(tx.credits.totals(CHAIN_ID).values()),
            )


@FEW
@given(story=steps, sizes=cuts)
def test_what_is_stored_is_the_fold_of_what_counts(sqlite_template: Path, story: list[Step], sizes: list[int]) -> None:
    chain, updates = live(story)
    result = mirrored(sqlite_template, cut(updates, sizes))
    assert result.position is not None
    assert result.position.head == (chain.blocks[-1].block if chain.blocks else None)
    assert result.position.final_number == chain.final
    for payment in PAYMENTS:
        on_chain = [
            (log.event, accepted.block.hash, log.log_index)
            for accepted in chain.blocks
            for log in accepted.logs
            if isinstance(log.event, PaymentEvent) and log.event.payment_id == payment.id
        ]
        canonical = result.canonical[payment.id]
        assert [(each.event, each.block.hash, each.log_index) for each in canonical] == on_chain
        assert [each.final for each in canonical] == [each.block.number <= chain.final for each in canonical]
        stored = result.payments.get(payment.id)
        if stored is None:
            assert payment.is_foreign
            assert not on_chain
            continue
        assert stored.state == fold((each.event, each.block.timestamp) for each in canonical)
        assert stored.block == (canonical[-1].block if canonical else None)


@FEW
@given(story=steps, sizes=cuts)
def test_what_stands_beside_payments_is_what_counts(sqlite_template: Path, story: list[Step], sizes: list[int]) -> None:
    chain, updates = live(story)
    result = mirrored(sqlite_template, cut(updates, sizes))
    on_chain = [log.event for accepted in chain.blocks for log in accepted.logs]
    beside = [event for event in on_chain if isinstance(event, DepositReturned | ItemSkipped)]
    assert sorted(map(str, beside)) == sorted(str(each.event) for each in result.beside)
    dismissed = {(each.merchant, each.operator) for each in on_chain if isinstance(each, OperatorDismissed)}
    assert {(each.merchant, each.operator) for each in result.dismissals} == dismissed
    assert result.withdrawn == sum(each.amount for each in on_chain if isinstance(each, CreditWithdrawn))
    for payment in result.payments.values():
        assert payment.operator_dismissed == ((payment.terms.merchant, payment.terms.operator) in dismissed)


@FEW
@given(story=steps, sizes=cuts)
def test_each_change_is_told_once_with_the_next_version(
    sqlite_template: Path, story: list[Step], sizes: list[int]
) -> None:
    chain, updates = live(story)
    result = mirrored(sqlite_template, cut(updates, sizes))
    every = [each for notifications in result.told.values() for each in notifications]
    assert len({each.id for each in every}) == len(every)
    for payment in PAYMENTS:
        told = result.told[payment.id]
        assert [each.version for each in told] == list(range(1, len(told) + 1))
        stored = result.payments.get(payment.id)
        assert (stored.version if stored else 0) == len(told)
        if payment.is_foreign:
            assert told == []
            continue
        final = [each for each in result.canonical[payment.id] if each.final and changes_status(each.event)]
        finalized = [each for each in told if each.type == "payment.finalized"]
        assert [each.payload["events"][0]["tx_hash"] for each in finalized] == [each.tx_hash for each in final]
        final_time = next((each.block.timestamp for each in chain.blocks if each.block.number == chain.final), 0)
        expired = [each for each in told if each.type == "payment.expired"]
        unpaid = not result.canonical[payment.id]
        assert len(expired) == (1 if unpaid and payment.terms.pay_by <= final_time else 0)


@FEW
@given(story=steps, sizes=cuts)
def test_every_batch_twice_equals_once(sqlite_template: Path, story: list[Step], sizes: list[int]) -> None:
    _, updates = live(story)
    batches = cut(updates, sizes)
    assert mirrored(sqlite_template, batches, times=2) == mirrored(sqlite_template, batches)


@FEW
@given(story=steps, sizes=cuts)
def test_how_updates_are_cut_into_batches_changes_nothing(
    sqlite_template: Path, story: list[Step], sizes: list[int]
) -> None:
    _, updates = live(story)
    batches = cut(updates, sizes)
    # A batch that comes again right away is taken for a repetition, even if the chain went there and back twice.
    assume(all(one != other for one, other in pairwise(batches)))
    assert mirrored(sqlite_template, batches) == mirrored(sqlite_template, cut(updates, [1]))


@FEW
@given(story=st.lists(mines, min_size=1, max_size=8), elsewhere=st.lists(mines, max_size=4), depth=st.integers(1, 5))
def test_a_reorg_and_the_way_back_equals_the_straight_run(
    sqlite_template: Path, story: list[Mine], elsewhere: list[Mine], depth: int
) -> None:
    chain, straight = live(story)
    orphaned, dropped = chain.drop(min(depth, len(chain.blocks)))
    _, away = live(elsewhere, chain)
    back = [chain.drop(len(elsewhere))[0]] if elsewhere else []
    roundabout: list[list[ChainUpdate]] = [straight, [orphaned, *away], [*back, *chain.put_back(dropped)]]
    expected = mirrored(sqlite_template, [straight])
    result = mirrored(sqlite_template, roundabout)
    assert result.position == expected.position
    assert result.canonical == expected.canonical
    for payment in PAYMENTS:
        one, other = result.payments.get(payment.id), expected.payments.get(payment.id)
        if one is not None and other is not None:
            assert (one.state, one.block) == (other.state, other.block)
        else:
            # A foreign payment that another branch has seen is remembered as one that nobody funded.
            assert other is None
            assert one is None or one.state.seq == 0
