"""A node that takes a question and never answers: the API stays up for everything that needs no node."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from earnest.api.node_turns import PUBLIC_TURNS
from earnest.api.routes import wallet
from tests.support.ledger import BUYER
from tests.unit.api.house import House, client_of

REQUESTS = 100


@pytest.fixture
def hanging(house: House) -> Iterator[tuple[House, str, threading.Event]]:
    """A payment, and a node that holds every question until the test is over."""
    payment = house.create()["id"]
    over = threading.Event()

    def hang(*_: Any) -> str:
        over.wait(60)
        return "0x"

    house.node.answers |= dict.fromkeys(("eth_call", "eth_getCode", "eth_estimateGas"), hang)
    with client_of(house.services) as client:  # one event loop for all requests, as a server has
        house.client = client
        try:
            yield house, payment, over
        finally:
            over.set()


def timed(house: House, path: str, **how: Any) -> float:
    began = time.monotonic()
    assert house.get(path, **how).status_code == 200
    return time.monotonic() - began


def test_a_hundred_that_wait_for_a_node_leave_the_rest_of_the_api_alone(
    hanging: tuple[House, str, threading.Event],
) -> None:
    house, payment, _ = hanging
    path = f"/v1/payments/{payment}/txs/fund?from={BUYER}"
    began = time.monotonic()
    with ThreadPoolExecutor(REQUESTS) as pool:
        waiting = [pool.submit(house.get, path, key=None) for _ in range(REQUESTS)]
        time.sleep(0.5)
        for other, how in (("/health/live", {"key": None}), ("/v1/payments", {}), ("/health/ready", {"key": None})):
            assert timed(house, other, **how) < wallet.NODE_SECONDS / 2, "it waited behind them"
        answers = [each.result() for each in waiting]
    assert time.monotonic() - began < wallet.NODE_SECONDS + 5
    assert {each.status_code for each in answers} == {503}
    assert {each.headers["Retry-After"] for each in answers} == {"5"}
    codes = Counter(each.json()["code"] for each in answers)
    assert codes == {"node_too_slow": PUBLIC_TURNS, "node_busy": REQUESTS - PUBLIC_TURNS}
    assert answers[0].json()["retryable"] is True


def test_a_turn_lasts_until_the_node_answers_at_last(hanging: tuple[House, str, threading.Event]) -> None:
    house, payment, over = hanging
    path = f"/v1/payments/{payment}/txs/fund?from={BUYER}"
    with ThreadPoolExecutor(PUBLIC_TURNS) as pool:
        waiting = [pool.submit(house.get, path, key=None) for _ in range(PUBLIC_TURNS)]
        assert {each.result().json()["code"] for each in waiting} == {"node_too_slow"}
    assert house.get(path, key=None).json()["code"] == "node_busy", "what hangs has its thread still"
    over.set()
    deadline = time.monotonic() + 10
    while house.get(path, key=None).json().get("code") == "node_busy":
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_strangers_cannot_take_the_turns_of_those_who_have_a_key(hanging: tuple[House, str, threading.Event]) -> None:
    house, payment, _ = hanging
    path = f"/v1/payments/{payment}/txs/fund?from={BUYER}"
    body = {"amount": {"value": "1.00", "token": "USDX"}}
    with ThreadPoolExecutor(PUBLIC_TURNS) as pool:
        waiting = [pool.submit(house.get, path, key=None) for _ in range(PUBLIC_TURNS)]
        time.sleep(0.3)
        assert house.post("/v1/payments", body).status_code == 201
        assert {each.result().status_code for each in waiting} == {503}
