"""New heads over real sockets: what a node's WebSocket does to us, the follower never notices but by its pace."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Event, Thread

import pytest

from earnest.chain.follower import Follower
from earnest.chain.heads import HeadsBy
from earnest.chain.subscription import Subscription
from earnest.chain.updates import Block
from earnest.chain.websocket import MAX_MESSAGE_BYTES
from earnest.payment.primitives import ZERO_ADDRESS
from earnest.settings import FinalityRule
from earnest.testing.fake_mirror import FakeMirror
from earnest.testing.fake_node import FakeNode
from earnest.testing.heads_server import HeadsServer
from tests.integration.chain.conftest import until

CHAIN = 31_337
NEVER = 100.0
"""A pace at which polling alone would show nothing while a test runs."""


@pytest.fixture
def door() -> Iterator[HeadsServer]:
    with HeadsServer(CHAIN) as server:
        yield server


@contextmanager
def following(url: str, *, poll_seconds: float) -> Iterator[tuple[FakeNode, FakeMirror, Follower]]:
    """A follower of a chain in memory that listens at `url`; it has to end within a second."""
    node, mirror, stop = FakeNode(ZERO_ADDRESS), FakeMirror(), Event()
    node.mine()
    follower = Follower(
        node,
        mirror,
        chain_id=CHAIN,
        escrow=ZERO_ADDRESS,
        deployed_at_block=0,
        finality=FinalityRule(depth_blocks=4),
        poll_seconds=poll_seconds,
        heads=Subscription([url], chain_id=CHAIN),
    )
    thread = Thread(target=follower.run, args=(stop,), daemon=True)
    thread.start()
    try:
        until(lambda: follower.status().head == node.head.number)
        yield node, mirror, follower
    finally:
        stop.set()
        thread.join(1.0)
        assert not thread.is_alive(), "the follower did not end within a second"


def is_head(mirror: FakeMirror, block: Block) -> bool:
    return mirror.blocks[-1] == block


def test_a_block_is_mirrored_as_soon_as_it_is_told(door: HeadsServer) -> None:
    with following(door.url, poll_seconds=NEVER) as (node, mirror, follower):
        door.wait_for(1)
        for _ in range(5):
            mined = node.mine()
            door.tell(mined.number, mined.hash)
            until(partial(is_head, mirror, mined))
        assert follower.status().endpoint == "fake"


def test_a_subscription_that_says_nothing_leaves_polling_as_it_was(door: HeadsServer) -> None:
    with following(door.url, poll_seconds=0.05) as (node, mirror, follower):
        door.wait_for(1)
        mined = node.mine()
        until(partial(is_head, mirror, mined))
        until(lambda: follower.status().heads is HeadsBy.POLLING and follower.status().heads_why)


def test_a_socket_that_is_killed_is_opened_again(door: HeadsServer) -> None:
    with following(door.url, poll_seconds=NEVER) as (node, mirror, _):
        for opened in (1, 2, 3):
            door.wait_for(opened)
            mined = node.mine()
            door.tell(mined.number, mined.hash)
            until(partial(is_head, mirror, mined))
            door.kill()


def test_a_node_that_is_started_later_is_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    with following(f"ws://127.0.0.1:{port}", poll_seconds=0.05) as (node, mirror, follower):
        until(lambda: "cannot be reached" in str(follower.status().heads_why))
        with HeadsServer(CHAIN, port=port) as door:
            door.wait_for(1)
            mined = node.mine()
            door.tell(mined.number, mined.hash)
            until(partial(is_head, mirror, mined))


@pytest.mark.parametrize(
    "garbage", ["words", b"\x00\xff", "x" * (MAX_MESSAGE_BYTES + 1)], ids=["text", "bytes", "huge"]
)
def test_garbage_does_no_harm(door: HeadsServer, garbage: str | bytes) -> None:
    with following(door.url, poll_seconds=0.05) as (node, mirror, _):
        door.wait_for(1)
        door.send(garbage)
        door.wait_for(2)
        mined = node.mine()
        until(partial(is_head, mirror, mined))


def test_a_flood_does_no_harm(door: HeadsServer, caplog: pytest.LogCaptureFixture) -> None:
    with following(door.url, poll_seconds=0.05) as (node, mirror, _follower):
        door.wait_for(1)
        mined = node.mine()
        for _ in range(400):
            door.tell(mined.number + 5, mined.hash)
        until(partial(is_head, mirror, mined))
        # In the status it stands until the next subscription, which may be there already.
        until(lambda: "messages a second" in caplog.text)
        door.wait_for(2)


def test_heads_of_another_chain_are_not_listened_to() -> None:
    with HeadsServer(5) as door, following(door.url, poll_seconds=0.05) as (node, mirror, follower):
        until(lambda: "is on chain 5; configured is chain 31337" in str(follower.status().heads_why))
        mined = node.mine()
        until(partial(is_head, mirror, mined))


@pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/1.1"])
def test_a_node_that_speaks_http_only_is_polled_and_its_secret_stays_one(
    caplog: pytest.LogCaptureFixture, version: str
) -> None:
    caplog.set_level(logging.DEBUG)

    class Refuses(BaseHTTPRequestHandler):
        protocol_version = version
        asked = 0

        def do_GET(self) -> None:
            Refuses.asked += 1
            self.send_error(405)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Refuses) as server:
        serving = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        serving.start()
        url = f"ws://127.0.0.1:{server.server_address[1]}/v2/SECRET"
        with following(url, poll_seconds=0.05) as (node, mirror, follower):
            until(lambda: "opens no WebSocket" in str(follower.status().heads_why))
            mined = node.mine()
            until(partial(is_head, mirror, mined))
            time.sleep(0.5)
            assert Refuses.asked == 1
        server.shutdown()
    assert "SECRET" not in caplog.text + str(follower.status())
