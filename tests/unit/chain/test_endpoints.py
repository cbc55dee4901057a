"""One endpoint of two misbehaves, in every way that is known: the mirror ends as the honest one has it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from earnest.chain.endpoints import Endpoints
from earnest.chain.errors import ChainMismatch, MalformedAnswer, NodeTimeout, NodeUnavailable, RateLimited, RpcError
from earnest.chain.follower import FollowerState
from earnest.chain.health import EndpointState
from earnest.chain.rpc import Rpc
from earnest.payment.errors import EarnestError
from earnest.payment.primitives import hash32
from earnest.settings import load_settings
from earnest.testing.fake_node import FakeNode
from tests.unit.chain.examples import CHAIN_ID, ESCROW, OTHER, delivery
from tests.unit.chain.several import Clock, Gate, Several


@pytest.fixture
def chain() -> FakeNode:
    node = FakeNode(ESCROW)
    node.mine_empty(3)
    for number in range(12):
        node.mine(*(delivery(10 * number + each) for each in range(number % 3)))
    return node


def answers(method: str, change: Callable[[Any], Any]) -> Callable[[Gate], None]:
    def spoil(gate: Gate) -> None:
        gate.tamper = lambda asked, _params, result: change(result) if asked == method and result else result

    return spoil


def raises(error: EarnestError, *methods: str) -> Callable[[Gate], None]:
    def spoil(gate: Gate) -> None:
        gate.faults = lambda asked, _params: error if not methods or asked in methods else None

    return spoil


def each_log(**change: Any) -> Callable[[Gate], None]:
    return answers("eth_getLogs", lambda logs: [{**log, **change} for log in logs])


def each_header(**change: Any) -> Callable[[Gate], None]:
    return answers("eth_getBlockByNumber", lambda header: {**header, **change})


WAYS = {
    "is away": (raises(NodeUnavailable("bad", "cannot be reached")), EndpointState.AWAY),
    "hangs": (raises(NodeTimeout("bad", "did not answer")), EndpointState.AWAY),
    "is asked too often": (raises(RateLimited("bad", 30)), EndpointState.AWAY),
    "talks nonsense": (raises(MalformedAnswer("bad", "sent something else")), EndpointState.AWAY),
    "errs in everything": (raises(RpcError("any", -32000, "oh no")), EndpointState.AWAY),
    "errs in logs": (raises(RpcError("eth_getLogs", -32000, "oh no"), "eth_getLogs"), EndpointState.AWAY),
    "serves another chain": (answers("eth_chainId", lambda _id: "0x1"), EndpointState.WRONG_CHAIN),
    "tells no logs": (answers("eth_getLogs", lambda _logs: []), EndpointState.LIES),
    "leaves the last log out": (answers("eth_getLogs", lambda logs: logs[:-1]), EndpointState.LIES),
    "tells logs twice": (answers("eth_getLogs", lambda logs: [*logs, *logs]), EndpointState.LIES),
    "tells others' logs": (each_log(address=OTHER), EndpointState.LIES),
    "tells logs of another block": (each_log(blockHash=hash32(b"\x09" * 32)), EndpointState.LIES),
    "tells logs that were taken back": (each_log(removed=True), EndpointState.LIES),
    "tells logs of no event": (each_log(topics=[hash32(b"\x07" * 32)]), EndpointState.LIES),
    "tells events of no shape": (each_log(data="0x"), EndpointState.LIES),
    "tells a bloom without a bit": (each_header(logsBloom="0x" + "0" * 512), EndpointState.LIES),
    "tells headers that do not link": (each_header(parentHash=hash32(b"\x09" * 32)), EndpointState.LIES),
}


@pytest.mark.parametrize("when", ["at the first", "later"])
@pytest.mark.parametrize("way", WAYS)
def test_the_mirror_ends_as_the_honest_endpoint_has_it(chain: FakeNode, way: str, when: str) -> None:
    spoil, state = WAYS[way]
    bad, good = Gate(chain, "bad"), Gate(chain, "good")
    several = Several(bad, good)
    if when == "later":
        several.catch_up()
        assert good.asked.count("eth_getLogs") == 0  # the first one is preferred as long as it is well
    spoil(bad)
    for number in range(4):
        chain.mine(delivery(1_000 + 2 * number), delivery(1_001 + 2 * number))
        several.catch_up()
    assert several.believed() == chain.chain_events()
    assert several.mirror.blocks[-1] == chain.head
    assert several.follower.status().state is FollowerState.FOLLOWING
    assert ("bad", state) in several.seen
    assert several.report("good").state is EndpointState.OK
    assert several.report("good").failures == 0


@pytest.mark.parametrize("way", WAYS)
def test_an_endpoint_that_is_well_again_is_followed_again(chain: FakeNode, way: str) -> None:
    bad, good = Gate(chain, "bad"), Gate(chain, "good")
    several = Several(bad, good)
    WAYS[way][0](bad)
    several.catch_up()
    bad.faults, bad.tamper = None, None
    several.clock.now += 7_200
    several.catch_up()
    chain.mine(delivery(5_000))
    several.catch_up()
    assert several.report("bad").state is EndpointState.OK
    assert several.follower.status().endpoint == "bad"
    assert several.believed() == chain.chain_events()


def test_whoever_lied_is_told_at_error_level_and_counted(chain: FakeNode, caplog: pytest.LogCaptureFixture) -> None:
    bad = Gate(chain, "bad")
    several = Several(bad, Gate(chain, "good"))
    each_log(address=OTHER)(bad)
    several.catch_up()
    (record,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert "bad" in record.getMessage()
    assert "a log of" in record.getMessage()
    report = several.report("bad")
    assert (report.alarms, report.since) == ({"lies": 1}, 1_000.0)
    assert "a log of" in str(report.reason)


def test_who_is_only_away_raises_no_alarm(chain: FakeNode, caplog: pytest.LogCaptureFixture) -> None:
    bad = Gate(chain, "bad")
    several = Several(bad, Gate(chain, "good"))
    raises(NodeUnavailable("bad", "cannot be reached"))(bad)
    several.catch_up()
    assert [each for each in caplog.records if each.levelno >= logging.ERROR] == []
    assert several.report("bad").alarms == {}


def test_it_is_looked_at_again_with_growing_delays(chain: FakeNode) -> None:
    bad = Gate(chain, "bad")
    several = Several(bad, Gate(chain, "good"))
    raises(NodeUnavailable("bad", "cannot be reached"))(bad)
    looks: list[float] = []
    before = 0
    for _ in range(200):
        several.follower.step()
        if len(bad.asked) > before:
            looks.append(several.clock.now)
            before = len(bad.asked)
        several.clock.now += 1
    pauses = [round(later - earlier) for earlier, later in pairwise(looks)]
    assert pauses[:6] == [1, 2, 4, 8, 16, 32]
    assert max(pauses) == 60


def test_an_endpoint_that_lags_is_set_aside_and_comes_back(chain: FakeNode) -> None:
    slow = chain.fork("slow")
    several = Several(slow, chain)
    several.catch_up()
    assert several.follower.status().endpoint == "slow"
    late = [chain.mine(delivery(2_000 + number)) for number in range(6)]
    several.clock.now += 10
    several.catch_up()
    assert several.report("slow").state is EndpointState.BEHIND
    assert "others have block" in str(several.report("slow").reason)
    assert several.mirror.blocks[-1] == late[-1]
    slow.blocks, slow._known = list(chain.blocks), dict(chain._known)
    several.clock.now += 100
    several.catch_up()
    assert several.report("slow").state is EndpointState.OK


def test_an_endpoint_whose_head_goes_back_is_set_aside(chain: FakeNode) -> None:
    back = chain.fork("back")
    several = Several(back, chain)
    several.catch_up()
    bring_back = back.go_back(8)
    chain.mine(delivery(3_000))
    several.catch_up()
    report = several.report("back")
    assert report.state is EndpointState.WENT_BACK
    assert report.reason == "its head went back from block 15 to 7"
    assert several.believed() == chain.chain_events()
    assert not any(type(each).__name__ == "BlocksOrphaned" for take in several.mirror.takes for each in take)
    bring_back()


def test_an_endpoint_that_stands_alone_is_followed_whatever_it_did(chain: FakeNode) -> None:
    gate = Gate(chain, "only")
    several = Several(gate)
    each_log(address=OTHER)(gate)
    with pytest.raises(EarnestError):
        several.follower.step()
    assert several.report("only").state is EndpointState.LIES
    gate.tamper = None
    several.catch_up()
    assert several.believed() == chain.chain_events()


def test_nothing_is_followed_by_a_liar_while_an_honest_one_is_only_away(chain: FakeNode) -> None:
    bad, good = Gate(chain, "bad"), Gate(chain, "good")
    several = Several(bad, good)
    each_log(address=OTHER)(bad)
    several.catch_up()
    raises(NodeUnavailable("good", "cannot be reached"))(good)
    bad.asked.clear()
    with pytest.raises(NodeUnavailable):
        several.follower.step()
    assert bad.asked == []


def test_every_endpoint_on_another_chain_stops_the_follower(chain: FakeNode) -> None:
    gates = [Gate(chain, "one"), Gate(chain, "two")]
    for each in gates:
        answers("eth_chainId", lambda _id: "0x1")(each)
    several = Several(*gates)
    with pytest.raises(ChainMismatch):
        several.follower.step()
    assert several.follower.status().state is FollowerState.STOPPED


def test_one_endpoint_on_another_chain_and_one_away_is_waited_for(chain: FakeNode) -> None:
    wrong, away = Gate(chain, "wrong"), Gate(chain, "away")
    answers("eth_chainId", lambda _id: "0x1")(wrong)
    raises(NodeUnavailable("away", "cannot be reached"))(away)
    several = Several(wrong, away)
    with pytest.raises(NodeUnavailable):
        several.follower.step()
    assert several.follower.status().state is FollowerState.WAITING


def test_the_mirrors_own_trouble_is_no_endpoints_fault(chain: FakeNode) -> None:
    good = Gate(chain, "good")
    several = Several(good, Gate(chain, "other"))
    several.mirror.fault = lambda _done: 1 // 0  # type: ignore[assignment]
    with pytest.raises(ZeroDivisionError):
        several.follower.step()
    assert {each.failures for each in several.endpoints.reports()} == {0}


def test_endpoints_of_one_host_have_names_of_their_own(chain: FakeNode) -> None:
    endpoints = Endpoints(
        [Gate(chain, "host"), Gate(chain, "host"), Gate(chain, "else"), Gate(chain, "host")], chain_id=CHAIN_ID
    )
    assert [each.name for each in endpoints.reports()] == ["host", "host#2", "else", "host#3"]


def test_a_question_goes_to_the_next_endpoint_when_the_first_is_away(chain: FakeNode) -> None:
    bad, good = Gate(chain, "bad"), Gate(chain, "good")
    raises(NodeUnavailable("bad", "cannot be reached"))(bad)
    endpoints = Endpoints([bad, good], chain_id=CHAIN_ID, clock=Clock())
    assert endpoints.tx_count(OTHER) == 0
    assert endpoints.tx_count(OTHER) == 0
    assert bad.asked == ["eth_chainId"]  # set aside after the first time


def test_an_endpoint_on_another_chain_is_never_asked_for_anything_else(chain: FakeNode) -> None:
    wrong, good = Gate(chain, "wrong"), Gate(chain, "good")
    answers("eth_chainId", lambda _id: "0x1")(wrong)
    endpoints = Endpoints([wrong, good], chain_id=CHAIN_ID, clock=Clock())
    assert endpoints.tx_count(OTHER) == 0
    assert "eth_getTransactionCount" not in wrong.asked


def test_a_tx_is_never_handed_to_two_endpoints_by_itself(chain: FakeNode) -> None:
    bad, good = Gate(chain, "bad"), Gate(chain, "good")
    endpoints = Endpoints([bad, good], chain_id=CHAIN_ID, clock=Clock())
    assert endpoints.chain_id() == CHAIN_ID
    raises(NodeTimeout("bad", "did not answer"))(bad)
    with pytest.raises(NodeTimeout):
        endpoints.send_raw(b"\x02")
    assert "eth_sendRawTransaction" not in good.asked


def test_a_train_of_thought_keeps_to_one_endpoint(chain: FakeNode) -> None:
    first, second = Gate(chain, "first"), Gate(chain, "second")
    endpoints = Endpoints([first, second], chain_id=CHAIN_ID, clock=Clock())
    with endpoints.turn():
        endpoints.tx_count(OTHER)
        raises(NodeUnavailable("first", "cannot be reached"))(first)
        with pytest.raises(NodeUnavailable):
            endpoints.balance(OTHER)
    assert second.asked == []
    with endpoints.turn():
        endpoints.balance(OTHER)
    assert "eth_getBalance" in second.asked


@pytest.mark.parametrize("liars_head", [14, 16])
def test_one_who_tells_no_finality_cannot_keep_us_on_a_branch_of_his_own(liars_head: int) -> None:
    chain = FakeNode(ESCROW, finality_depth=4)
    chain.mine_empty(2)
    liar = chain.fork("liar")
    liar.finality_depth = 1_000
    for number in range(liars_head - 2):
        liar.mine(delivery(number))
    several = Several(liar, Gate(chain, "one"), Gate(chain, "two"))
    several.catch_up()
    chain.mine_empty(16)
    several.catch_up()
    several.clock.now += 8_000
    several.catch_up()
    assert several.mirror.blocks[-1] == chain.head
    assert several.report("liar").state is EndpointState.LIES


def test_a_step_never_mixes_two_views(chain: FakeNode) -> None:
    """The endpoint that is followed fails in the middle of a step: the whole step is done anew with the next one."""
    bad, good = Gate(chain, "bad"), Gate(chain, "good")
    several = Several(bad, good)
    several.catch_up()
    chain.mine(delivery(4_000))
    raises(NodeUnavailable("bad", "cannot be reached"), "eth_getLogs")(bad)
    good.asked.clear()
    several.follower.step()
    assert good.asked[:2] == ["eth_chainId", "eth_getBlockByNumber"] or good.asked[0] == "eth_getBlockByNumber"
    assert several.believed() == chain.chain_events()


@pytest.mark.parametrize(
    ("setting", "urls"),
    [
        ("http://a", ("http://a",)),
        ("http://a,https://b/key", ("http://a", "https://b/key")),
        (" http://a  http://b,\n http://a ,", ("http://a", "http://b")),
        (" , ", ("http://127.0.0.1:8545",)),
        (None, ("http://127.0.0.1:8545",)),
    ],
)
def test_several_endpoints_are_named_in_one_setting(setting: str | None, urls: tuple[str, ...]) -> None:
    assert load_settings(network="local", rpc_url=setting).chosen_network().rpc_urls == urls


def test_endpoints_are_named_by_their_hosts_and_never_by_their_secrets() -> None:
    urls = [
        "https://user:s3cret@node.example/s3cret-key",
        "https://node.example/s3cret-too",
        "http://other.example:8545",
    ]
    endpoints = Endpoints([Rpc(url) for url in urls], chain_id=CHAIN_ID)
    assert [each.name for each in endpoints.reports()] == ["node.example", "node.example#2", "other.example:8545"]
    assert "s3cret" not in repr(endpoints) + endpoints.endpoint
    endpoints.close()


@pytest.mark.parametrize("wrong", [1, 2, 3])
def test_a_gateway_that_takes_a_wrong_turn_is_asked_again(chain: FakeNode, wrong: int) -> None:
    """Given one endpoint, when it tells another chain's id once or twice, then that does not end the following."""
    turns = iter([True] * wrong)
    chain.tamper = lambda method, _, result: "0x1" if method == "eth_chainId" and next(turns, False) else result
    several = Several(chain)
    if wrong == 3:
        with pytest.raises(ChainMismatch):
            several.follower.step()
    else:
        several.catch_up()
        assert several.mirror.blocks[-1] == chain.head
