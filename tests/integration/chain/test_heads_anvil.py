"""Anvil's own subscription: what it tells is shown at once, without a single poll."""

from __future__ import annotations

import time
from threading import Event, Thread

from earnest.chain.follower import Follower
from earnest.chain.heads import HeadsBy
from earnest.chain.rpc import Rpc
from earnest.chain.subscription import Subscription
from earnest.payment.primitives import ZERO_ADDRESS
from earnest.settings import FinalityRule
from earnest.testing.fake_mirror import FakeMirror
from tests.integration.chain.conftest import CHAIN_ID, until
from tests.support.anvil import anvil_url

__all__ = ["anvil_url"]


def test_blocks_and_reorgs_are_seen_as_soon_as_anvil_tells_of_them(anvil_url: str) -> None:
    rpc, mirror, stop = Rpc(anvil_url), FakeMirror(), Event()
    follower = Follower(
        rpc,
        mirror,
        chain_id=CHAIN_ID,
        escrow=ZERO_ADDRESS,
        deployed_at_block=0,
        finality=FinalityRule(tag="finalized"),
        poll_seconds=20.0,
        heads=Subscription([anvil_url.replace("http", "ws")], chain_id=CHAIN_ID),
    )
    thread = Thread(target=follower.run, args=(stop,), daemon=True)
    thread.start()

    def is_in_step() -> bool:
        head = rpc.header("latest")
        return head is not None and bool(mirror.blocks) and mirror.blocks[-1] == head.block

    def mine_until_told() -> bool:
        rpc.call("evm_mine")
        time.sleep(0.2)  # a hundred blocks a second would pass for a flood
        return follower.status().heads == HeadsBy.SUBSCRIPTION

    try:
        until(mine_until_told, seconds=60.0)
        for _ in range(10):
            rpc.call("evm_mine")
            until(is_in_step, seconds=60.0)
        rpc.call("anvil_reorg", (2, []))
        rpc.call("evm_mine")
        until(is_in_step, seconds=60.0)
        assert follower.status().heads_why is None
    finally:
        stop.set()
        thread.join(5.0)
        rpc.close()
    assert not thread.is_alive()
