"""Follower and sender against real nodes behind HTTP: the embedded chain and anvil tell the same story."""

from __future__ import annotations

from pathlib import Path
from threading import Event, Thread

import pytest

from earnest.chain.errors import ChainMismatch, TxWouldRevert
from earnest.chain.follower import Follower
from earnest.chain.sending import TxState
from earnest.chain.updates import BlocksOrphaned
from earnest.payment.events import EventKind, PaymentEvent
from earnest.payment.terms import payment_id
from earnest.payment.transitions import fold
from earnest.testing.fake_journal import FileJournal
from earnest.testing.fake_mirror import FakeMirror
from tests.integration.chain.conftest import CHAIN_ID, FINALITY, OPERATOR, Town, address, catch_up, until


@pytest.fixture
def mirror() -> FakeMirror:
    return FakeMirror()


@pytest.fixture
def journal(tmp_path: Path) -> FileJournal:
    return FileJournal(tmp_path / "journal.json", CHAIN_ID, address(OPERATOR))


def kinds(mirror: FakeMirror) -> list[EventKind]:
    return [log.event.kind for log in mirror.logs.values() if isinstance(log.event, PaymentEvent)]


def test_a_payment_is_followed_from_funding_to_release(town: Town, mirror: FakeMirror, journal: FileJournal) -> None:
    follower, sender = town.follower(mirror), town.sender(journal)
    terms = town.terms(1)
    town.fund(terms)
    sender.submit(town.intent(terms, "confirm_delivery"))
    sender.step()
    town.mine(5)
    sender.step()
    (tx,) = journal.all()
    assert (tx.state, tx.error) == (TxState.FINAL, None)
    catch_up(follower)
    assert kinds(mirror) == [EventKind.PAYMENT_FUNDED, EventKind.DELIVERY_CONFIRMED, EventKind.PAYMENT_RELEASED]
    events = [log.event for log in mirror.logs.values() if isinstance(log.event, PaymentEvent)]
    assert {event.payment_id for event in events} == {payment_id(terms, CHAIN_ID, town.escrow)}
    assert events[0].funding is not None
    assert events[0].funding.terms == terms
    state = fold((event, 1) for event in events)
    assert (state.to_merchant, state.held) == (terms.amount, 0)
    assert mirror.final_number == follower.status().final is not None


def test_many_payments_are_backfilled_each_once(town: Town, mirror: FakeMirror) -> None:
    terms = [town.terms(number) for number in range(30)]
    for each in terms:
        town.fund(each)
    town.mine(6)
    catch_up(town.follower(mirror))
    told = [log.event.payment_id for log in mirror.logs.values() if isinstance(log.event, PaymentEvent)]
    assert told == [payment_id(each, CHAIN_ID, town.escrow) for each in terms]


def test_a_reorg_takes_a_funding_back(town: Town, mirror: FakeMirror) -> None:
    follower = town.follower(mirror)
    town.mine(6)
    town.fund(town.terms(1))
    catch_up(follower)
    assert kinds(mirror) == [EventKind.PAYMENT_FUNDED]
    town.reorg(1)
    updates = follower.step()
    assert isinstance(updates[0], BlocksOrphaned)
    catch_up(follower)
    assert kinds(mirror) == []
    head = town.rpc.header("latest")
    assert head is not None
    assert mirror.blocks[-1] == head.block


def test_a_tx_that_a_reorg_dropped_is_sent_again_with_the_same_bytes(
    town: Town, mirror: FakeMirror, journal: FileJournal
) -> None:
    sender = town.sender(journal)
    terms = town.terms(1)
    town.fund(terms)
    town.mine(6)
    sender.submit(town.intent(terms, "refund"))
    sender.step()
    town.mine()
    sender.step()
    first = journal.all()[0].block
    assert first is not None
    depth = 2
    town.reorg(depth)
    for _ in range(8):
        sender.step()
        town.mine()
    (tx,) = journal.all()
    assert tx.state is TxState.FINAL
    assert tx.block is not None
    assert tx.block.hash != first.hash
    assert len(tx.attempts) == 1
    catch_up(town.follower(mirror))
    assert kinds(mirror) == [EventKind.PAYMENT_FUNDED, EventKind.PAYMENT_REFUNDED]


def test_a_stuck_tx_is_replaced_in_the_pool_of_a_real_node(town: Town, journal: FileJournal) -> None:
    terms = town.terms(1)
    town.fund(terms)
    town.rpc.call("evm_setAutomine", (False,))
    # Every attempt counts as stuck once a block went by without it; its signing time lies far enough back.
    sender = town.sender(journal, stuck_after_seconds=0)
    sender.submit(town.intent(terms, "refund"))
    sender.step()
    town.rpc.call("anvil_dropTransaction", (journal.all()[0].newest.hash,))
    town.mine()
    sender.step()  # the node lost it: the same bytes again, and then more, since a block went by
    (tx,) = journal.all()
    assert len(tx.attempts) == 2
    assert [town.rpc.knows_tx(each.hash) for each in tx.attempts] == [False, True]
    town.mine(6)
    sender.step()
    (tx,) = journal.all()
    assert (tx.state, tx.error) == (TxState.FINAL, None)
    receipts = town.rpc.receipts([each.hash for each in tx.attempts])
    assert [receipt is not None for receipt in receipts] == [False, True]


def test_a_refusal_is_told_in_the_contracts_own_words(town: Town, journal: FileJournal) -> None:
    terms = town.terms(1)
    sender = town.sender(journal)
    with pytest.raises(TxWouldRevert, match="nothing was ever funded under payment"):
        sender.submit(town.intent(terms, "refund"))
    assert journal.all() == []


def test_loops_in_threads_see_a_payment_through(town: Town, mirror: FakeMirror, journal: FileJournal) -> None:
    follower, sender = town.follower(mirror), town.sender(journal)
    stop = Event()
    threads = [Thread(target=loop.run, args=(stop,)) for loop in (follower, sender)]
    for thread in threads:
        thread.start()
    try:
        terms = town.terms(1)
        town.fund(terms)
        until(lambda: kinds(mirror) == [EventKind.PAYMENT_FUNDED])
        sender.submit(town.intent(terms, "refund"))
        until(lambda: EventKind.PAYMENT_REFUNDED in kinds(mirror))
        town.mine(6)
        until(lambda: journal.all()[0].state is TxState.FINAL)
        until(lambda: follower.status().lag_blocks == 0)
    finally:
        stop.set()
        for thread in threads:
            thread.join(10)
    assert sender.status().error is None
    assert follower.status().error is None


def test_a_node_on_another_chain_is_named(town: Town, mirror: FakeMirror) -> None:
    follower = Follower(
        town.rpc, mirror, chain_id=1, escrow=town.escrow, deployed_at_block=0, finality=FINALITY, poll_seconds=0.02
    )
    with pytest.raises(ChainMismatch, match=r"is on chain 31337; configured is chain 1"):
        follower.step()
