"""What the mirror writes down as a payment lives, and what the merchant is told of it."""

from __future__ import annotations

import pytest

from earnest.chain.updates import BlockAccepted, ChainUpdate
from earnest.escrow.artifact import wallet_code_hash
from earnest.mirror import ChainMirror, EscrowChanged, GenesisChanged
from earnest.payment.deposit import deposit_address
from earnest.payment.events import CreditWithdrawn, DepositReturned, EventKind, ItemSkipped, OperatorDismissed
from earnest.payment.primitives import Hash32
from earnest.payment.status import Status
from earnest.payment.terms import HOUR
from earnest.store import Store
from tests.support.ledger import (
    BUYER,
    CHAIN_ID,
    ESCROW,
    GENESIS,
    OPERATOR,
    PAYOUT,
    START,
    TOKEN,
    FakeChain,
    address,
    digest,
    make_payment,
)
from tests.support.stores import NOW, create, stored, told, types


def test_funding_moves_the_status_and_tells_the_merchant(
    mirror: ChainMirror, memory_store: Store, chain: FakeChain
) -> None:
    payment = create(memory_store, make_payment())
    accepted = chain.mine(chain.next(payment, EventKind.PAYMENT_FUNDED))
    mirror.take([accepted])
    now = stored(memory_store, payment)
    assert (now.state.status, now.state.held, now.version) == (Status.FUNDED, payment.terms.amount, 1)
    assert now.block is not None
    assert now.block.hash == accepted.block.hash
    (notification,) = told(memory_store)
    assert notification.payload["type"] == notification.type == "payment.funded"
    assert notification.payload["timestamp"] == "2027-01-15T08:01:40Z"
    assert notification.created_at == NOW
    data = notification.payload["data"]
    assert (data["id"], data["version"], data["status"]) == (payment.id, 1, "funded")
    assert (data["finality"], data["block"]["hash"]) == ("included", accepted.block.hash)
    assert data["order_reference"] == "order-1"
    assert data["amount"]["symbol"] == "USDX"
    assert data["checkout_url"].endswith(payment.id)
    (event,) = notification.payload["events"]
    assert (event["name"], event["seq"], event["tx_hash"]) == ("PaymentFunded", 1, accepted.logs[0].tx_hash)


def test_every_event_of_a_life_is_one_notification_with_the_next_version(
    mirror: ChainMirror, memory_store: Store, chain: FakeChain
) -> None:
    payment = create(memory_store, make_payment())
    for kind in (
        EventKind.PAYMENT_FUNDED,
        EventKind.DELIVERY_CONFIRMED,
        EventKind.PAYMENT_DISPUTED,
        EventKind.DISPUTE_RESOLVED,
    ):
        mirror.take([chain.mine(chain.next(payment, kind))])
    assert types(told(memory_store)) == ["funded", "delivered", "disputed", "resolved"]
    assert [each.version for each in told(memory_store)] == [1, 2, 3, 4]
    assert [each.payload["data"]["status"] for each in told(memory_store)] == types(told(memory_store))
    assert stored(memory_store, payment).state == chain.state(payment)


def test_two_events_in_one_block_are_told_one_by_one_each_as_of_then(
    mirror: ChainMirror, memory_store: Store, chain: FakeChain
) -> None:
    payment = create(memory_store, make_payment(arbiter=address(0), dispute_window=0, arbitration_period=0))
    mirror.take([chain.mine(chain.next(payment, EventKind.PAYMENT_FUNDED))])
    delivered = chain.next(payment, EventKind.DELIVERY_CONFIRMED)
    chain.mine(delivered)
    released = chain.next(payment, EventKind.PAYMENT_RELEASED)
    chain.blocks.pop()
    mirror.take([chain.mine(delivered, released)])
    assert [(each.version, each.payload["data"]["status"]) for each in told(memory_store)] == [
        (1, "funded"),
        (2, "delivered"),
        (3, "released"),
    ]


def test_a_partial_refund_is_told_and_leaves_the_status(
    mirror: ChainMirror, memory_store: Store, chain: FakeChain
) -> None:
    payment = create(memory_store, make_payment())
    mirror.take([chain.mine(chain.next(payment, EventKind.PAYMENT_FUNDED))])
    mirror.take([chain.mine(chain.next(payment, EventKind.PAYMENT_REFUNDED, Status.FUNDED))])
    last = told(memory_store)[-1]
    assert last.type == "payment.refunded"
    assert last.payload["data"]["status"] == "funded"
    assert last.payload["data"]["held"]["base_units"] == "500000"


def test_each_status_change_is_finalized_once_and_partial_amounts_are_not(
    mirror: ChainMirror, memory_store: Store, chain: FakeChain
) -> None:
    payment = create(memory_store, make_payment())
    mirror.take([chain.mine(chain.next(payment, EventKind.PAYMENT_FUNDED))])
    mirror.take([chain.mine(chain.next(payment, EventKind.PAYMENT_REFUNDED, Status.FUNDED))])
    mirror.take([chain.mine(chain.next(payment, EventKind.DELIVERY_CONFIRMED))])
    mirror.take([chain.finalize(depth=1)])
    mirror.take([chain.finalize()])
    mirror.take([chain.mine(), chain.finalize()])
    finalized = [each for each in told(memory_store) if each.type == "payment.finalized"]
    assert [each.payload["events"][0]["status"] for each in finalized] == ["funded", "delivered"]
    assert [each.payload["data"]["finality"] for each in finalized] == ["included", "final"]
    with memory_store.read() as tx:
        assert all(each.final for each in tx.events.timeline(CHAIN_ID, payment.id))


def test_an_event_that_becomes_final_in_its_own_batch_is_told_as_both(
    mirror: ChainMirror, memory_store: Store, chain: FakeChain
) -> None:
    payment = create(memory_store, make_payment())
    mirror.take([chain.mine(chain.next(payment, EventKind.PAYMENT_FUNDED)), chain.finalize()])
    assert types(told(memory_store)) == ["funded", "finalized"]
    with memory_store.read() as tx:
        assert tx.events.not_yet_final(CHAIN_ID, chain.head.number) == []


def test_a_payment_nobody_paid_expires_once_on_a_final_block_at_its_pay_by(
    mirror: ChainMirror, memory_store: Store, chain: FakeChain
) -> None:
    payment = create(memory_store, make_payment())
    paid = create(memory_store, make_payment(2))
    mirror.take([chain.mine(chain.next(paid, EventKind.PAYMENT_FUNDED), seconds=HOUR - 1), chain.finalize()])
    assert types(told(memory_store, payment)) == []
    mirror.take([chain.mine(seconds=1)])
    assert types(told(memory_store, payment)) == [], "not before that block is final"
    mirror.take([chain.finalize()])
    mirror.take([chain.mine(), chain.finalize()])
    (notification,) = told(memory_store, payment)
    assert notification.type == "payment.expired"
    assert notification.payload["data"]["status"] == "expired"
    assert notification.version == stored(memory_store, payment).version == 1
    assert "expired" not in types(told(memory_store, paid))


def test_a_foreign_payment_is_stored_without_account_and_nobody_is_told(
    mirror: ChainMirror, memory_store: Store, chain: FakeChain
) -> None:
    foreign = make_payment(account=None, token=address(0xBAD))
    mirror.take([chain.mine(chain.next(foreign, EventKind.PAYMENT_FUNDED)), chain.finalize()])
    now = stored(memory_store, foreign)
    assert (now.account, now.state.status, now.version, now.is_foreign) == (None, Status.FUNDED, 0, True)
    assert now.terms == foreign.terms
    assert told(memory_store) == []


def test_a_payment_in_a_token_that_is_no_longer_known_is_shown_raw(
    mirror: ChainMirror, memory_store: Store, chain: FakeChain
) -> None:
    payment = create(memory_store, make_payment(token=address(0xBAD)))
    mirror.take([chain.mine(chain.next(payment, EventKind.PAYMENT_FUNDED))])
    (notification,) = told(memory_store)
    amount = notification.payload["data"]["amount"]
    assert (amount["symbol"], amount["decimals"], amount["value"]) == ("", 0, "1000000")


def test_withdrawn_credits_are_summed_by_account_and_token(
    mirror: ChainMirror, memory_store: Store, chain: FakeChain
) -> None:
    huge = 2**128
    mirror.take([chain.mine(CreditWithdrawn(BUYER, TOKEN, huge), CreditWithdrawn(BUYER, TOKEN, 1))])
    with memory_store.read() as tx:
        assert tx.credits.totals(CHAIN_ID) == {(BUYER, TOKEN): huge + 1}
    mirror.take([chain.drop(1)[0]])
    with memory_store.read() as tx:
        assert tx.credits.totals(CHAIN_ID) == {}


def test_repaying_is_told_in_parts_and_finalized_when_it_is_all(
    mirror: ChainMirror, memory_store: Store, chain: FakeChain
) -> None:
    payment = create(memory_store, make_payment())
    for kind, status in (
        (EventKind.PAYMENT_FUNDED, None),
        (EventKind.PAYMENT_RELEASED, None),
        (EventKind.PAYMENT_REPAID, Status.RELEASED),
        (EventKind.PAYMENT_REPAID, Status.REPAID),
    ):
        mirror.take([chain.mine(chain.next(payment, kind, status))])
    mirror.take([chain.finalize()])
    seen = told(memory_store)
    assert types(seen) == ["funded", "released", "repaid", "repaid", *["finalized"] * 3]
    assert [each.payload["data"]["repaid"]["base_units"] for each in seen[2:4]] == ["500000", "1000000"]
    assert [each.payload["data"]["status"] for each in seen[2:4]] == ["released", "repaid"]
    assert [each.payload["events"][0]["status"] for each in seen[4:]] == ["funded", "released", "repaid"]
    assert stored(memory_store, payment).state == chain.state(payment)


def test_what_a_deposit_gave_back_and_a_batch_passed_over_stands_in_the_timeline_beside_the_payment(
    mirror: ChainMirror, memory_store: Store, chain: FakeChain
) -> None:
    payment = create(memory_store, make_payment(buyer=BUYER))
    returned = DepositReturned(payment.id, TOKEN, BUYER, 2**200)
    skipped = ItemSkipped(payment.id, 2**255, "0x12345678")
    mirror.take([chain.mine(chain.next(payment, EventKind.PAYMENT_FUNDED), returned, skipped)])
    assert types(told(memory_store)) == ["funded"]
    with memory_store.read() as tx:
        timeline = tx.side_events.timeline(CHAIN_ID, payment.id)
    assert [each.event for each in timeline] == [returned, skipped]
    assert [(each.block.number, each.log_index, each.orphaned) for each in timeline] == [(1, 1, False), (1, 2, False)]
    mirror.take([chain.drop(1)[0]])
    with memory_store.read() as tx:
        assert all(each.orphaned for each in tx.side_events.timeline(CHAIN_ID, payment.id))


def test_a_dismissal_concerns_every_payment_of_the_two_and_a_reorg_takes_it_back(
    mirror: ChainMirror, memory_store: Store, chain: FakeChain
) -> None:
    payment = create(memory_store, make_payment())
    other = create(memory_store, make_payment(2, operator=BUYER))
    mirror.take([chain.mine(OperatorDismissed(PAYOUT, OPERATOR))])
    mirror.take([chain.mine(chain.next(payment, EventKind.PAYMENT_FUNDED))])
    assert stored(memory_store, payment).operator_dismissed
    assert not stored(memory_store, other).operator_dismissed
    assert "operator" not in str(told(memory_store)[0].payload["data"]["actions"])
    mirror.take([chain.drop(2)[0], chain.mine(chain.next(payment, EventKind.PAYMENT_FUNDED))])
    assert not stored(memory_store, payment).operator_dismissed
    assert "operator" in str(told(memory_store)[-1].payload["data"]["actions"])


def test_a_payment_with_a_named_buyer_is_told_with_its_deposit_address(
    mirror: ChainMirror, memory_store: Store, chain: FakeChain
) -> None:
    named, anybody = create(memory_store, make_payment(buyer=BUYER)), create(memory_store, make_payment(2))
    mirror.take([chain.mine(*(chain.next(each, EventKind.PAYMENT_FUNDED) for each in (named, anybody)))])
    shown = [each.payload["data"]["deposit_address"] for each in told(memory_store)]
    assert shown == [deposit_address(ESCROW, named.id, wallet_code_hash()), None]


def test_the_position_is_what_was_accepted_from_the_final_block_on(mirror: ChainMirror, chain: FakeChain) -> None:
    before = mirror.position()
    assert before is not None
    assert (before.genesis_hash, before.blocks, before.final_number) == (GENESIS, (), -1)
    updates: list[ChainUpdate] = [*chain.mine_empty(5), chain.finalize(depth=2)]
    mirror.take(updates)
    after = mirror.position()
    assert after is not None
    assert [block.number for block in after.blocks] == [3, 4, 5]
    assert (after.final_number, after.head) == (3, chain.head)


def test_a_chain_that_was_never_followed_has_no_position(memory_store: Store) -> None:
    mirror = ChainMirror(memory_store, 1, ESCROW, tokens=lambda _: None, clock=lambda: START)
    assert mirror.position() is None
    assert mirror.begin(GENESIS).head is None


def test_another_chain_with_the_same_id_is_refused(mirror: ChainMirror) -> None:
    assert mirror.begin(GENESIS).genesis_hash == GENESIS
    with pytest.raises(GenesisChanged, match="another chain, same id"):
        mirror.begin(digest("another genesis"))
    position = mirror.position()
    assert position is not None
    assert position.genesis_hash == GENESIS


def test_another_escrow_on_the_same_chain_is_refused(
    mirror: ChainMirror, memory_store: Store, chain: FakeChain
) -> None:
    other = ChainMirror(memory_store, CHAIN_ID, address(0xBEEF), tokens=lambda _: None, clock=lambda: START)
    with pytest.raises(EscrowChanged, match=ESCROW):
        other.begin(GENESIS)
    with pytest.raises(EscrowChanged, match=ESCROW):
        other.take([chain.mine()])


def test_ids_of_notifications_follow_from_what_they_tell(
    mirror: ChainMirror, memory_store: Store, chain: FakeChain
) -> None:
    payment = create(memory_store, make_payment())
    accepted: BlockAccepted = chain.mine(chain.next(payment, EventKind.PAYMENT_FUNDED))
    mirror.take([accepted])
    (notification,) = told(memory_store)
    expected = Hash32(digest(f"{CHAIN_ID}:{payment.id}:1:payment.funded"))
    assert notification.id == f"msg_{expected[2:26]}"
