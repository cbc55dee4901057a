from __future__ import annotations

import time

import pytest

from earnest.localnet.errors import ConnectionDropped
from tests.unit.localnet.calls import ChainCalls


def test_an_error_befalls_so_many_calls_and_no_more(chain: ChainCalls) -> None:
    assert chain("earnest_faults", {"method": "eth_blockNumber", "kind": "error", "times": 2}) == {"eth_blockNumber": 2}
    assert "injected fault" in chain.error("eth_blockNumber").message
    assert chain("eth_chainId") == "0x7a69"
    chain.error("eth_blockNumber")
    chain("eth_blockNumber")


def test_a_dropped_call_is_not_carried_out(chain: ChainCalls) -> None:
    raw, before = chain.signed(), chain.nonce(1)
    chain("earnest_faults", {"method": "eth_sendRawTransaction", "kind": "drop"})
    with pytest.raises(ConnectionDropped):
        chain("eth_sendRawTransaction", raw)
    assert chain.nonce(1) == before


def test_a_lost_answer_was_carried_out(chain: ChainCalls) -> None:
    raw, before = chain.signed(), chain.nonce(1)
    chain("earnest_faults", {"method": "eth_sendRawTransaction", "kind": "lose"})
    with pytest.raises(ConnectionDropped):
        chain("eth_sendRawTransaction", raw)
    assert chain.nonce(1) == before + 1


def test_a_delayed_call_comes_late(chain: ChainCalls) -> None:
    chain("earnest_faults", {"method": "*", "kind": "delay", "seconds": 0.05})
    began = time.monotonic()
    chain("eth_chainId")
    assert time.monotonic() - began >= 0.05


def test_faults_are_forgotten_on_request(chain: ChainCalls) -> None:
    chain("earnest_faults", {"kind": "error", "times": 99})
    assert chain("earnest_faults") == {}
    chain("eth_blockNumber")


@pytest.mark.parametrize(
    "order",
    [
        {"kind": "explode"},
        {},
        {"kind": "delay", "seconds": -1},
        {"kind": "error", "times": -1},
        {"kind": "delay", "seconds": "1"},
    ],
)
def test_an_order_that_makes_no_sense_is_refused(chain: ChainCalls, order: dict[str, object]) -> None:
    if order:
        assert chain.error("earnest_faults", order).code == -32602
    else:
        assert chain("earnest_faults", order) == {}
