"""HTTP: batches, browsers, odd requests, faults, and many callers at once."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.integration.localnet.nodes import ChainProcess
from tests.unit.localnet.calls import ChainCalls, address_of

BLOCK_NUMBER = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}


@pytest.fixture
def http(embedded_process: ChainProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=embedded_process.url, timeout=30.0, trust_env=False) as client:
        yield client


def test_a_batch_is_answered_in_one(http: httpx.Client) -> None:
    batch = [{**BLOCK_NUMBER, "id": n} for n in range(50)] + [{"id": 99, "method": "eth_nothing"}]
    answers = http.post("/", json=batch).json()
    assert [one["id"] for one in answers] == [*range(50), 99]
    assert answers[-1]["error"]["code"] == -32601
    assert len({one["result"] for one in answers[:-1]}) == 1


@pytest.mark.parametrize(("body", "code"), [(b"{", -32700), (b"", -32700), (b"[]", -32600), (b"\x00\xff", -32700)])
def test_what_is_no_request_gets_an_error_object(http: httpx.Client, body: bytes, code: int) -> None:
    response = http.post("/", content=body)
    assert (response.status_code, response.json()["error"]["code"]) == (200, code)


@pytest.mark.parametrize(
    "params",
    [[{"fromBlock": []}], [5], [None], ["x", "y", "z"], [{"topics": [[[]]]}], [{"address": {}}], [[]], [{}, {}, {}]],
)
@pytest.mark.parametrize(
    "method", ["eth_getLogs", "eth_call", "eth_getBlockByNumber", "eth_sendTransaction", "anvil_reorg"]
)
def test_no_params_bring_out_a_trace_or_an_internal_error(http: httpx.Client, method: str, params: list[Any]) -> None:
    response = http.post("/", json={**BLOCK_NUMBER, "method": method, "params": params})
    assert response.status_code == 200
    answer = response.json()
    assert answer.get("error", {}).get("code") != -32603, answer
    assert "Traceback" not in response.text


def test_filters_are_refused_with_a_way_out(http: httpx.Client) -> None:
    error = http.post("/", json={**BLOCK_NUMBER, "method": "eth_newFilter"}).json()["error"]
    assert error["code"] == -32601
    assert "eth_getLogs" in error["message"]


def test_a_page_on_loopback_may_ask(http: httpx.Client) -> None:
    origin = {"Origin": "http://localhost:3000"}
    preflight = http.options("/", headers={**origin, "Access-Control-Request-Method": "POST"})
    assert preflight.status_code == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == "http://localhost:3000"
    assert "content-type" in preflight.headers["Access-Control-Allow-Headers"]
    answer = http.post("/", json=BLOCK_NUMBER, headers=origin)
    assert answer.headers["Access-Control-Allow-Origin"] == "http://localhost:3000"
    assert "result" in answer.json()


def test_a_page_from_elsewhere_may_not_ask(embedded_process: ChainProcess, http: httpx.Client) -> None:
    before = embedded_process.calls.height()
    headers = {"Origin": "https://shop.example", "Content-Type": "text/plain"}
    refused = http.post("/", content=json.dumps({**BLOCK_NUMBER, "method": "evm_mine"}), headers=headers)
    assert refused.status_code == 403
    assert "Access-Control-Allow-Origin" not in refused.headers
    assert embedded_process.calls.height() == before


def test_a_name_rebound_to_this_machine_is_refused(http: httpx.Client) -> None:
    assert http.post("/", json=BLOCK_NUMBER, headers={"Host": "rebound.example"}).status_code == 403


def test_other_verbs_are_refused(http: httpx.Client) -> None:
    assert http.get("/").status_code == 405
    assert http.put("/", json=BLOCK_NUMBER).status_code == 501


@pytest.mark.parametrize(
    ("length", "status"), [(f"{2**40}", b"413"), ("-1", b"411"), ("ten", b"411"), ("1" * 5_000, b"413")]
)
def test_a_length_that_is_too_much_or_none_is_refused_unread(
    embedded_process: ChainProcess, length: str, status: bytes
) -> None:
    target = urlsplit(embedded_process.url)
    with socket.create_connection((str(target.hostname), int(target.port or 0)), timeout=10) as caller:
        caller.sendall(f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n".encode())
        assert caller.recv(4_096).split()[1] == status


def test_a_caller_that_hangs_up_harms_nobody(embedded_process: ChainProcess) -> None:
    target = urlsplit(embedded_process.url)
    for said in (
        b"",
        b"POST / HT",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{",
        b"\x16\x03\x01",
    ):
        with socket.create_connection((str(target.hostname), int(target.port or 0))) as caller:
            caller.sendall(said)
    assert embedded_process.calls.height() >= 1


def test_faults_reach_the_caller_as_they_would_on_a_bad_line(
    embedded_process: ChainProcess, http: httpx.Client
) -> None:
    calls = embedded_process.calls
    calls("earnest_faults", {"method": "eth_chainId", "kind": "drop"})
    with pytest.raises(httpx.RemoteProtocolError):
        http.post("/", json={**BLOCK_NUMBER, "method": "eth_chainId"})
    assert calls("eth_chainId") == "0x7a69"
    calls("earnest_faults", {"method": "eth_chainId", "kind": "error"})
    assert calls.error("eth_chainId").code == -32000
    assert calls("earnest_faults") == {}


def test_many_callers_at_once_get_true_answers(embedded_process: ChainProcess) -> None:
    url, start = embedded_process.url, embedded_process.calls.height()
    raws = {
        index: [embedded_process.calls.signed(index, nonce=embedded_process.calls.nonce(index) + n) for n in range(10)]
        for index in range(2, 8)
    }

    def ask(index: int) -> list[str]:
        from tests.integration.localnet.nodes import HttpCalls  # noqa: PLC0415

        node = HttpCalls(url)
        calls = ChainCalls(node.request)
        blocks = []
        for raw in raws[index]:
            sent = calls("eth_sendRawTransaction", raw)
            calls("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest"})
            blocks.append(str(calls.receipt(sent)["blockNumber"]))
            assert calls.balance(address_of(index)) > 0
        node.http.close()
        return blocks

    with ThreadPoolExecutor(6) as pool:
        blocks = [number for found in pool.map(ask, raws) for number in found]
    assert sorted(int(number, 16) for number in blocks) == list(range(start + 1, start + 61))
