"""Sums of amounts far past 64 bits, exact on both databases, and the rows of each."""

from __future__ import annotations

from dataclasses import replace

from earnest.payment.events import Credited, CreditWithdrawn, EventKind
from earnest.payment.record import Payment
from earnest.store import Store
from earnest.store.balances import Figure
from earnest.store.settlements import SettlementFilter
from tests.support.ledger import CHAIN_ID, FEES, MERCHANT, PAYOUT, TOKEN, FakeChain, make_payment
from tests.support.stores import create, make_mirror

HUGE = 2**128 - 1


def test_sums_are_exact_and_rows_add_up_to_them(store: Store) -> None:
    mirror, chain = make_mirror(store), FakeChain()
    payments = [create(store, make_payment(number, amount=HUGE - number, pay_by=2**33)) for number in range(7)]
    for each in payments:
        mirror.take([chain.mine(chain.next(each, EventKind.PAYMENT_FUNDED))])
    for each in payments[:3]:
        event = replace(chain.next(each, EventKind.PAYMENT_RELEASED), credited=Credited.MERCHANT)
        mirror.take([chain.mine(event)])
    mirror.take([chain.mine(chain.next(payments[3], EventKind.DELIVERY_CONFIRMED))])
    late = chain.head.timestamp + payments[3].terms.dispute_window
    mirror.take([chain.mine(CreditWithdrawn(PAYOUT, TOKEN, 5), CreditWithdrawn(FEES, TOKEN, 7))])
    states = [chain.state(each) for each in payments]
    with store.read() as tx:
        (sums,) = tx.balances.sums(MERCHANT.id, {CHAIN_ID: late})
        assert (sums.chain_id, sums.token) == (CHAIN_ID, TOKEN)
        assert sums.sums == {
            Figure.HELD: sum(each.held for each in states),
            Figure.RELEASABLE: states[3].held,
            Figure.RELEASED: sum(each.to_merchant for each in states),
            Figure.FEES: sum(each.to_fee_recipient for each in states),
            Figure.REFUNDED: 0,
            Figure.REPAID: 0,
        }
        (early,) = tx.balances.sums(MERCHANT.id, {CHAIN_ID: late - 1})
        assert early.sums[Figure.RELEASABLE] == 0
        for figure in Figure:
            found: list[tuple[Payment, int]] = []
            cursor = None
            while page := tx.balances.rows(MERCHANT.id, figure, (CHAIN_ID, TOKEN), late, cursor=cursor, limit=2):
                found += page.items
                if (cursor := page.next_cursor) is None:
                    break
            assert sum(amount for _, amount in found) == sums.sums[figure], figure
        owed = tx.balances.credits(MERCHANT.id, CHAIN_ID, PAYOUT, TOKEN)
        assert tx.balances.owed(CHAIN_ID, PAYOUT, [TOKEN]) == {TOKEN: sums.sums[Figure.RELEASED] - 5}
        assert tx.balances.owed(CHAIN_ID, PAYOUT, [FEES]) == {}
        assert sum(each.signed for each in owed) == sums.sums[Figure.RELEASED] - 5
        assert [each.payment_id for each in owed] == [*(each.id for each in payments[:3]), None]
        assert tx.balances.sums("mer_2", {CHAIN_ID: late}) == []
        moved = [each.id for some in tx.settlements.moved(MERCHANT.id, SettlementFilter()) for each in some]
        assert sorted(moved) == sorted(each.id for each in payments)
        assert moved[-1] == payments[3].id
