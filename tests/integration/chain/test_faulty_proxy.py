"""The faulty proxy as users put it before their node: real sockets, and each fault as a client sees it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest

from earnest.chain.errors import MalformedAnswer, NodeUnavailable, RateLimited, RpcError
from earnest.chain.node import Call
from earnest.chain.rpc import Rpc
from earnest.localnet.errors import RpcError as LocalRpcError
from earnest.localnet.http import ChainHttpServer
from earnest.testing.fault_plans import Fault, FaultKind, FaultPlan
from earnest.testing.faulty_proxy import FaultyProxy


@pytest.fixture
def node_url() -> Iterator[str]:
    """A node that knows its chain's id, its newest block, and nothing else."""

    def answer(method: str, params: list[object]) -> object:
        known = {"eth_chainId": "0x7a69", "eth_blockNumber": "0x10"}
        if method not in known:
            raise LocalRpcError(-32601, "no such method", "0x08c379a0")
        return known[method]

    server = ChainHttpServer("127.0.0.1", 0, answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server.url
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def proxy(node_url: str) -> Iterator[FaultyProxy]:
    with FaultyProxy(node_url, FaultPlan(seed=3)) as proxy:
        yield proxy


@pytest.fixture
def rpc(proxy: FaultyProxy) -> Iterator[Rpc]:
    with closing(Rpc(proxy.url, retries=0)) as rpc:
        yield rpc


def test_what_comes_together_is_asked_of_the_node_together(node_url: str) -> None:
    """Else a batch with many faults would take the proxy's time, and whoever is tried would seem slow."""
    behind = FaultPlan([Fault(FaultKind.STALE_HEAD, blocks=3)])
    with FaultyProxy(node_url) as counted, FaultyProxy(counted.url, behind) as proxy:
        with closing(Rpc(proxy.url, retries=0)) as rpc:
            assert rpc.batch([Call("eth_blockNumber")] * 20) == ["0xd"] * 20
            with pytest.raises(RpcError, match="no such method"):
                rpc.call("eth_coinbase")
        assert behind.happened[FaultKind.STALE_HEAD] >= 20
        assert counted.requests <= 3


def test_without_faults_it_is_the_node(proxy: FaultyProxy, rpc: Rpc) -> None:
    assert rpc.chain_id() == 31337
    assert rpc.batch([Call("eth_chainId"), Call("eth_blockNumber")]) == ["0x7a69", "0x10"]
    with pytest.raises(RpcError, match="no such method") as refused:
        rpc.call("eth_coinbase")
    assert refused.value.data == "0x08c379a0"
    assert [each.method for each in proxy.calls] == ["eth_chainId", "eth_chainId", "eth_blockNumber", "eth_coinbase"]
    assert proxy.requests == 3


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(FaultKind.DROP), NodeUnavailable),
        (Fault(FaultKind.LOSE), NodeUnavailable),
        (Fault(FaultKind.TRUNCATE), MalformedAnswer),
        (Fault(FaultKind.GARBAGE), MalformedAnswer),
        (Fault(FaultKind.SERVER_ERROR), NodeUnavailable),
        (Fault(FaultKind.RATE_LIMIT), RateLimited),
        (Fault(FaultKind.RPC_ERROR), RpcError),
    ],
    ids=lambda each: each.kind if isinstance(each, Fault) else "",
)
def test_each_fault_is_what_its_name_says(proxy: FaultyProxy, rpc: Rpc, fault: Fault, error: type[Exception]) -> None:
    with proxy.plan.also(fault), pytest.raises(error):
        rpc.chain_id()
    assert rpc.chain_id() == 31337
    assert proxy.plan.happened == {fault.kind: 1}


def test_a_rate_limit_says_when_to_come_back(proxy: FaultyProxy) -> None:
    proxy.plan.faults = (Fault(FaultKind.RATE_LIMIT, retry_after_seconds=7),)
    answer = httpx.post(proxy.url, json={"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}, trust_env=False)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")


def test_a_node_that_takes_no_batches_is_asked_one_by_one(proxy: FaultyProxy, rpc: Rpc) -> None:
    proxy.plan.faults = (Fault(FaultKind.NO_BATCHES),)
    assert rpc.batch([Call("eth_chainId"), Call("eth_blockNumber")]) == ["0x7a69", "0x10"]


def test_the_head_lies_back(proxy: FaultyProxy, rpc: Rpc) -> None:
    proxy.plan.faults = (Fault(FaultKind.STALE_HEAD, blocks=6),)
    assert rpc.call("eth_blockNumber") == "0xa"


def test_some_items_of_a_batch_fail(proxy: FaultyProxy, rpc: Rpc) -> None:
    proxy.plan.faults = (Fault(FaultKind.RPC_ERROR, methods=("eth_blockNumber",)),)
    well, failed = rpc.batch([Call("eth_chainId"), Call("eth_blockNumber")])
    assert well == "0x7a69"
    assert isinstance(failed, RpcError)


def test_a_node_that_is_gone_is_gone_behind_the_proxy_too(proxy: FaultyProxy, rpc: Rpc) -> None:
    proxy.upstream = "http://127.0.0.1:1"
    with pytest.raises(NodeUnavailable):
        rpc.chain_id()
