"""Given a node that alters headers and tells the right hashes, when it is followed, then it is found out alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from earnest.chain.errors import HeaderForged
from earnest.chain.follower import FollowerState
from earnest.chain.header_hash import HeadersAre
from earnest.chain.health import EndpointState
from earnest.payment.errors import Unavailable
from earnest.testing.fake_mirror import FakeMirror
from earnest.testing.fake_node import FakeNode, Tamper
from tests.unit.chain.examples import ESCROW, delivery
from tests.unit.chain.several import Gate, Several
from tests.unit.chain.test_follower import catch_up, follower

NO_BLOOM = "0x" + "0" * 512


def hides(number: int) -> Tamper:
    """Hide all logs of a block, and empty the bloom that would show it."""

    def tamper(method: str, params: Sequence[Any], result: Any) -> Any:
        if method.startswith("eth_getBlockBy") and result and result["number"] == hex(number):
            return {**result, "logsBloom": NO_BLOOM}
        if method == "eth_getLogs":
            return [log for log in result if log["blockNumber"] != hex(number)]
        return result

    return tamper


@pytest.fixture
def node() -> FakeNode:
    return FakeNode(ESCROW)


@pytest.mark.parametrize("blocks_on_top", [0, 3, 40], ids=["as the newest block", "live", "in a backfill"])
def test_one_endpoint_alone_cannot_hide_a_payment_behind_an_emptied_bloom(node: FakeNode, blocks_on_top: int) -> None:
    mirror = FakeMirror()
    one = follower(node, mirror)
    node.mine_empty(2)
    catch_up(one)
    hidden = node.mine(delivery(1))
    node.mine_empty(blocks_on_top)
    node.tamper = hides(hidden.number)
    with pytest.raises(HeaderForged, match=f"of block {hex(hidden.number)} does not hash to {hidden.hash}"):
        catch_up(one)
    assert mirror.blocks[-1].number < hidden.number
    assert (one.status().state, one.status().code) == (FollowerState.WAITING, "header_forged")
    node.tamper = None
    catch_up(one)
    assert [log.event for log in mirror.logs.values()] == [delivery(1)]


def test_of_two_endpoints_the_one_that_alters_headers_is_set_aside_and_the_other_followed(node: FakeNode) -> None:
    bad, good = Gate(node, "bad"), Gate(node, "good")
    several = Several(bad, good)
    several.catch_up()
    hidden = node.mine(delivery(1))
    bad.tamper = hides(hidden.number)
    several.catch_up()
    assert several.believed() == node.chain_events()
    report = several.report("bad")
    assert (report.state, report.alarms) == (EndpointState.LIES, {"lies": 1})
    assert "does not hash to" in str(report.reason)
    assert several.report("good").state is EndpointState.OK


@pytest.mark.parametrize("field", ["hash", "parentHash"])
@pytest.mark.parametrize("prefix", ["zz", "\0\0", "0X"], ids=["letters", "zero bytes", "a capital"])
def test_a_hash_of_the_right_digits_under_another_name_is_no_answer(node: FakeNode, field: str, prefix: str) -> None:
    """Only the digits are hashed; the rest would stand in the database, or be what PostgreSQL refuses for ever."""
    node.mine(delivery(1))
    assert node.header("latest") is not None
    node.recomputes = True
    node.tamper = lambda _method, _params, result: {**result, field: prefix + result[field][2:]}
    with pytest.raises(Unavailable):
        node.header("latest")


def test_of_two_endpoints_the_one_that_tells_a_place_beyond_all_databases_is_set_aside(node: FakeNode) -> None:
    bad, good = Gate(node, "bad"), Gate(node, "good")
    several = Several(bad, good)
    several.catch_up()
    node.mine(delivery(1))
    bad.tamper = lambda method, _params, result: (
        [{**log, "logIndex": "0xffffffffffffffff"} for log in result] if method == "eth_getLogs" else result
    )
    several.catch_up()
    assert several.believed() == node.chain_events()
    assert several.report("bad").state is EndpointState.LIES
    assert several.report("good").state is EndpointState.OK


def test_where_headers_are_taken_a_time_beyond_all_databases_is_no_answer() -> None:
    node = FakeNode(ESCROW, seals=False)
    bad, good = Gate(node, "bad"), Gate(node, "good")
    several = Several(bad, good)
    several.catch_up()
    node.mine(delivery(1))
    bad.tamper = lambda method, _params, result: (
        {**result, "timestamp": hex(2**63)} if method.startswith("eth_getBlockBy") and result else result
    )
    several.catch_up()
    assert several.believed() == node.chain_events()
    assert all(block.timestamp < 2**63 for block in several.mirror.blocks)
    assert several.report("bad").state is not EndpointState.OK


@pytest.mark.parametrize(
    "field",
    ["parentHash", "timestamp", "stateRoot", "receiptsRoot", "baseFeePerGas", "extraData", "hash", "number"],
)
def test_no_field_at_all_can_be_altered(node: FakeNode, field: str) -> None:
    mirror = FakeMirror()
    one = follower(node, mirror)
    catch_up(one)
    node.mine(delivery(1))

    def tamper(method: str, params: Sequence[Any], result: Any) -> Any:
        if method != "eth_getBlockByNumber" or params[0] != "latest":
            return result
        digit = "1" if result[field][-1] != "1" else "2"
        return {**result, field: result[field][:-1] + digit}

    node.tamper = tamper
    with pytest.raises(HeaderForged):
        one.step()


def test_a_chain_whose_headers_have_another_form_is_followed_as_it_is_told_and_says_so() -> None:
    node, mirror = FakeNode(ESCROW, seals=False), FakeMirror()
    one = follower(node, mirror)
    node.mine(delivery(1))
    catch_up(one)
    assert [log.event for log in mirror.logs.values()] == [delivery(1)]
    assert one.status().headers is HeadersAre.TAKEN


def test_a_chain_whose_headers_have_a_known_form_says_that_they_are_recomputed(node: FakeNode) -> None:
    one = follower(node, FakeMirror())
    catch_up(one)
    assert one.status().headers is HeadersAre.RECOMPUTED


def test_an_honest_endpoint_shows_the_form_of_which_a_liar_kept_silent(node: FakeNode) -> None:
    """The liar is greeted first, with an altered header: nothing can be recomputed, until another one is looked at."""
    bad, good = Gate(node, "bad"), Gate(node, "good")
    hidden = node.mine(delivery(1))
    bad.tamper = hides(hidden.number)
    several = Several(bad, good)
    several.catch_up()
    assert several.endpoints.recomputed is True
    assert several.believed() == node.chain_events()
    assert ("bad", EndpointState.LIES) in several.seen


def test_a_first_block_of_another_form_does_not_matter(node: FakeNode) -> None:
    """Some chains began as others: of their first block nothing counts but its hash."""

    def tamper(method: str, params: Sequence[Any], result: Any) -> Any:
        return {**result, "stateRoot": NO_BLOOM} if params and params[0] == "0x0" else result

    node.tamper = tamper
    mirror = FakeMirror()
    one = follower(node, mirror)
    node.mine(delivery(1))
    catch_up(one)
    assert [log.event for log in mirror.logs.values()] == [delivery(1)]
    assert one.status().headers is HeadersAre.RECOMPUTED
