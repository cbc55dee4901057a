"""A node that begins its answer in time and never ends it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest

from earnest.chain.errors import NodeTimeout
from earnest.chain.rpc import Rpc


class Drips(httpx.SyncByteStream):
    """Blanks, one after the other, for far longer than anybody should wait."""

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(2_000):
            time.sleep(0.005)
            yield b" "


def test_an_answer_that_never_ends_is_given_up() -> None:
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, stream=Drips()))
    rpc = Rpc("http://node.example", timeout_seconds=0.02, retries=0, transport=transport)
    with pytest.raises(NodeTimeout, match="did not finish"):
        rpc.chain_id()
