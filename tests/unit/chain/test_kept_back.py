"""A node that keeps back a log of which every topic stands in another log of its block, as often as it likes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from itertools import count, pairwise
from typing import Any

import pytest

from earnest.chain.bloom import mask
from earnest.chain.completeness import SAYS_NOTHING, WHOLE_BLOCKS
from earnest.chain.errors import LogsDisagree, NodeTimeout, RpcError
from earnest.chain.follower import Follower
from earnest.chain.health import EndpointState
from earnest.chain.receipts import BLOCKS_SPARED, REFUSALS_BORNE, SILENCES_BORNE, ReceiptsAre
from earnest.payment.errors import EarnestError
from earnest.payment.events import EventKind, PaymentEvent
from earnest.payment.primitives import hash32, keccak
from earnest.payment.status import Status
from earnest.testing.fake_mirror import FakeMirror
from earnest.testing.fake_node import FakeNode
from earnest.testing.raw_logs import encode_event
from tests.unit.chain.examples import ESCROW, OTHER, delivery, refund
from tests.unit.chain.several import Gate, Several
from tests.unit.chain.test_follower import believed, catch_up, follower
from tests.unit.chain.test_missing_logs import TOPICS

Tamper = Callable[[str, Sequence[Any], Any], Any]


def keeps_back_the_last(method: str, _params: Sequence[Any], result: Any) -> Any:
    return result[:-1] if method == "eth_getLogs" else result


def leaves_it_out_of_receipts_too(method: str, params: Sequence[Any], result: Any) -> Any:
    if method == "eth_getBlockReceipts" and result:
        return [*result[:-1], {**result[-1], "logs": []}]
    return keeps_back_the_last(method, params, result)


@pytest.fixture
def node() -> FakeNode:
    return FakeNode(ESCROW)


@pytest.fixture
def mirror() -> FakeMirror:
    return FakeMirror()


@pytest.mark.parametrize("blocks_on_top", [0, 9], ids=["at the head", "below finality"])
@pytest.mark.parametrize("others", [0, 1], ids=["one refund told", "and a delivery"])
def test_a_second_refund_that_is_never_told_is_found_by_the_receipts(
    node: FakeNode, mirror: FakeMirror, blocks_on_top: int, others: int
) -> None:
    one = follower(node, mirror)
    node.mine(*[delivery(2)] * others, refund(1, 3), refund(1, 4))
    node.mine_empty(blocks_on_top)
    node.tamper = keeps_back_the_last
    catch_up(one)
    assert believed(mirror) == node.chain_events()
    assert one.status().receipts is ReceiptsAre.PROVEN


def is_not_believed(one: Follower, node: FakeNode, mirror: FakeMirror, tamper: Tamper) -> None:
    """Try a lie about two refunds in a block: nothing is taken from the node until it stops."""
    node.mine(refund(2, 3), refund(2, 4))
    node.tamper = tamper
    for _ in range(9):
        with pytest.raises(LogsDisagree):
            one.step()
    node.tamper = None
    catch_up(one)
    assert believed(mirror) == node.chain_events()


def test_a_node_that_leaves_a_log_out_of_the_receipts_too_is_not_believed(node: FakeNode, mirror: FakeMirror) -> None:
    one = follower(node, mirror)
    node.mine(refund(1, 3))
    catch_up(one)
    is_not_believed(one, node, mirror, leaves_it_out_of_receipts_too)


def test_a_blank_within_an_address_does_not_make_receipts_prove_that_a_log_is_not_ours(
    node: FakeNode, mirror: FakeMirror
) -> None:
    def blank(method: str, params: Sequence[Any], result: Any) -> Any:
        if method != "eth_getBlockReceipts" or not result:
            return keeps_back_the_last(method, params, result)
        *others, last = result
        disguised = [{**each, "address": each["address"][:4] + " " + each["address"][4:]} for each in last["logs"]]
        return [*others, {**last, "logs": disguised}]

    one = follower(node, mirror)
    node.mine(refund(1, 3), refund(1, 4))
    catch_up(one)
    is_not_believed(one, node, mirror, blank)


def test_an_endpoint_that_keeps_a_log_back_is_set_aside_where_there_is_another(node: FakeNode) -> None:
    bad, good = Gate(node, "bad"), Gate(node, "good")
    bad.tamper = keeps_back_the_last
    several = Several(bad, good)
    node.mine(refund(1, 3), refund(1, 4))
    several.catch_up()
    assert several.believed() == node.chain_events()
    assert ("bad", EndpointState.LIES) in several.seen


def test_where_one_endpoint_refuses_receipts_those_of_another_prove_what_it_keeps_back(node: FakeNode) -> None:
    bad, good = Gate(node, "bad"), Gate(node, "good")
    bad.tamper = keeps_back_the_last
    bad.faults = refuses(RpcError("eth_getBlockReceipts", -32601, "no"))
    several = Several(bad, good)
    node.mine(refund(1, 3), refund(1, 4))
    several.catch_up()
    assert several.believed() == node.chain_events()
    assert ("bad", EndpointState.LIES) in several.seen


@pytest.mark.parametrize(
    "error",
    [
        RpcError("eth_getBlockReceipts", -32601, "the method eth_getBlockReceipts does not exist/is not available"),
        RpcError("eth_getBlockReceipts", -32000, "Unsupported method: eth_getBlockReceipts"),
    ],
)
def test_a_node_without_receipts_is_followed_as_before_says_so_and_is_not_asked_for_each_block(
    node: FakeNode, mirror: FakeMirror, error: RpcError
) -> None:
    node.faults = refuses(error)
    one = follower(node, mirror)
    for number in range(40):
        node.mine(refund(number))
        catch_up(one)
    assert believed(mirror) == node.chain_events()
    assert one.status().receipts is ReceiptsAre.TAKEN
    assert node.asked.count("eth_getBlockReceipts") == 1
    node.faults = None
    for number in range(BLOCKS_SPARED):
        node.mine(refund(number))
        catch_up(one)
    assert one.status().receipts is ReceiptsAre.PROVEN


def test_a_refusal_of_no_known_kind_is_lived_with_when_it_lasts(node: FakeNode, mirror: FakeMirror) -> None:
    node.faults = refuses(RpcError("eth_getBlockReceipts", -32000, "oh no"))
    one = follower(node, mirror)
    node.mine(refund(1))
    refused = 0
    while not mirror.takes or believed(mirror) != node.chain_events():
        try:
            one.step()
        except RpcError:
            refused += 1
    assert refused == 2
    assert one.status().receipts is ReceiptsAre.TAKEN


def test_a_node_that_never_answers_for_receipts_is_waited_for_twice_and_ever_more_seldom(
    node: FakeNode, mirror: FakeMirror
) -> None:
    """Each wait takes as long as the timeout, and where there is one endpoint three times as long."""
    node.faults = refuses(NodeTimeout("fake", "did not answer"))
    one = follower(node, mirror)
    node.mine(refund(0))
    for times in range(1, SILENCES_BORNE):
        with pytest.raises(NodeTimeout):
            one.step()
        assert node.asked.count("eth_getBlockReceipts") == times
    waits = [node.asked.count("eth_getBlockReceipts")]
    for _ in range(3):
        for _ in range(BLOCKS_SPARED // 64):
            catch_up(one)
            for number in range(64):
                node.mine(refund(number))
        waits.append(node.asked.count("eth_getBlockReceipts"))
    catch_up(one)
    assert [later - earlier for earlier, later in pairwise(waits)] == [1, 1, 0]
    assert believed(mirror) == node.chain_events()
    assert one.status().receipts is ReceiptsAre.TAKEN


@pytest.mark.parametrize(
    "error", [NodeTimeout("fake", "did not answer"), RpcError("eth_getBlockReceipts", -32000, "no")]
)
def test_a_node_that_refuses_the_receipts_of_one_block_alone_does_not_hold_up_the_chain(
    node: FakeNode, mirror: FakeMirror, error: EarnestError
) -> None:
    for number in range(9):
        node.mine(refund(number))
    odd = node.mine(refund(9))
    node.mine_empty(6)
    node.faults = lambda method, params: error if (method, *params) == ("eth_getBlockReceipts", odd.hash) else None
    one = follower(node, mirror)
    refused = 0
    while not mirror.takes or believed(mirror) != node.chain_events():
        try:
            one.step()
        except (RpcError, NodeTimeout):
            refused += 1
        assert refused < REFUSALS_BORNE


def test_receipts_of_no_known_form_are_taken_as_they_are_told(node: FakeNode, mirror: FakeMirror) -> None:
    node.tamper = lambda method, _params, result: (
        [{**each, "type": "0x7b"} for each in result] if method == "eth_getBlockReceipts" else result
    )
    one = follower(node, mirror)
    node.mine(refund(1), delivery(1), refund(1))
    catch_up(one)
    assert believed(mirror) == node.chain_events()
    assert one.status().receipts is ReceiptsAre.TAKEN


def test_one_more_receipt_at_the_end_that_the_chain_does_not_hash_does_no_harm(
    node: FakeNode, mirror: FakeMirror
) -> None:
    def one_more(method: str, _params: Sequence[Any], result: Any) -> Any:
        if method != "eth_getBlockReceipts":
            return keeps_back_the_last(method, _params, result)
        return [*result, {**result[0], "transactionIndex": hex(len(result)), "logs": []}]

    node.tamper = one_more
    one = follower(node, mirror)
    node.mine(refund(1, 3), refund(1, 4))
    catch_up(one)
    assert believed(mirror) == node.chain_events()


@cache
def every_bit() -> list[str]:
    """Return topics that together set every bit of a bloom: what they are is anybody's choice."""
    topics: list[str] = []
    bits = 0
    for topic in (hash32(keccak(b"%d" % number)) for number in count()):
        if mask(topic) & ~bits:
            topics.append(topic)
            bits |= mask(topic)
        if bits == SAYS_NOTHING:
            return topics
    raise AssertionError("unreachable")


@pytest.mark.parametrize("blocks_on_top", [0, 9], ids=["at the head", "below finality"])
def test_an_arbiters_split_is_not_believed_otherwise_than_the_receipts_have_it(
    node: FakeNode, mirror: FakeMirror, blocks_on_top: int
) -> None:
    """Its topics are the same whoever gets the money, and the contract's state does not keep who got it."""
    right = PaymentEvent(EventKind.DISPUTE_RESOLVED, hash32(b"\1" * 32), 4, Status.RESOLVED, 0, 900, 0, 100)
    told = encode_event(replace(right, to_merchant=100, to_buyer=900))[1]
    node.tamper = lambda method, _params, result: (
        [{**each, "data": told} for each in result] if method == "eth_getLogs" else result
    )
    node.mine(right)
    node.mine_empty(blocks_on_top)
    catch_up(follower(node, mirror))
    assert believed(mirror) == node.chain_events()


def test_a_log_is_known_by_its_proven_number_whatever_number_was_told(node: FakeNode, mirror: FakeMirror) -> None:
    node.tamper = lambda method, _params, result: (
        [{**each, "logIndex": hex(int(each["logIndex"], 16) + 7)} for each in result]
        if method == "eth_getLogs"
        else result
    )
    node.mine(refund(1, 3), refund(1, 4))
    one = follower(node, mirror)
    catch_up(one)
    assert believed(mirror) == node.chain_events()
    assert [index for _, index in mirror.logs] == [0, 1]


def forges_whole_blocks(method: str, params: Sequence[Any], result: Any) -> Any:
    """Tell blocks with events as empty, and for their whole logs one of somebody else, which sets every bit."""
    if method != "eth_getLogs" or "address" in params[0]:
        return [] if method == "eth_getLogs" else result
    log = {"address": OTHER, "topics": every_bit(), "data": "0x", "blockNumber": "0x1", "blockHash": TOPICS[0]}
    return [{**log, "transactionHash": TOPICS[0], "logIndex": "0x0"}]


@pytest.mark.parametrize("blocks", [3, WHOLE_BLOCKS + 6], ids=["a few blocks", "many blocks"])
@pytest.mark.parametrize("offers_receipts", [True, False], ids=["receipts", "no receipts"])
def test_blocks_told_as_empty_are_asked_for_elsewhere_whatever_else_is_said_to_stand_in_them(
    blocks: int, offers_receipts: bool
) -> None:
    node = FakeNode(ESCROW, offers_receipts=offers_receipts)
    bad, good = Gate(node, "bad"), Gate(node, "good")
    bad.tamper = forges_whole_blocks
    several = Several(bad, good)
    for number in range(blocks):
        node.mine(delivery(number))
    node.mine_empty(9)
    several.catch_up()
    assert several.believed() == node.chain_events()
    assert ("bad", EndpointState.LIES) in several.seen


def test_a_page_of_which_all_events_are_hidden_is_found_by_one_endpoint_with_receipts(
    node: FakeNode, mirror: FakeMirror
) -> None:
    node.tamper = forges_whole_blocks
    for number in range(WHOLE_BLOCKS + 6):
        node.mine(delivery(number))
    node.mine_empty(9)
    catch_up(follower(node, mirror))
    assert believed(mirror) == node.chain_events()


@pytest.mark.parametrize("blocks", [3, WHOLE_BLOCKS + 6], ids=["a few blocks", "many blocks"])
def test_an_endpoint_that_invents_logs_does_not_make_the_others_look_like_liars(blocks: int) -> None:
    node = FakeNode(ESCROW, offers_receipts=False)
    good, bad = Gate(node, "good"), Gate(node, "bad")

    def invents(method: str, params: Sequence[Any], result: Any) -> Any:
        if method != "eth_getLogs" or not result:
            return result
        return [told for each in result for told in (each, {**each, "logIndex": hex(9), "topics": [TOPICS[0]]})]

    bad.tamper = invents
    several = Several(good, bad)
    for number in range(blocks):
        node.mine(refund(number), refund(number, 4))
    node.mine_empty(9)
    several.catch_up()
    assert several.believed() == node.chain_events()
    assert {state for name, state in several.seen if name == "good"} <= {EndpointState.NEW, EndpointState.OK}


def test_a_block_that_leaves_no_room_costs_no_question(node: FakeNode, mirror: FakeMirror) -> None:
    one = follower(node, mirror)
    node.mine(delivery(1), delivery(2))
    catch_up(one)
    assert node.asked.count("eth_getBlockReceipts") == 0
    assert node.asked.count("eth_getLogs") == 1


def refuses(error: EarnestError) -> Callable[[str, Sequence[Any]], EarnestError | None]:
    return lambda method, _params: error if method == "eth_getBlockReceipts" else None
