"""How the client asks: again where that helps, once where it must be, page after page, and what it says of failures."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from earnest.client import Client, NotEarnest, Problem, Unreachable, read_webhook
from earnest.payment.errors import InvalidInput

HEAD = {"number": 7, "hash": "0x" + "ab" * 32, "timestamp": "2026-01-31T12:00:00Z"}
BUSY = {"code": "node_busy", "title": "Busy", "detail": "the node is busy", "retryable": True, "request_id": "r1"}
REFUSED = {"code": "too_early", "title": "Conflict", "detail": "not yet", "retryable": False, "param": "verb"}

Answer = Callable[[httpx.Request], httpx.Response]


def client_of(*answers: Answer | httpx.Response, patience_seconds: float = 5.0) -> tuple[Client, list[httpx.Request]]:
    """Return a client whose requests get these answers, one after the other, and the requests."""
    asked: list[httpx.Request] = []
    left = list(answers)

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        answer = left.pop(0)
        return answer if isinstance(answer, httpx.Response) else answer(request)

    transport = httpx.MockTransport(handle)
    return Client("http://earnest", "ek_test_x", patience_seconds=patience_seconds, transport=transport), asked


def refuse_connection(_request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused")


def problem(status: int, told: dict[str, Any], **headers: str) -> httpx.Response:
    return httpx.Response(status, json=told, headers={"content-type": "application/problem+json", **headers})


def test_a_post_keeps_its_idempotency_key_over_all_tries() -> None:
    client, asked = client_of(refuse_connection, problem(503, BUSY), httpx.Response(200, json=HEAD))
    assert client.mine().number == 7
    keys = {each.headers["idempotency-key"] for each in asked}
    assert (len(asked), len(keys)) == (3, 1)


def test_another_post_has_another_key() -> None:
    client, asked = client_of(httpx.Response(200, json=HEAD), httpx.Response(200, json=HEAD))
    client.mine()
    client.mine()
    assert len({each.headers["idempotency-key"] for each in asked}) == 2


def test_a_refusal_is_told_at_once_with_its_word() -> None:
    client, asked = client_of(problem(409, REFUSED))
    with pytest.raises(Problem, match="not yet") as told:
        client.confirm_delivery("0x00")
    assert (told.value.kind, told.value.status, told.value.param, told.value.may_retry) == (
        "too_early",
        409,
        "verb",
        False,
    )
    assert len(asked) == 1


def test_the_service_says_how_long_to_wait_and_a_client_without_so_much_patience_gives_up() -> None:
    client, asked = client_of(problem(429, {**BUSY, "code": "too_many_requests"}, **{"Retry-After": "60"}))
    with pytest.raises(Problem) as told:
        client.mine()
    assert told.value.retry_after_seconds == 60
    assert len(asked) == 1


def test_nobody_there_is_told_with_the_address() -> None:
    client, _ = client_of(refuse_connection, patience_seconds=0)
    with pytest.raises(Unreachable, match="http://earnest"):
        client.sync()


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404, text="<html>"),
        httpx.Response(200, text="hello"),
        httpx.Response(200, json={"jsonrpc": "2.0"}),
    ],
)
def test_a_stranger_is_not_taken_for_the_service(answer: httpx.Response) -> None:
    client, _ = client_of(answer)
    with pytest.raises(NotEarnest):
        client.sync()


def test_what_a_wallet_signs_is_told_from_what_it_sends() -> None:
    typed_data = {"primaryType": "Receipt", "message": {"deadline": 1}}
    to_sign = {"verb": "release_with_receipt", "typed_data": typed_data, "come_back_with": {"a": "1"}, "before": []}
    tx = {"verb": "fund", "to": "0x", "data": "0x", "value": "5", "chain_id": 1, "gas": 9, "before": []}
    client, asked = client_of(httpx.Response(200, json=to_sign), httpx.Response(200, json=tx))
    assert client.prepare("0x00", "release_with_receipt", "0xb").typed_data == typed_data  # type: ignore[union-attr]
    assert client.prepare("0x00", "fund", "0xb", buyer="0xc", amount=None).value == 5  # type: ignore[union-attr]
    assert [dict(each.url.params) for each in asked] == [{"from": "0xb"}, {"from": "0xb", "buyer": "0xc"}]


def test_a_service_that_is_not_ready_says_why_at_once() -> None:
    client, asked = client_of(httpx.Response(503, json={"ready": False, "reasons": ["nobody follows"]}))
    assert client.ready().reasons == ["nobody follows"]
    assert len(asked) == 1


def test_no_word_of_a_stranger_repeats_what_may_be_secret() -> None:
    transport = httpx.MockTransport(lambda _request: httpx.Response(404, text="<html>"))
    with Client("http://me:hunter2@earnest", transport=transport) as client, pytest.raises(NotEarnest) as told:
        client.payment("0x00")
    assert "hunter2" not in str(told.value)
    assert "http://earnest" in str(told.value)


def test_lists_are_fetched_page_by_page_and_no_earlier_than_they_are_walked() -> None:
    def event(name: str) -> dict[str, Any]:
        return {"id": name, "type": "payment.funded", "timestamp": HEAD["timestamp"], "data": {}, "events": []}

    client, asked = client_of(
        httpx.Response(200, json={"data": [event("b")], "has_more": True, "next_cursor": "c1"}),
        httpx.Response(200, json={"data": [event("a")], "has_more": False, "next_cursor": None}),
    )
    events = client.events()
    assert asked == []
    assert [each.id for each in events] == ["b", "a"]
    assert [dict(each.url.params) for each in asked] == [{"limit": "100"}, {"limit": "100", "cursor": "c1"}]


def test_the_stream_comes_back_after_the_last_that_it_had() -> None:
    def stream(text: str) -> httpx.Response:
        return httpx.Response(200, text=text, headers={"content-type": "text/event-stream"})

    first = stream('retry: 1\nid: p0\n\n: still here\n\nid: m1\nevent: payment.funded\ndata: {"id":"m1"}\n\nid: m2\nev')
    client, asked = client_of(
        first, refuse_connection, stream('id: m2\nevent: payment.released\ndata: {"id":"m2"}\n\n')
    )
    breaks: list[Exception | None] = []
    messages = client.stream().messages(breaks.append, lambda: breaks.append(None))
    heard = [next(messages), next(messages)]
    assert [(each.id, each.type, json.loads(each.data)["id"]) for each in heard] == [
        ("m1", "payment.funded", "m1"),
        ("m2", "payment.released", "m2"),
    ]
    assert [each.headers.get("last-event-id") for each in asked] == [None, "m1", "m1"]
    assert [type(each).__name__ for each in breaks] == ["NoneType", "Unreachable", "Unreachable", "NoneType"]


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_AAAA", "hunter2"])
def test_a_secret_that_is_none_is_a_fault_of_the_receivers_and_not_of_the_webhook(secret: str) -> None:
    with pytest.raises(InvalidInput) as told:
        read_webhook(b"{}", {}, secret)
    assert "hunter2" not in str(told.value)


@pytest.mark.parametrize("url", ["", "earnest", "ftp://earnest", "http://"])
def test_what_is_no_url_is_refused_by_its_name(url: str) -> None:
    with pytest.raises(InvalidInput):
        Client(url)


def test_a_key_that_cannot_be_one_is_refused_and_not_repeated() -> None:
    with pytest.raises(InvalidInput) as told:
        Client("http://earnest", "ek_test_ secret")
    assert "secret" not in str(told.value)
