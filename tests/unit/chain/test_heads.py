"""New heads by subscription: a head wakes the follower, and whatever else happens, polling goes on."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from threading import Event, Thread
from typing import Any

import pytest

from earnest.chain.errors import BadNodeUrl, RpcError, SubscriptionLost, SubscriptionRefused
from earnest.chain.follower import Follower
from earnest.chain.heads import Heads, HeadsBy, Polling
from earnest.chain.pace import SLOWER
from earnest.chain.subscription import Subscription
from earnest.chain.updates import Block
from earnest.payment.primitives import Hash32, hash32
from earnest.settings import FinalityRule
from earnest.testing.fake_heads import FakeHeads, head_message
from earnest.testing.fake_mirror import FakeMirror
from earnest.testing.fake_node import FakeNode
from tests.unit.chain.examples import ESCROW, delivery

CHAIN = 31_337
LONG = 30.0
URL = "wss://node.example:444/v2/SECRET"


def block(number: int) -> Block:
    return Block(number, hash32(number.to_bytes(32)), hash32(bytes(32)), number)


@pytest.fixture
def node() -> FakeHeads:
    return FakeHeads(CHAIN)


@pytest.fixture
def stop(node: FakeHeads) -> Iterator[Event]:
    event = Event()
    yield event
    event.set()
    node.hang_up()  # so that whoever listens notices at once


@pytest.fixture
def heads(node: FakeHeads, stop: Event) -> Subscription:
    """A subscription that has just been made."""
    made = Subscription([URL], chain_id=CHAIN, connect=node.connect)
    made.wait(0.001, stop)
    node.wait_for(listening=1)
    return made


def waiting(heads: Heads, stop: Event, newest: Block | None, seconds: float = LONG) -> Callable[[], float]:
    """Begin to wait; what is returned waits for the end of that and gives the seconds since it was called."""
    thread = Thread(target=heads.wait, args=(seconds, stop, newest), daemon=True)
    thread.start()

    def end() -> float:
        began = time.monotonic()
        thread.join(10.0)
        assert not thread.is_alive(), "it waits on"
        return time.monotonic() - began

    return end


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10.0
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.005)


def until_it_says(heads: Heads, stop: Event, words: str) -> None:
    """Wait, by waiting for heads, until the report has these words."""

    def says() -> bool:
        heads.wait(0.001, stop, block(1))
        return words in str(heads.report().why)

    until(says)


def test_a_head_wakes_whoever_waits(heads: Subscription, node: FakeHeads, stop: Event) -> None:
    end = waiting(heads, stop, block(1))
    node.tell(2, block(2).hash)
    assert end() < LONG / 3


def test_a_head_that_came_while_nobody_waited_is_not_lost(heads: Subscription, node: FakeHeads, stop: Event) -> None:
    node.tell(2, block(2).hash)
    began = time.monotonic()
    heads.wait(LONG, stop, block(1))
    assert time.monotonic() - began < LONG / 3


def test_a_silent_subscription_does_not_hold_up_polling(heads: Subscription, stop: Event) -> None:
    began = time.monotonic()
    heads.wait(0.05, stop, block(1))
    assert 0.04 < time.monotonic() - began < 5.0
    report = heads.report()
    assert report.by is HeadsBy.POLLING
    assert report.why == "the node at node.example:444 has not told of any block yet"


def test_while_it_tells_of_what_is_shown_the_node_is_asked_more_seldom(
    heads: Subscription, node: FakeHeads, stop: Event
) -> None:
    node.tell(2, block(2).hash)
    heads.wait(LONG, stop, block(1))
    began = time.monotonic()
    heads.wait(0.1, stop, block(2))
    assert time.monotonic() - began >= 0.1 * SLOWER
    assert (heads.report().by, heads.report().why) == (HeadsBy.SUBSCRIPTION, None)


def test_a_connection_that_is_closed_is_made_again_and_polling_goes_on_meanwhile(
    heads: Subscription, node: FakeHeads, stop: Event
) -> None:
    node.hang_up()
    until_it_says(heads, stop, "closed the connection")
    node.wait_for(opened=2, listening=1)
    end = waiting(heads, stop, block(1))
    node.tell(2, block(2).hash)
    assert end() < LONG / 3


@pytest.mark.parametrize(
    "garbage",
    [
        "no JSON at all",
        b"\xff\xfe\x00",
        "[1, 2, 3]",
        "[" * 10_000,
        '{"method": 5}',
        head_message(2, Hash32("0x")).replace('"0x2"', '"two"'),
        head_message(2, Hash32("0x")).replace('"hash"', '"hush"'),
    ],
    ids=["text", "bytes", "a list", "nested", "types", "a number that is none", "no hash"],
)
def test_garbage_ends_the_connection_and_nothing_else(
    heads: Subscription, node: FakeHeads, stop: Event, garbage: str | bytes
) -> None:
    node.send(garbage)
    node.wait_for(opened=2, listening=1)
    end = waiting(heads, stop, block(1))
    node.tell(2, block(2).hash)
    assert end() < LONG / 3


def test_what_is_not_about_heads_is_passed_over(heads: Subscription, node: FakeHeads, stop: Event) -> None:
    end = waiting(heads, stop, block(1), seconds=0.3)
    node.send('{"jsonrpc": "2.0", "id": 77, "result": null}')
    node.send(head_message(9, block(9).hash, subscription="0xsomeoneelses"))
    assert end() > 0.1
    assert node.opened == 1


def test_a_flood_ends_the_connection(heads: Subscription, node: FakeHeads, stop: Event) -> None:
    for number in range(300):
        node.tell(number, block(number).hash)
    until_it_says(heads, stop, "messages a second")


def test_heads_that_do_not_exist_make_nobody_ask_faster_than_usual_for_long(
    heads: Subscription, node: FakeHeads, stop: Event
) -> None:
    node.tell(10**9, block(7).hash)
    looks, began = 0, time.monotonic()
    while time.monotonic() - began < 0.6:
        heads.wait(0.1, stop, block(1))
        looks += 1
    assert looks < 16


def test_another_chain_is_refused_and_named(stop: Event) -> None:
    elsewhere = FakeHeads(5)
    heads = Subscription([URL], chain_id=CHAIN, connect=elsewhere.connect)
    until_it_says(heads, stop, "is on chain 5; configured is chain 31337")
    elsewhere.tell(2, block(2).hash)
    assert heads.report().by is HeadsBy.POLLING


def test_a_chain_id_of_thousands_of_digits_is_no_number(stop: Event) -> None:
    heads = Subscription([URL], chain_id=CHAIN, connect=FakeHeads(16**5_000).connect)
    until_it_says(heads, stop, "where a number belongs")


def test_a_node_without_subscriptions_is_not_asked_again_and_again(stop: Event) -> None:
    node = FakeHeads(CHAIN, refusal="the method eth_subscribe does not exist/is not available")
    heads = Subscription([URL], chain_id=CHAIN, connect=node.connect)
    until_it_says(heads, stop, "refuses subscriptions (JSON-RPC error -32601)")
    time.sleep(0.6)
    assert node.opened == 1


def test_the_next_url_is_taken_when_one_fails(stop: Event) -> None:
    node = FakeHeads(CHAIN)

    def connect(url: str, name: str) -> object:
        if "first" in url:
            raise SubscriptionRefused(name, "opens no WebSocket")
        return node.connect(url, name)

    heads = Subscription(["ws://first.example", "ws://second.example"], chain_id=CHAIN, connect=connect)  # type: ignore[arg-type]
    heads.wait(0.001, stop)
    node.wait_for(listening=1)
    assert node.asked == ["second.example"]


def test_of_several_nodes_that_tell_nothing_each_reason_is_logged_once(
    stop: Event, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    asked: list[str] = []

    def connect(_: str, name: str) -> object:
        asked.append(name)
        if "first" in name:
            raise SubscriptionRefused(name, "opens no WebSocket")
        raise SubscriptionLost(name, "cannot be reached")

    heads = Subscription(["ws://first.example", "ws://second.example"], chain_id=CHAIN, connect=connect)  # type: ignore[arg-type]
    heads.wait(0.001, stop)
    until(lambda: len(asked) > 4)
    told = [record.getMessage() for record in caplog.records if "are polled" in record.getMessage()]
    assert [("first" in each, "second" in each) for each in told] == [(True, False), (False, True)]


def test_a_subscription_that_misses_blocks_is_made_anew(heads: Subscription, node: FakeHeads, stop: Event) -> None:
    for number in range(2, 6):
        heads.wait(0.001, stop, block(number))
    assert "told nothing of the last" in str(heads.report().why)
    node.wait_for(opened=2)


def test_the_end_comes_within_a_second(heads: Subscription, node: FakeHeads, stop: Event) -> None:
    end = waiting(heads, stop, block(1))
    stop.set()
    assert end() < 1.0
    node.wait_for(listening=0, seconds=1.0)


def test_a_second_term_listens_anew(heads: Subscription, node: FakeHeads, stop: Event) -> None:
    stop.set()
    node.wait_for(listening=0)
    again = Event()
    heads.wait(0.001, again)
    node.wait_for(listening=1)
    again.set()


def test_no_secret_is_told(node: FakeHeads, stop: Event, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    heads = Subscription(["wss://user:SECRET@node.example/v2/SECRET?key=SECRET"], chain_id=CHAIN, connect=node.connect)
    heads.wait(0.001, stop)
    node.wait_for(listening=1)
    node.hang_up()
    until_it_says(heads, stop, "closed the connection")
    assert "node.example" in caplog.text
    assert "SECRET" not in caplog.text + str(heads.report())


@pytest.mark.parametrize(
    "url", ["http://node.example", "ws:///v2/KEY", "node.example:8546", "ws://[::1", "ws://h:99999"]
)
def test_a_url_that_is_none_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(BadNodeUrl) as caught:
        Subscription([url], chain_id=CHAIN)
    assert url not in str(caught.value)


def test_polling_waits_the_whole_time_and_says_why() -> None:
    began = time.monotonic()
    polling = Polling("EARNEST_WS_URL is off")
    polling.wait(0.05, Event(), block(1))
    assert time.monotonic() - began >= 0.04
    assert (polling.report().by, polling.report().why) == (HeadsBy.POLLING, "EARNEST_WS_URL is off")


def test_the_follower_asks_the_node_whatever_a_head_says(node: FakeHeads, stop: Event) -> None:
    chain, mirror = FakeNode(ESCROW), FakeMirror()
    chain.mine()
    heads = Subscription([URL], chain_id=CHAIN, connect=node.connect)
    follower = Follower(
        chain,
        mirror,
        chain_id=CHAIN,
        escrow=ESCROW,
        deployed_at_block=0,
        finality=FinalityRule(depth_blocks=4),
        poll_seconds=LONG,
        heads=heads,
    )
    thread = Thread(target=follower.run, args=(stop,), daemon=True)
    thread.start()
    node.wait_for(listening=1)
    until(lambda: follower.status().head == chain.head.number)
    node.tell(10**6, hash32(b"\x07" * 32))  # there is no such block
    mined = chain.mine()
    node.tell(mined.number, mined.hash)
    until(lambda: mirror.blocks and mirror.blocks[-1] == mined)
    assert follower.status().heads in (HeadsBy.SUBSCRIPTION, HeadsBy.POLLING)
    stop.set()
    thread.join(1.0)
    assert not thread.is_alive()


class Hints(Polling):
    """Always has a hint."""

    def __init__(self, hint: Hash32) -> None:
        super().__init__()
        self._hint = hint

    def hint(self) -> Hash32 | None:
        return self._hint


def hinted(chain: FakeNode, mirror: FakeMirror, hint: Hash32) -> Follower:
    heads = Hints(hint)
    finality = FinalityRule(depth_blocks=4)
    return Follower(chain, mirror, chain_id=CHAIN, escrow=ESCROW, deployed_at_block=0, finality=finality, heads=heads)


def test_with_a_hint_the_logs_come_along_with_the_block() -> None:
    chain, mirror = FakeNode(ESCROW), FakeMirror()
    mined = chain.mine(delivery(1))
    chain.asked.clear()
    follower = hinted(chain, mirror, mined.hash)
    while follower.step():
        pass
    assert mirror.blocks[-1] == mined
    assert [log.event for log in mirror.logs.values()] == [delivery(1)]
    first = chain.asked.index("eth_getBlockByNumber", 3)  # after the greeting
    assert chain.asked[first : first + 2] == ["eth_getBlockByNumber", "eth_getLogs"]


@pytest.mark.parametrize("answer", ["error", "null", "another block's"])
def test_a_hint_that_is_of_no_use_changes_nothing(answer: str) -> None:
    chain, mirror = FakeNode(ESCROW), FakeMirror()
    old = chain.mine(delivery(1))
    mined = chain.mine(delivery(2))
    hint = {"error": hash32(b"\x07" * 32), "null": hash32(b"\x07" * 32), "another block's": old.hash}[answer]

    def is_about_hint(method: str, params: Sequence[Any]) -> bool:
        return method == "eth_getLogs" and params[0].get("blockHash") == hint != old.hash

    if answer == "error":
        chain.faults = lambda method, params: (
            RpcError(method, -32000, "unknown block") if is_about_hint(method, params) else None
        )
    else:
        chain.tamper = lambda method, params, told: None if is_about_hint(method, params) else told
    follower = hinted(chain, mirror, hint)
    while follower.step():
        pass
    assert mirror.blocks[-1] == mined
    assert [log.event for log in mirror.logs.values()] == [delivery(1), delivery(2)]


def test_logs_that_come_with_a_hint_are_doubted_like_any_others() -> None:
    chain, mirror = FakeNode(ESCROW), FakeMirror()
    mined = chain.mine(delivery(1))
    answers: Iterator[list[Any]] = iter([[]])  # the first answer about logs keeps them back
    chain.tamper = lambda method, _params, told: next(answers, told) if method == "eth_getLogs" else told
    follower = hinted(chain, mirror, mined.hash)
    while follower.step():
        pass
    assert [log.event for log in mirror.logs.values()] == [delivery(1)]
