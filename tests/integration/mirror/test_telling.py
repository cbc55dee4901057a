"""Small sums told at once and large ones when they are final, on the real contract and on both databases."""

from __future__ import annotations

from earnest.payment.primitives import ZERO_ADDRESS
from earnest.payment.tell_rule import parse_tell_rule
from earnest.payment.terms import Terms
from tests.integration.mirror.yard import Yard
from tests.support.ledger import MERCHANT
from tests.support.stores import told as told_all
from tests.support.stores import types

LARGE = 1_000_000


def rule(yard: Yard, *steps: str) -> None:
    with yard.store.transaction() as tx:
        tx.merchants.set_tell_rule(MERCHANT.id, parse_tell_rule(steps))


def told(yard: Yard, number: int) -> list[tuple[str, str, str]]:
    found = told_all(yard.store, yard.payments[number])
    assert [each.version for each in found] == list(range(1, len(found) + 1))
    shown = [each.payload["data"] for each in found]
    return [(what, data["status"], data["finality"]) for what, data in zip(types(found), shown, strict=True)]


def pay(yard: Yard, number: int, amount: int) -> Terms:
    terms = yard.create(yard.town.terms(number, amount=amount))
    yard.town.fund(terms)
    return terms


def test_a_small_sum_is_told_at_once_and_a_large_one_only_when_it_is_final(yard: Yard) -> None:
    rule(yard, f"{ZERO_ADDRESS}:final:{LARGE}")
    pay(yard, 1, LARGE - 1)
    pay(yard, 2, LARGE)
    yard.follow()
    assert told(yard, 0) == [("funded", "funded", "included")]
    assert told(yard, 1) == []
    yard.mine(3)
    yard.follow()
    assert told(yard, 1) == []
    yard.mine()
    yard.follow()
    assert told(yard, 0) == [("funded", "funded", "included"), ("finalized", "funded", "final")]
    assert told(yard, 1) == [("funded", "funded", "final"), ("finalized", "funded", "final")]


def test_the_steps_of_a_life_are_told_in_order_each_when_it_is_safe(yard: Yard) -> None:
    rule(yard, "*:safe:0")
    terms = pay(yard, 1, LARGE)
    yard.town.confirm(terms)
    yard.follow()
    assert told(yard, 0) == []
    yard.mine()
    yard.follow()
    # The delivery stands a block later, and nothing is seen of it before its own turn.
    assert told(yard, 0) == [("funded", "funded", "safe")]
    yard.mine()
    yard.follow()
    assert told(yard, 0)[1:] == [("delivered", "delivered", "safe")]
    yard.mine(4)
    yard.follow()
    assert told(yard, 0)[2:] == [("finalized", "delivered", "final")] * 2


def test_of_a_large_sum_that_a_reorg_takes_nothing_is_heard_and_a_rebuild_tells_nothing_twice(yard: Yard) -> None:
    rule(yard, f"{ZERO_ADDRESS}:final:{LARGE}")
    yard.mine(2)
    before = yard.node.call("evm_snapshot")
    terms = pay(yard, 1, LARGE)
    yard.mine()
    yard.follow()
    assert yard.node.call("evm_revert", (before,))
    yard.mine(3)
    yard.follow()
    assert told(yard, 0) == []
    yard.town.fund(terms)
    yard.follow()
    done, said = yard.rebuilt()
    assert (said, done.replaced) == ([], None)
    assert told(yard, 0) == []
    yard.mine(4)
    yard.follow()
    assert told(yard, 0) == [("funded", "funded", "final"), ("finalized", "funded", "final")]
