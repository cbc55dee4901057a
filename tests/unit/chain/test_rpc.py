"""The client's answers and errors: one tree, nothing secret in any word of it."""

from __future__ import annotations

import gzip
import json
import logging
import random
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from earnest.chain.backoff import LONGEST_RETRY_SECONDS
from earnest.chain.carriers import HttpAnswer
from earnest.chain.errors import (
    AnswerTooLarge,
    BadNodeUrl,
    MalformedAnswer,
    NodeTimeout,
    NodeUnavailable,
    RateLimited,
    RpcError,
)
from earnest.chain.later import Later
from earnest.chain.node import Call
from earnest.chain.rpc import RETRIES, SIDE_BY_SIDE, Rpc
from earnest.payment.errors import EarnestError

URL = "https://user:passw0rd@node.example/v2/s3cret-key?token=s3cret-too"
Handler = Callable[[httpx.Request], httpx.Response]


def rpc(handler: Handler, **options: Any) -> Rpc:
    transport = httpx.MockTransport(handler)
    return Rpc(URL, transport=transport, sleep=lambda _seconds: None, **options)


def answering(*answers: Any) -> tuple[Handler, list[Any]]:
    """A handler that gives these answers one after the other: a Response, an exception, or what a result should be."""
    asked: list[Any] = []
    left = iter(answers)

    def handle(request: httpx.Request) -> httpx.Response:
        question = json.loads(request.content)
        asked.append(question)
        answer = next(left)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx.Response):
            return answer
        return httpx.Response(200, json={"jsonrpc": "2.0", "id": question["id"], "result": answer})

    return handle, asked


def every_httpx_exception() -> list[type[Exception]]:
    found = [each for each in vars(httpx).values() if isinstance(each, type) and issubclass(each, Exception)]
    assert len(found) > 20
    return sorted(found, key=lambda each: each.__name__)


def make(kind: type[Exception]) -> Exception:
    try:
        return kind("s3cret-key in the message")
    except TypeError:
        pass
    if kind is httpx.HTTPStatusError:
        request = httpx.Request("POST", URL)
        return httpx.HTTPStatusError("s3cret-key", request=request, response=httpx.Response(500))
    return kind()


@pytest.mark.parametrize("kind", every_httpx_exception(), ids=lambda kind: kind.__name__)
def test_every_exception_of_the_driver_maps_into_the_tree_without_its_secret(kind: type[Exception]) -> None:
    handler, _ = answering(*[make(kind)] * 3)
    with pytest.raises(NodeUnavailable) as raised:
        rpc(handler).call("eth_chainId")
    assert "node.example" in str(raised.value)
    assert "s3cret" not in repr(raised.value)
    assert "passw0rd" not in repr(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.retryable


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"<html>", b"null", b"7", b'"text"', b"[]", b"{", b'{"id": 1, "result": 1', b'{"result": 1}'),
        *(b"\xff\xfe", b'{"jsonrpc":"2.0","id":99,"result":"0x1"}', b'{"error": 7}', b"[" * 100_000),
        b'{"id":{},"result":1}',
    ],
)
def test_every_malformed_answer_maps_into_the_tree(body: bytes) -> None:
    handler, _ = answering(*[httpx.Response(200, content=body)] * 3)
    with pytest.raises(MalformedAnswer):
        rpc(handler).call("eth_chainId")


@pytest.mark.parametrize("result", [None, 1, [], {}, "1", "0x", "0xzz"])
def test_a_result_of_another_shape_is_a_malformed_answer(result: Any) -> None:
    handler, _ = answering(*[result] * 3)
    with pytest.raises(MalformedAnswer):
        rpc(handler).chain_id()


@pytest.mark.parametrize(
    ("status", "error"),
    [
        *((status, NodeUnavailable) for status in (302, 401, 500, 503)),
        (429, RateLimited),
        (413, AnswerTooLarge),
    ],
)
def test_an_http_status_of_error_maps_into_the_tree(status: int, error: type[EarnestError]) -> None:
    handler, _ = answering(*[httpx.Response(status, content=b"oh no s3cret")] * 3)
    with pytest.raises(error) as raised:
        rpc(handler).call("eth_chainId")
    assert "s3cret" not in str(raised.value)


def test_a_json_rpc_error_keeps_code_message_and_data_even_under_a_status_of_error() -> None:
    body = {"jsonrpc": "2.0", "id": 1, "error": {"code": 3, "message": "execution reverted", "data": "0x08c379a0"}}
    handler, _ = answering(httpx.Response(500, json=body))
    with pytest.raises(RpcError) as raised:
        rpc(handler).call("eth_call")
    assert (raised.value.error_code, raised.value.message, raised.value.data) == (3, "execution reverted", "0x08c379a0")


def test_a_question_is_asked_again_after_no_answer() -> None:
    handler, asked = answering(httpx.ConnectError("down"), httpx.Response(502), "0x7a69")
    assert rpc(handler).chain_id() == 31_337
    assert len(asked) == 3


def test_a_tx_is_never_handed_over_twice_by_itself() -> None:
    handler, asked = answering(httpx.ReadTimeout("slow"), "0x")
    with pytest.raises(NodeTimeout):
        rpc(handler).send_raw(b"\x02")
    assert len(asked) == 1


def test_a_tx_that_is_asked_for_ahead_is_not_handed_over_twice_either() -> None:
    handler, asked = answering(httpx.ConnectError("away"), "0x")
    later = rpc(handler).call_later("eth_sendRawTransaction", ("0x02",))
    with pytest.raises(NodeUnavailable):
        later()
    assert len(asked) == 1


def test_the_node_says_how_long_to_wait_and_we_do_within_bounds() -> None:
    waits: list[float] = []
    handler, _ = answering(httpx.Response(429, headers={"Retry-After": "2"}), httpx.Response(429), "0x1")
    transport = httpx.MockTransport(handler)
    assert Rpc(URL, transport=transport, sleep=waits.append).chain_id() == 1
    assert 1.6 <= waits[0] <= 2.4
    assert waits[1] < 1


def test_questions_under_way_that_are_all_refused_as_too_many_are_one_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("earnest.chain.backoff.time.monotonic", lambda: now[0])
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        now[0] += seconds

    refused = HttpAnswer(429, "2", b"")

    class Busy:
        """Refuses whatever was posted before it was left alone for once."""

        def post(self, content: bytes) -> HttpAnswer:
            return refused if not waits else HttpAnswer(200, None, answer_to(content))

        def post_later(self, content: bytes) -> Later[HttpAnswer]:
            return Later(lambda: refused)

        def close(self) -> None:
            pass

    asking = Rpc(URL, transport=httpx.MockTransport(answering()[0]), sleep=sleep)
    asking._carrier = Busy()
    ahead = [asking.call_later("eth_chainId", (), str) for _ in range(4)]
    assert [each() for each in ahead] == ["0x7"] * 4
    assert len(waits) == 1
    assert 1.6 <= waits[0] <= 2.4


def test_a_question_that_waited_for_others_first_is_not_waited_for_longer_than_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr("earnest.chain.backoff.time.monotonic", lambda: now[0])

    def sleep(seconds: float) -> None:
        now[0] += seconds

    handler, asked = answering(*[httpx.Response(429, headers={"Retry-After": "9999"})] * 20)
    asking = Rpc(URL, transport=httpx.MockTransport(handler), sleep=sleep)
    for first in (True, False):
        now[0] += 1e-3
        before = now[0]
        with pytest.raises(RateLimited):
            asking.call("eth_chainId", (), str)
        assert now[0] - before <= RETRIES * LONGEST_RETRY_SECONDS
        assert len(asked) == (3 if first else 5)


def answer_to(content: bytes) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": json.loads(content)["id"], "result": "0x7"}).encode()


def test_an_answer_larger_than_the_limit_is_not_read_to_its_end() -> None:
    read = 0

    def parts() -> Iterator[bytes]:
        nonlocal read
        for _ in range(1_000):
            read += 1_000
            yield b"x" * 1_000

    handler, _ = answering(httpx.Response(200, content=parts()))
    with pytest.raises(AnswerTooLarge, match="5000 bytes"):
        rpc(handler, max_answer_bytes=5_000).call("eth_getLogs")
    assert read < 10_000


def batch_answer(make_answer: Callable[[list[Any]], Any]) -> tuple[Handler, list[Any]]:
    asked: list[Any] = []

    def handle(request: httpx.Request) -> httpx.Response:
        question = json.loads(request.content)
        asked.append(question)
        return httpx.Response(200, json=make_answer(question))

    return handle, asked


def ok(question: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": question["id"], "result": question["params"][0]}


def test_a_batch_is_put_in_order_by_its_ids() -> None:
    handler, _ = batch_answer(lambda questions: [ok(each) for each in reversed(questions)])
    assert rpc(handler).batch([Call("echo", (n,)) for n in range(5)]) == [0, 1, 2, 3, 4]


def test_a_batch_of_many_goes_in_pieces() -> None:
    handler, asked = batch_answer(lambda questions: [ok(each) for each in questions])
    assert rpc(handler).batch([Call("echo", (n,)) for n in range(1_100)]) == list(range(1_100))
    assert [len(each) for each in asked] == [500, 500, 100]


def test_a_node_that_takes_so_many_at_once_is_asked_for_no_more() -> None:
    def answer(questions: list[Any]) -> Any:
        refusal = {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "batch too large"}}
        return [ok(each) for each in questions] if len(questions) <= 100 else refusal

    handler, asked = batch_answer(answer)
    assert rpc(handler).batch([Call("echo", (n,)) for n in range(300)]) == list(range(300))
    assert [len(each) for each in asked] == [300, 150, 75, 75, 75, 75]


def test_what_fails_once_in_ten_times_is_asked_for_until_all_is_there() -> None:
    chance = random.Random(7)

    def answer(questions: Any) -> Any:
        failing = {"code": -32603, "message": "internal error"}
        return [
            ok(each) if chance.random() < 0.9 else {"jsonrpc": "2.0", "id": each["id"], "error": failing}
            for each in questions
        ]

    handler, asked = batch_answer(answer)
    assert rpc(handler).gather([Call("echo", (n,)) for n in range(500)]) == list(range(500))
    assert sum(len(each) for each in asked) < 600  # never the whole again


def test_an_answer_that_breaks_off_is_asked_for_again() -> None:
    handler, asked = answering(
        httpx.Response(200, content=b'{"jsonrpc":"2.0","id":1,"resu'), httpx.Response(200, content=b"<html>"), "0x7"
    )
    assert rpc(handler).chain_id() == 7
    assert len(asked) == 3


def test_what_fails_for_ever_is_told_after_a_few_times() -> None:
    def refused(question: Any) -> Any:
        return {"jsonrpc": "2.0", "id": question["id"], "error": {"code": 1, "message": "never"}}

    def answer(questions: Any) -> Any:
        if isinstance(questions, list):
            return [refused(each) if each["params"][0] == 1 else ok(each) for each in questions]
        return refused(questions)

    handler, asked = batch_answer(answer)
    with pytest.raises(RpcError, match="never"):
        rpc(handler).gather([Call("echo", (n,)) for n in range(3)])
    assert len(asked) <= 4


def test_a_batch_that_is_refused_for_being_too_often_is_no_matter_of_its_size() -> None:
    refusal = {"jsonrpc": "2.0", "id": None, "error": {"code": -32005, "message": "Too Many Requests"}}
    handler, asked = batch_answer(lambda _questions: refusal)
    with pytest.raises(RateLimited):
        rpc(handler).batch([Call("echo", (n,)) for n in range(3)])
    assert [len(each) for each in asked] == [3, 3, 3]


def test_a_node_beside_others_is_not_waited_for_twice() -> None:
    handler, asked = answering(*[httpx.ReadTimeout("slow")] * 3)
    with pytest.raises(NodeTimeout):
        rpc(handler, patient=False).chain_id()
    assert len(asked) == 1


def test_an_error_in_a_batch_stands_in_its_place_and_so_does_what_was_left_out() -> None:
    def answer(questions: list[Any]) -> list[Any]:
        return [ok(questions[0]), {"jsonrpc": "2.0", "id": questions[1]["id"], "error": {"code": -1, "message": "no"}}]

    results = rpc(batch_answer(answer)[0]).batch([Call("echo", (n,)) for n in range(3)])
    assert results[0] == 0
    assert [type(each) for each in results[1:]] == [RpcError, RpcError]


def test_only_what_failed_in_a_batch_is_asked_again() -> None:
    def answer(questions: Any) -> Any:
        if isinstance(questions, list):
            return [ok(each) for each in questions if each["params"][0] != 1]
        return ok(questions)

    handler, asked = batch_answer(answer)
    assert rpc(handler).gather([Call("echo", (n,)) for n in range(3)]) == [0, 1, 2]
    assert [isinstance(each, list) for each in asked] == [True, False]


def test_a_node_without_batches_is_asked_one_by_one() -> None:
    def answer(question: Any) -> Any:
        refusal = {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "batches are not supported"}}
        return refusal if isinstance(question, list) else ok(question)

    assert rpc(batch_answer(answer)[0]).batch([Call("echo", (n,)) for n in range(3)]) == [0, 1, 2]


def test_where_batches_are_refused_a_few_questions_are_asked_side_by_side_and_answered_in_order() -> None:
    together = threading.Barrier(SIDE_BY_SIDE)

    def answer(question: Any) -> Any:
        if isinstance(question, list):
            return {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "batches are not supported"}}
        together.wait(20)  # breaks unless as many ask at the same time
        return ok(question)

    calls = [Call("echo", (n,)) for n in range(5 * SIDE_BY_SIDE)]
    assert rpc(batch_answer(answer)[0]).batch(calls) == list(range(5 * SIDE_BY_SIDE))


def test_where_batches_are_refused_and_the_node_goes_away_the_rest_is_not_asked() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        question = json.loads(request.content)
        asked.append(question)
        if isinstance(question, list):
            refusal = {"code": -32600, "message": "batches are not supported"}
            return httpx.Response(200, json={"jsonrpc": "2.0", "id": None, "error": refusal})
        raise httpx.ConnectError("down")

    asked: list[Any] = []
    with pytest.raises(NodeUnavailable):
        rpc(handle).batch([Call("echo", (n,)) for n in range(400)])
    assert len(asked) < 200


def test_txs_are_handed_over_one_after_the_other_where_batches_are_refused() -> None:
    def answer(question: Any) -> Any:
        if isinstance(question, list):
            return {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "batches are not supported"}}
        return ok(question)

    handler, asked = batch_answer(answer)
    node = rpc(handler)
    node.batch([Call("echo", (n,)) for n in range(9)])
    asked.clear()
    assert node.batch([Call("eth_sendRawTransaction", (n,)) for n in range(9)]) == list(range(9))
    assert [each["params"][0] for each in asked] == list(range(9))


@pytest.mark.parametrize(
    "url", ["", "node.example", "ws://node.example", "http://", "ftp://x/s3cret", "http://x:s3cret/"]
)
def test_a_url_that_cannot_be_used_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(BadNodeUrl) as raised:
        Rpc(url)
    assert "s3cret" not in str(raised.value)


def test_neither_logs_nor_repr_hold_the_secret_of_the_url(caplog: pytest.LogCaptureFixture) -> None:
    handler, _ = answering("0x1", httpx.Response(500), httpx.Response(500), httpx.Response(500))
    node = rpc(handler)
    with caplog.at_level(logging.DEBUG):
        node.chain_id()
        with pytest.raises(NodeUnavailable):
            node.chain_id()
    assert "node.example" in caplog.text  # the client did log its requests
    assert "s3cret" not in caplog.text + repr(node) + node.endpoint
    assert "passw0rd" not in caplog.text + repr(node) + node.endpoint


def test_a_closed_client_says_that_the_node_is_not_available() -> None:
    node = rpc(answering("0x1")[0])
    node.close()
    with pytest.raises(NodeUnavailable):
        node.chain_id()


def test_what_is_sent_says_what_it_is_and_who_asks() -> None:
    sent: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json={"jsonrpc": "2.0", "id": json.loads(request.content)["id"], "result": "0x1"})

    rpc(handle).chain_id()
    assert sent[0].headers["Content-Type"] == "application/json"
    assert "gzip" in sent[0].headers["Accept-Encoding"]
    assert sent[0].headers["Host"] == "node.example"
    assert sent[0].headers["Authorization"] == "Basic " + b64encode(b"user:passw0rd").decode()
    assert sent[0].extensions["timeout"]["read"] == 10.0


def test_a_compressed_answer_is_read_and_one_that_only_says_so_is_malformed() -> None:
    packed = gzip.compress(b'{"jsonrpc":"2.0","id":1,"result":"0x7"}')
    answers = [httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(packed))]
    assert rpc(answering(*answers)[0]).chain_id() == 7
    broken = [
        httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(b"{}")) for _ in range(3)
    ]
    with pytest.raises(MalformedAnswer, match="decompressed"):
        rpc(answering(*broken)[0]).chain_id()


def test_what_was_asked_and_got_lost_on_its_way_is_asked_again_when_it_is_wanted() -> None:
    handler, asked = answering(httpx.ConnectError("away"), "0x7")
    later = rpc(handler).call_later("eth_chainId", (), str)
    assert later() == "0x7"
    assert len(asked) == 2


def test_a_long_batch_asked_ahead_is_whole_and_in_order_also_where_the_node_takes_fewer_at_once() -> None:
    sizes: list[int] = []

    def at_most_four(request: httpx.Request) -> httpx.Response:
        questions = json.loads(request.content)
        questions = questions if isinstance(questions, list) else [questions]
        sizes.append(len(questions))
        if len(questions) > 4:
            refusal = {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "batch too large"}}
            return httpx.Response(200, json=refusal)
        return httpx.Response(200, json=[{"id": each["id"], "result": each["params"][0]} for each in questions])

    calls = [Call("echo", (number,), int) for number in range(22)]
    assert rpc(at_most_four, largest_batch=8).batch_later(calls)() == [*range(22)]
    assert max(sizes) == 8
    assert rpc(at_most_four, largest_batch=4).batch_later(calls)() == [*range(22)]


def test_where_one_part_of_a_long_batch_fails_nobody_waits_for_the_others() -> None:
    forgotten: list[bytes] = []

    class Away:
        def post(self, content: bytes) -> HttpAnswer:
            raise NodeUnavailable("node.example", "is away")

        def post_later(self, content: bytes) -> Later[HttpAnswer]:
            return Later(lambda: self.post(content), lambda: forgotten.append(content))

        def close(self) -> None:
            pass

    asking = rpc(answering()[0], largest_batch=4)
    asking._carrier = Away()
    with pytest.raises(NodeUnavailable):
        asking.batch_later([Call("echo", (number,), int) for number in range(12)])()
    assert len(forgotten) >= 2
