"""Fifty equal POSTs at the same moment, over real connections, on both databases: one payment, one tx, one answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import httpx
import pytest

from earnest.payment.events import EventKind
from earnest.store import Store
from tests.integration.api.serving import Served, served
from tests.support.stores import postgres_template, sqlite_template, store
from tests.unit.api.house import House, house_on

__all__ = ["postgres_template", "sqlite_template", "store"]

MANY = 50
ONE = {"amount": {"value": "1.00", "token": "USDX"}, "order_reference": "A-1"}


def at_once(ask: Callable[[httpx.Client], httpx.Response], *, patient: bool = True) -> list[httpx.Response]:
    """Ask from fifty connections at the same moment; whoever is `patient` comes back in a moment if told to."""
    gate = Barrier(MANY)

    def one(_number: int) -> httpx.Response:
        with httpx.Client(timeout=60, trust_env=False) as client:
            gate.wait(60)
            while True:
                answer = ask(client)
                if answer.status_code < 400 or not patient or not answer.json()["retryable"]:
                    return answer
                time.sleep(0.05)

    with ThreadPoolExecutor(MANY) as pool:
        return list(pool.map(one, range(MANY)))


def post(service: Served, path: str, body: Any, key: str | None) -> Callable[[httpx.Client], httpx.Response]:
    headers = service.headers() | ({"Idempotency-Key": key} if key else {})
    return lambda client: client.post(f"{service.url}{path}", json=body, headers=headers)


@pytest.fixture
def crowded(store: Store) -> House:
    return house_on(store)


def test_fifty_equal_requests_make_one_payment_and_one_tx(crowded: House) -> None:
    with served(crowded) as service:
        created = at_once(post(service, "/v1/payments", ONE, "order-1"))
        assert {each.status_code for each in created} == {201}
        assert len({each.content for each in created}) == 1
        assert sum("idempotency-replayed" not in each.headers for each in created) == 1
        listed = crowded.get("/v1/payments").json()["data"]
        assert [each["id"] for each in listed] == [created[0].json()["id"]]
        payment = listed[0]["id"]
        crowded.happen(payment, EventKind.PAYMENT_FUNDED)
        part = {"amount": {"value": "0.25"}}
        sent = at_once(post(service, f"/v1/payments/{payment}/refund", part, "refund-1"))
        assert {each.status_code for each in sent} == {202}
        assert len({each.json()["tx"]["hash"] for each in sent}) == 1
        assert len(crowded.get(f"/v1/payments/{payment}/txs").json()["data"]) == 1


def test_without_a_key_too_fifty_confirmations_are_one_tx(crowded: House) -> None:
    with served(crowded) as service:
        payment = crowded.create()["id"]
        crowded.happen(payment, EventKind.PAYMENT_FUNDED)
        sent = at_once(post(service, f"/v1/payments/{payment}/confirm_delivery", {}, None))
        assert {each.status_code for each in sent} == {202}
        assert len({each.json()["tx"]["id"] for each in sent}) == 1
        assert len(crowded.get(f"/v1/payments/{payment}/txs").json()["data"]) == 1


def test_fifty_different_payments_at_once_are_fifty_payments_and_nobody_is_sent_away(crowded: House) -> None:
    numbers = iter(range(MANY))

    def one(client: httpx.Client) -> httpx.Response:
        body = {**ONE, "order_reference": f"B-{next(numbers)}"}
        return client.post(f"{service.url}/v1/payments", json=body, headers=service.headers())

    with served(crowded) as service:
        answers = at_once(one, patient=False)
        assert {each.status_code for each in answers} == {201}
        assert len({each.json()["id"] for each in answers}) == MANY
