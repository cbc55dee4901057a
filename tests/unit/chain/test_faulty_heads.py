"""Given a subscription that misbehaves by a plan, when a chain is followed, then no block is missed by it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest

from earnest.chain.follower import Follower
from earnest.chain.heads import HeadsBy
from earnest.chain.subscription import Subscription
from earnest.settings import FinalityRule
from earnest.testing.fake_heads import FakeHeads
from earnest.testing.fake_mirror import FakeMirror
from earnest.testing.fake_node import FakeNode
from earnest.testing.fault_plans import Fault, FaultKind, FaultPlan
from tests.unit.chain.examples import CHAIN_ID, ESCROW, delivery

POLL_SECONDS = 0.02
HEADS_FAULTS = [kind for kind in FaultKind if kind.startswith("heads_")]


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20.0
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.002)


@contextmanager
def following(chain: FakeNode, mirror: FakeMirror, heads: FakeHeads) -> Iterator[Follower]:
    stop = Event()
    follower = Follower(
        chain,
        mirror,
        chain_id=CHAIN_ID,
        escrow=ESCROW,
        deployed_at_block=0,
        finality=FinalityRule(depth_blocks=4),
        poll_seconds=POLL_SECONDS,
        heads=Subscription(["ws://node.example"], chain_id=CHAIN_ID, connect=heads.connect),
    )
    thread = Thread(target=follower.run, args=(stop,), daemon=True)
    thread.start()
    try:
        heads.wait_for(listening=1)
        yield follower
    finally:
        stop.set()
        heads.hang_up()  # so that whoever listens notices at once
        thread.join(5.0)
        assert not thread.is_alive()


def live(chain: FakeNode, mirror: FakeMirror, heads: FakeHeads, blocks: int) -> None:
    """Mine blocks and tell of them; each has to be mirrored before the next one, every fifth replaces two."""
    for number in range(blocks):
        if number % 5 == 4:
            chain.reorg(2, [[delivery(2_000 + number)], [delivery(3_000 + number)]])
        mined = chain.mine(delivery(number))
        heads.tell(mined.number, mined.hash)
        until(lambda mined=mined: mirror.blocks and mirror.blocks[-1] == mined)  # type: ignore[misc]


@pytest.mark.parametrize("share", [1.0, 0.4], ids=["always", "now and then"])
@pytest.mark.parametrize("kind", HEADS_FAULTS)
def test_whatever_befalls_the_heads_polling_shows_every_block(kind: FaultKind, share: float) -> None:
    chain, mirror = FakeNode(ESCROW), FakeMirror()
    heads = FakeHeads(CHAIN_ID, plan=FaultPlan([Fault(kind, share)], seed=3))
    with following(chain, mirror, heads):
        live(chain, mirror, heads, 12)
        assert [(key[0], key[1], log.event) for key, log in mirror.logs.items()] == chain.chain_events()
    assert heads.plan.happened[kind]


def test_all_at_once_and_again_and_again_they_do_no_harm() -> None:
    chain, mirror = FakeNode(ESCROW), FakeMirror()
    heads = FakeHeads(CHAIN_ID, plan=FaultPlan([Fault(kind, 0.25) for kind in HEADS_FAULTS], seed=5))
    with following(chain, mirror, heads) as follower:
        live(chain, mirror, heads, 40)
        assert [(key[0], key[1], log.event) for key, log in mirror.logs.items()] == chain.chain_events()
        assert follower.status().failures == 0
    assert set(heads.plan.happened) == set(HEADS_FAULTS)


def test_a_subscription_that_fell_silent_is_polled_around_and_says_so_and_is_believed_again() -> None:
    chain, mirror = FakeNode(ESCROW), FakeMirror()
    heads = FakeHeads(CHAIN_ID)
    with following(chain, mirror, heads) as follower:
        live(chain, mirror, heads, 4)
        until(lambda: follower.status().heads is HeadsBy.SUBSCRIPTION)
        with heads.plan.also(Fault(FaultKind.HEADS_SILENCE)):
            live(chain, mirror, heads, 4)
            until(lambda: follower.status().heads is HeadsBy.POLLING)
        heads.wait_for(listening=1)

        def told_again() -> bool:
            mined = chain.mine()
            heads.tell(mined.number, mined.hash)
            until(lambda: mirror.blocks[-1] == mined)
            return follower.status().heads is HeadsBy.SUBSCRIPTION

        until(told_again)


def test_the_same_plan_strikes_the_same_heads_again() -> None:
    def story() -> list[FaultKind]:
        chain, plan = FakeNode(ESCROW), FaultPlan([Fault(kind, 0.3) for kind in HEADS_FAULTS], seed=9)
        heads = FakeHeads(CHAIN_ID, plan=plan)
        for _ in range(20):
            mined = chain.mine()
            heads.tell(mined.number, mined.hash)
        return sorted(plan.happened.elements())

    assert story() == story()
