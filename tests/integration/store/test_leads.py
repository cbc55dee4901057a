"""Who leads, for how long, and that nobody writes by a lead that another one has taken since."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace

import pytest

from earnest.chain.sending import SignedTx, TxIntent, TxState
from earnest.chain.updates import ChainUpdate
from earnest.commands.journal import StoreJournal
from earnest.mirror import ChainMirror
from earnest.mirror.errors import BlockDoesNotFit
from earnest.payment.events import EventKind
from earnest.payment.primitives import Hash32
from earnest.payment.status import Status
from earnest.store import Store, open_store
from earnest.store.engine import LONGEST_PAUSE_SECONDS
from earnest.store.errors import LeadLost
from earnest.store.leads import Fence, follow_lead
from earnest.store.records import Lead
from tests.support.ledger import CHAIN_ID, ESCROW, GENESIS, START, TOKEN, FakeChain, address, digest, make_payment
from tests.support.stores import USD, create, stored

JOB = follow_lead(CHAIN_ID)
LEASE_SECONDS = 30.0
GONE_AT_ONCE = 0.001
OPERATOR = address(0x0B)


@pytest.fixture
def other(store: Store) -> Iterator[Store]:
    """A second store on the same database, as a second process has it."""
    with closing(open_store(store._url.render_as_string(hide_password=False))) as another:
        yield another


def be_there(store: Store, lease_seconds: float = LEASE_SECONDS) -> None:
    with store.transaction() as tx:
        tx.processes.beat(store.process_id, f"machine of {store.process_id}", lease_seconds)


def fall_silent(store: Store) -> None:
    be_there(store, GONE_AT_ONCE)
    time.sleep(0.02)


def take(store: Store) -> Lead | None:
    with store.transaction() as tx:
        return tx.leads.take(JOB, store.process_id)


def taken(store: Store) -> Lead:
    be_there(store)
    lead = take(store)
    assert lead is not None
    return lead


def holds(store: Store, lead: Lead) -> bool:
    try:
        with store.transaction() as tx:
            tx.leads.hold(lead)
    except LeadLost:
        return False
    return True


def test_one_leads_and_another_does_not_while_it_is_there(store: Store, other: Store) -> None:
    lead = taken(store)
    be_there(other)
    assert (lead.epoch, take(other)) == (1, None)
    assert holds(store, lead)


def test_whoever_falls_silent_is_followed_by_another_and_kept_out(store: Store, other: Store) -> None:
    old = taken(store)
    fall_silent(store)
    new = taken(other)
    assert new.epoch == old.epoch + 1
    be_there(store)  # it wakes up
    assert (holds(store, old), holds(other, new)) == (False, True)
    assert take(store) is None


def test_whoever_falls_silent_and_is_followed_by_nobody_goes_on(store: Store) -> None:
    lead = taken(store)
    fall_silent(store)
    assert holds(store, lead)


def test_a_lead_that_was_given_back_is_anybodys_and_no_longer_its_own(store: Store, other: Store) -> None:
    old = taken(store)
    with store.transaction() as tx:
        tx.leads.give_back(old)
    assert not holds(store, old)
    new = taken(other)
    assert new.epoch == old.epoch + 1
    with store.transaction() as tx:
        tx.leads.give_back(old)  # once more, late
    assert holds(other, new)


def test_whoever_leaves_leads_nothing_any_more(store: Store, other: Store) -> None:
    taken(store)
    with store.transaction() as tx:
        tx.processes.leave(store.process_id)
    assert taken(other).epoch == 2


def test_a_lead_taken_twice_by_one_process_ends_its_own_older_one(store: Store) -> None:
    first, second = taken(store), taken(store)
    assert (holds(store, first), holds(store, second)) == (False, True)


def test_a_lease_from_a_clock_far_ahead_is_no_lease(store: Store, other: Store) -> None:
    be_there(store, 10 * 365 * 86_400)
    assert take(store) is not None
    assert taken(other).epoch == 2


def test_a_report_tells_whether_the_lead_is_still_ones_own(store: Store, other: Store) -> None:
    old = taken(store)
    with store.transaction() as tx:
        assert tx.leads.report(old, {"lag_blocks": 3})
    with other.read() as tx:
        leader = tx.leads.leader(JOB)
    assert leader is not None
    assert (leader.process_name, leader.is_there, leader.vacant_seconds) == (f"machine of {store.process_id}", True, 0)
    assert leader.report == {"lag_blocks": 3}
    fall_silent(store)
    new = taken(other)
    with store.transaction() as tx:
        assert not tx.leads.report(old, {"lag_blocks": 0})
        found = tx.leads.leader(JOB)
    assert found is not None
    assert (found.epoch, found.report) == (new.epoch, None)


def test_a_job_that_nobody_ever_led_has_no_leader(store: Store) -> None:
    with store.read() as tx:
        assert tx.leads.leader(JOB) is None


def test_of_many_that_ask_at_once_one_leads(store: Store) -> None:
    url = store._url.render_as_string(hide_password=False)
    found: list[Lead | None] = []
    with ExitStack() as ends:
        several = [ends.enter_context(closing(open_store(url))) for _ in range(6)]
        for each in several:
            be_there(each)
        threads = [threading.Thread(target=lambda each=each: found.append(take(each))) for each in several]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(found) == 6
    assert [each.epoch for each in found if each is not None] == [1]


def mirror_of(store: Store, fence: Fence) -> ChainMirror:
    return ChainMirror(store, CHAIN_ID, ESCROW, tokens={TOKEN: USD}.get, clock=lambda: START, fence=fence)


def test_a_former_leader_writes_nothing_into_the_mirror(store: Store, other: Store) -> None:
    """It was stopped, the next one took over, and it wakes up with a block in its hands."""
    payment, chain = create(store, make_payment(1)), FakeChain()
    fence, next_fence = Fence(), Fence()
    mirror, next_mirror = mirror_of(store, fence), mirror_of(other, next_fence)
    with pytest.raises(LeadLost):
        mirror.begin(GENESIS)
    fence.lead = taken(store)
    mirror.begin(GENESIS)
    funded = chain.mine(chain.next(payment, EventKind.PAYMENT_FUNDED))
    fall_silent(store)
    next_fence.lead = taken(other)
    be_there(store)
    before = mirror.position()
    with pytest.raises(LeadLost, match=f"machine of {other.process_id}"):
        mirror.take([funded])
    assert (mirror.position(), stored(store, payment).state.status) == (before, Status.CREATED)
    next_mirror.take([funded])
    assert stored(store, payment).state.status is Status.FUNDED


def test_what_a_leader_remembers_is_what_the_database_holds(store: Store) -> None:
    fence, chain = Fence(), FakeChain()
    mirror = mirror_of(store, fence)
    fence.lead = taken(store)
    mirror.begin(GENESIS)
    told: list[Callable[[], list[ChainUpdate]]] = [
        lambda: [*chain.mine_empty(4)],
        lambda: [chain.finalize(depth=2)],
        lambda: [chain.drop(2)[0], *chain.mine_empty(3)],
        lambda: [*chain.mine_empty(2), chain.finalize(depth=1), chain.drop(1)[0], chain.mine()],
        lambda: [chain.mine(gap=50), chain.finalize()],
    ]
    for updates in told:
        mirror.take(updates())
        assert mirror.position() == mirror_of(store, Fence()).position()
    assert mirror.position() is mirror.position(), "it is read once"


def test_a_leader_that_was_deposed_and_leads_again_looks_anew(store: Store, other: Store) -> None:
    fence, next_fence, chain = Fence(), Fence(), FakeChain()
    mirror, next_mirror = mirror_of(store, fence), mirror_of(other, next_fence)
    fence.lead = taken(store)
    mirror.begin(GENESIS)
    mirror.take([chain.mine()])
    old = mirror.position()
    fall_silent(store)
    next_fence.lead = taken(other)
    next_mirror.take([chain.mine()])
    assert mirror.position() == old, "nobody told it"
    with pytest.raises(LeadLost):
        mirror.take([chain.mine()])
    assert mirror.position() == next_mirror.position() != old
    fall_silent(other)
    be_there(store)
    fence.lead = taken(store)
    assert mirror.position() == next_mirror.position()


def test_what_moved_under_a_leader_all_the_same_is_found_out_when_it_writes(store: Store) -> None:
    """By hand, say: somebody wrote into the database without asking for the lead."""
    fence, chain = Fence(), FakeChain()
    mirror = mirror_of(store, fence)
    fence.lead = taken(store)
    mirror.begin(GENESIS)
    mirror.take([chain.mine()])
    stranger = ChainMirror(store, CHAIN_ID, ESCROW, tokens={TOKEN: USD}.get, clock=lambda: START)
    unseen = chain.mine()
    stranger.take([unseen])
    with pytest.raises(BlockDoesNotFit):
        mirror.take([replace(unseen, block=replace(unseen.block, hash=digest("another")))])
    assert mirror.position() == stranger.position()
    mirror.take([chain.mine()])


def signed(nonce: int, tip: int) -> SignedTx:
    return SignedTx(Hash32(digest(f"{nonce} {tip}")), b"raw %d %d" % (nonce, tip), nonce, 21_000, 100 + tip, tip, START)


def test_a_former_sender_notes_nothing_and_gives_no_nonce_twice(store: Store, other: Store) -> None:
    fence, next_fence = Fence(), Fence()
    journal = StoreJournal(store, CHAIN_ID, OPERATOR, lambda: START, fence=fence)
    next_journal = StoreJournal(other, CHAIN_ID, OPERATOR, lambda: START, fence=next_fence)
    intents = [TxIntent("refund", Hash32(digest(str(n))), ESCROW, b"", 0, None, f"refund {n}") for n in range(3)]
    fence.lead = taken(store)
    first = journal.enqueue(intents[0], 0, lambda nonce: signed(nonce, 1))
    journal.set_state(first.id, TxState.BROADCAST)
    fall_silent(store)
    next_fence.lead = taken(other)
    next_journal.set_state(first.id, TxState.FINAL)
    second = next_journal.enqueue(intents[1], 0, lambda nonce: signed(nonce, 1))
    be_there(store)
    with pytest.raises(LeadLost):
        journal.set_state(first.id, TxState.BROADCAST)
    with pytest.raises(LeadLost):
        journal.add_attempt(first.id, signed(first.nonce, 2))
    third = journal.enqueue(intents[2], 0, lambda nonce: signed(nonce, 1))
    assert [first.nonce, second.nonce, third.nonce] == [0, 1, 2]
    found = next_journal.find("refund 0")
    assert found is not None
    assert (found.state, len(found.attempts)) == (TxState.FINAL, 1)


class TestOnPostgresql:
    """What only a server with many connections can show."""

    @pytest.fixture(autouse=True)
    def _only_there(self, store: Store) -> None:
        self.is_there = not store.takes_one_process

    def test_a_take_over_waits_for_what_is_just_being_written(self, store: Store, other: Store) -> None:
        if not self.is_there:
            return  # one writer at a time is all there is
        lead, order = taken(store), list[str]()
        be_there(other)
        with store.transaction() as tx:
            tx.leads.hold(lead)
            fall_silent_by(other, store)
            # Under another name its transaction is not found, and not ended.
            tx.processes._connection.exec_driver_sql("SET application_name = 'another'")
            thread = threading.Thread(target=lambda: order.append("taken" if take(other) else "refused"))
            thread.start()
            time.sleep(0.3)
            order.append("written")
        thread.join()
        assert order == ["written", "taken"]

    def test_a_report_does_not_wait_for_what_is_being_written(self, store: Store) -> None:
        if not self.is_there:
            return
        lead = taken(store)
        with store.transaction() as tx, store.transaction() as beside:
            tx.leads.hold(lead)
            assert beside.leads.report(lead, {})

    def test_what_a_stopped_leader_was_writing_is_ended(self, store: Store, other: Store) -> None:
        if not self.is_there:
            return
        lead = taken(store)
        be_there(other)
        began = time.monotonic()
        with pytest.raises(Exception, match="ended our connection"), store.transaction() as tx:
            tx.leads.hold(lead)
            fall_silent_by(other, store)
            assert take(other) is not None
            tx.leads.hold(lead)
        assert time.monotonic() - began < LONGEST_PAUSE_SECONDS, "it was ended, not waited for"


def fall_silent_by(other: Store, silent: Store) -> None:
    with other.transaction() as tx:
        tx.processes.beat(silent.process_id, "stopped", GONE_AT_ONCE)
    time.sleep(0.02)
