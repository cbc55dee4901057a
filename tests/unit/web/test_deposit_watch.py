"""Waiting for a deposit after the page was closed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from fastapi import FastAPI

from earnest.payment.errors import Unavailable
from earnest.payment.events import EventKind
from earnest.payment.primitives import Hash32
from earnest.payment.status import Status
from earnest.web.checkout import watch
from earnest.web.checkout.watch import DepositWatch
from earnest.wiring.pages import make_site
from tests.support.ledger import BUYER
from tests.unit.api.house import Down, House


def watch_of(house: House) -> DepositWatch:
    found: DepositWatch = cast(FastAPI, house.client.app).state.deposit_watch
    return found


def waited_for(house: House) -> tuple[Hash32, DepositWatch]:
    """Return a payment over 1.00 whose buyer has said that he sent it."""
    payment = house.create(buyer=BUYER)["id"]
    answer = house.get(f"/checkout/{payment}/deposit", key=None)
    assert answer.status_code == 200, answer.text
    return Hash32(payment), watch_of(house)


def lies_there(house: House, base_units: int) -> None:
    house.node.answers["eth_call"] = "0x" + base_units.to_bytes(32, "big").hex()


def test_what_came_is_collected_once_when_it_is_enough(house: House) -> None:
    lies_there(house, 0)
    payment, deposits = waited_for(house)
    for there, sent in ((0, 0), (999_999, 0), (1_000_000, 1), (1_000_000, 1)):
        lies_there(house, there)
        deposits.look(payment)
        assert len(house.sender.submitted) == sent, there
    assert house.sender.submitted[0].verb == "collect"


def test_nobody_waits_for_what_is_paid(house: House) -> None:
    lies_there(house, 0)
    payment, deposits = waited_for(house)
    house.happen(payment, EventKind.PAYMENT_FUNDED, Status.FUNDED)
    deposits.look(payment)
    assert deposits.watched == []
    assert house.get(f"/checkout/{payment}/deposit", key=None).status_code == 200
    assert deposits.watched == []


def test_a_node_that_is_away_is_asked_again(house: House) -> None:
    lies_there(house, 0)
    payment, deposits = waited_for(house)
    answers: dict[str, Any] = house.node.answers
    answers["eth_call"] = Unavailable("away")
    deposits.look(payment)
    assert deposits.watched == [payment]


def test_a_restart_forgets_no_deposit(house: House) -> None:
    lies_there(house, 0)
    payment, _ = waited_for(house)
    after = DepositWatch(make_site(house.services))
    assert after.watched == [payment]
    lies_there(house, 1_000_000)
    for each in after.due():
        after.look(each)
    assert [each.verb for each in house.sender.submitted] == ["collect"]


def test_processes_share_the_looking_and_each_deposit_is_looked_at_again_after_a_pause(house: House) -> None:
    lies_there(house, 0)
    payment, _ = waited_for(house)
    now = [1_000.0]
    one, other = (DepositWatch(make_site(house.services), 10, lambda: now[0]) for _ in range(2))
    assert (one.due(), other.due()) == ([payment], [])
    now[0] += 9
    assert (one.due(), other.due()) == ([], [])
    now[0] += 1
    assert (other.due(), one.due()) == ([payment], [])


def test_a_database_that_is_away_is_asked_again(house: House) -> None:
    away = DepositWatch(replace(make_site(house.services), store=Down()))
    assert away.due() == []


def test_only_so_many_are_waited_for_and_the_oldest_is_let_go(house: House) -> None:
    deposits = watch_of(house)
    ids = [Hash32(f"0x{number:064x}") for number in range(watch.MOST_WATCHED + 1)]
    for each in ids:
        deposits.add(each, "mer_1")
    assert len(deposits.watched) == watch.MOST_WATCHED
    assert ids[0] not in deposits.watched


def test_no_merchants_payments_push_out_those_of_another(house: House) -> None:
    deposits = watch_of(house)
    few = Hash32(f"0x{10**6:064x}")
    deposits.add(few, "mer_few")
    for number in range(2 * watch.MOST_WATCHED):
        deposits.add(Hash32(f"0x{number:064x}"), "mer_many")
    assert few in deposits.watched
    assert len(deposits.watched) == watch.MOST_WATCHED
