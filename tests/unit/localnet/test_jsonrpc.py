from __future__ import annotations

import json
from typing import Any

import pytest

from earnest.localnet.errors import RpcError
from earnest.localnet.jsonrpc import respond


def echo(method: str, params: list[Any]) -> Any:
    if method == "fail":
        raise RpcError(3, "execution reverted", "0x1234")
    return [method, params]


def ask(body: Any) -> Any:
    answer = respond(body if isinstance(body, bytes) else json.dumps(body).encode(), echo)
    return None if answer is None else json.loads(answer)


def test_a_request_is_answered_under_its_id() -> None:
    assert ask({"jsonrpc": "2.0", "id": "seven", "method": "m", "params": [1]}) == {
        "jsonrpc": "2.0",
        "id": "seven",
        "result": ["m", [1]],
    }


def test_missing_or_null_params_are_none_at_all() -> None:
    assert ask({"id": 1, "method": "m"})["result"] == ["m", []]
    assert ask({"id": 1, "method": "m", "params": None})["result"] == ["m", []]


def test_an_error_carries_code_message_and_data() -> None:
    answer = ask({"id": 1, "method": "fail"})
    assert answer["error"] == {"code": 3, "message": "execution reverted", "data": "0x1234"}
    assert "result" not in answer


def test_a_batch_is_answered_in_order_without_its_notifications() -> None:
    answers = ask([{"id": 1, "method": "a"}, {"method": "silent"}, 5, {"id": 2, "method": "fail"}])
    assert [(one["id"], "error" in one) for one in answers] == [(1, False), (None, True), (2, True)]


def test_notifications_alone_get_no_answer() -> None:
    assert ask({"method": "m"}) is None
    assert ask([{"method": "fail"}]) is None


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", -32700),
        (b"\xff\xfe", -32700),
        (b"[]", -32600),
        (b"7", -32600),
        (b'{"id": 1}', -32600),
        (b'{"id": 1, "method": 5}', -32600),
        (b'{"id": 1, "method": "m", "params": {"a": 1}}', -32602),
    ],
)
def test_what_is_no_request_is_refused_with_its_code(body: bytes, code: int) -> None:
    assert ask(body)["error"]["code"] == code


def test_a_batch_too_large_is_refused_at_once() -> None:
    assert ask([{"id": 1, "method": "m"}] * 1_001)["error"]["code"] == -32600
