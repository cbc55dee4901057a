"""A block that a reorg took comes back, and other logs are told of it than before: one of the two was a lie."""

from __future__ import annotations

from dataclasses import replace

import pytest

from earnest.chain.updates import BlockAccepted, BlocksOrphaned
from earnest.payment.events import CreditWithdrawn, EscrowEvent, EventKind, ItemSkipped, OperatorDismissed
from earnest.payment.record import BlockRef
from earnest.store import Store
from earnest.store.bulk import COPY_FROM_ROWS
from tests.support.ledger import BUYER, CHAIN_ID, OPERATOR, PAYOUT, TOKEN, FakeChain, digest, make_payment
from tests.support.stores import create, make_mirror, stored


@pytest.mark.parametrize("others", [0, COPY_FROM_ROWS], ids=["a few rows", "many rows"])
def test_nothing_of_what_was_told_first_is_left(store: Store, others: int) -> None:
    """The block's bloom vouches for a log's topics alone: what else it held was somebody's word."""
    mirror, chain = make_mirror(store), FakeChain()
    payment = create(store, make_payment())
    foreign = [make_payment(100 + at, account=None) for at in range(others)]
    fundings = [chain.next(each, EventKind.PAYMENT_FUNDED) for each in (payment, *foreign)]
    beside = ItemSkipped(payment.id, 1, "0xdeadbeef")
    right = chain.mine(*fundings, beside, CreditWithdrawn(BUYER, TOKEN, 7), OperatorDismissed(PAYOUT, OPERATOR))
    lies: list[EscrowEvent] = [
        *(replace(each, funding=replace(each.funding, payer=PAYOUT)) for each in fundings if each.funding),
        replace(beside, item=2),
        CreditWithdrawn(OPERATOR, TOKEN, 8),
        OperatorDismissed(PAYOUT, BUYER),
    ]
    told = [replace(log, tx_hash=digest("lie"), event=lie) for log, lie in zip(right.logs, lies, strict=True)]
    lied = replace(right.block, timestamp=right.block.timestamp + 9)
    mirror.take([BlockAccepted(lied, tuple(told))])
    chain.drop(1)
    instead = chain.mine()
    mirror.take([BlocksOrphaned((lied,)), instead])
    mirror.take([BlocksOrphaned((instead.block,)), right])

    where, position = BlockRef(right.block.number, right.block.hash, right.block.timestamp), mirror.position()
    assert position is not None
    assert position.head == right.block
    with store.read() as tx:
        for log, each in zip(right.logs[: len(fundings)], (payment, *foreign), strict=True):
            (event,) = tx.events.timeline(CHAIN_ID, each.id)
            assert (event.block, event.tx_hash, event.event, event.orphaned) == (where, log.tx_hash, log.event, False)
        (skipped,) = tx.side_events.timeline(CHAIN_ID, payment.id)
        assert (skipped.block, skipped.event, skipped.orphaned) == (where, beside, False)
        assert tx.credits.totals(CHAIN_ID) == {(BUYER, TOKEN): 7}
        (dismissal,) = tx.dismissals.of(CHAIN_ID, [PAYOUT])
        assert (dismissal.block, dismissal.operator) == (where, OPERATOR)
    assert stored(store, payment).state.payer != PAYOUT


def test_an_event_of_another_kind_in_the_same_place_keeps_nothing_of_a_funding(store: Store) -> None:
    mirror, chain = make_mirror(store), FakeChain()
    one, two = create(store, make_payment()), create(store, make_payment(2))
    first = chain.mine(chain.next(one, EventKind.PAYMENT_FUNDED))
    right = chain.mine(chain.next(one, EventKind.DELIVERY_CONFIRMED))
    lie = (replace(right.logs[0], event=chain.next(two, EventKind.PAYMENT_FUNDED)),)
    mirror.take([first, BlockAccepted(right.block, lie)])
    chain.drop(1)
    instead = chain.mine()
    mirror.take([BlocksOrphaned((right.block,)), instead])
    mirror.take([BlocksOrphaned((instead.block,)), right])
    chain.drop(1)
    chain.put_back([right])
    with store.read() as tx:
        assert tx.events.timeline(CHAIN_ID, two.id) == []
        assert [each.event for each in tx.events.timeline(CHAIN_ID, one.id)] == [
            log.event for block in (first, right) for log in block.logs
        ]
    assert stored(store, two).state == two.state
    assert stored(store, one).state == chain.state(one)
