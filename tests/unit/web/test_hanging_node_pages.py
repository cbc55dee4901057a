"""A node that takes a question and never answers: the pages stay up for everything that needs no node."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import pytest

from earnest.api.node_turns import PUBLIC_TURNS
from earnest.commands.journal import StoreJournal
from earnest.payment.events import Credited, EventKind
from earnest.payment.money import format_value
from earnest.web.turns import NODE_SECONDS
from tests.support.ledger import BUYER, CHAIN_ID, OPERATOR
from tests.unit.api.house import House
from tests.unit.web.desk import at_desk

REQUESTS = 60
"""More than the framework's 40 threads."""
HTML = {"accept": "text/html"}


@dataclass
class Hanging:
    """From when it begins to hang, it answers nothing until that is over."""

    over: threading.Event

    def __call__(self, *_: Any) -> str:
        self.over.wait(60)
        return "0x6001"


class HangingJournal(StoreJournal):
    """A sender's journal behind a node that hangs."""

    hanging: Hanging

    def enqueue(self, *how: Any) -> Any:
        self.hanging()
        return super().enqueue(*how)


@pytest.fixture
def hanging(house: House) -> Iterator[Hanging]:
    """Every question to the node hangs, and so does whoever sends; one event loop for all requests, as a server has."""
    hangs = Hanging(threading.Event())
    hangs.over.set()
    house.node.answers |= dict.fromkeys(("eth_call", "eth_getCode", "eth_estimateGas", "eth_getBlockByNumber"), hangs)
    house.sender.journal = HangingJournal(house.store, CHAIN_ID, OPERATOR, lambda: house.moment[0])
    house.sender.journal.hanging = hangs
    with house.client:
        try:
            yield hangs
        finally:
            hangs.over.set()


def quick(house: House, path: str) -> str:
    began = time.monotonic()
    answer = house.client.get(path, headers=HTML)
    assert answer.status_code == 200, answer.text
    assert time.monotonic() - began < NODE_SECONDS, f"{path} waited for the node"
    return str(answer.text)


@pytest.mark.parametrize("asks", ["deposit", "console", "receipt", "relay"])
def test_those_who_wait_for_a_node_leave_the_pages_alone(house: House, hanging: Hanging, asks: str) -> None:
    payment = house.create(buyer=BUYER)["id"]
    hanging.over.clear()
    page = f"/checkout/{payment}"
    signed = {"signature": "0x" + "11" * 65}

    def ask(_: int) -> int:
        match asks:
            case "deposit":
                return int(house.client.get(f"{page}/deposit").status_code)
            case "console":
                return int(house.client.get("/console/blocks").status_code)
            case "receipt":
                return int(house.client.post(f"{page}/receipt_code", json=signed).status_code)
            case _:
                return int(house.client.post(f"{page}/relay", json={"verb": "collect"}).status_code)

    with ThreadPoolExecutor(REQUESTS) as pool:
        waiting = pool.map(ask, range(REQUESTS))
        time.sleep(0.5)
        for path in (page, f"{page}/parts", "/console", "/"):
            quick(house, path)
        time.sleep(2)  # what stands in line is told to come back
        hanging.over.set()
        answers = list(waiting)
    if asks != "relay":  # of those, an address has ten at once
        assert answers.count(503) >= REQUESTS - PUBLIC_TURNS


def test_a_desk_whose_sender_hangs_still_shows_its_pages_and_the_checkout(house: House, hanging: Hanging) -> None:
    made = [house.create(buyer=BUYER)["id"] for _ in range(REQUESTS)]
    for each in made:
        house.happen(each, EventKind.PAYMENT_FUNDED)
    browser = at_desk(house)
    token = browser.token
    hanging.over.clear()
    with ThreadPoolExecutor(REQUESTS) as pool:
        waiting = pool.map(
            lambda each: browser.post(f"/desk/payments/{each}/confirm_delivery", {"token": token}).status_code, made
        )
        time.sleep(0.5)
        quick(house, "/desk/payments")
        quick(house, f"/checkout/{made[0]}")
        time.sleep(2)
        hanging.over.set()
        answers = list(waiting)
    assert set(answers) == {303, 503}
    assert answers.count(303) == len(house.sender.submitted)


def test_strangers_cannot_take_the_turns_of_who_is_signed_in(house: House, hanging: Hanging) -> None:
    made = house.create(buyer=BUYER)["id"]
    house.happen(made, EventKind.PAYMENT_FUNDED)
    house.sender.journal = StoreJournal(house.store, CHAIN_ID, OPERATOR, lambda: house.moment[0])
    browser = at_desk(house)
    hanging.over.clear()
    with ThreadPoolExecutor(PUBLIC_TURNS) as pool:
        waiting = [pool.submit(house.client.get, f"/checkout/{made}/deposit") for _ in range(PUBLIC_TURNS)]
        time.sleep(0.3)
        assert browser.post(f"/desk/payments/{made}/confirm_delivery").status_code == 303
        hanging.over.set()
        assert all(each.result().status_code in (200, 503) for each in waiting)


def test_what_the_escrow_owes_the_buyer_is_known_from_its_logs_without_a_node(house: House, hanging: Hanging) -> None:
    made = house.payment(house.create(buyer=BUYER)["id"])
    house.happen(made.id, EventKind.PAYMENT_FUNDED)
    refund = house.chain.next(made, EventKind.PAYMENT_REFUNDED)
    house.tell(house.chain.mine(replace(refund, credited=Credited.BUYER)))
    hanging.over.clear()
    assert format_value(made.terms.amount, 6) in quick(house, f"/checkout/{made.id}/parts")
    asked = house.client.get(f"/checkout/{made.id}/txs/withdraw")
    assert asked.json()["verb"] == "withdraw"
