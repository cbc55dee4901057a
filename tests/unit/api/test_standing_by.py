"""A process beside the one that follows the chain: it serves requests, so it must say that it can."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.support.ledger import CHAIN_ID
from tests.unit.api.house import House, client_of, open_house


@pytest.fixture
def beside() -> Iterator[House]:
    """A house whose follower is another process'."""
    with open_house() as house:
        chain = replace(house.services.chains[CHAIN_ID], follower_status=lambda: None)
        house.client = client_of(replace(house.services, chains={CHAIN_ID: chain}))
        yield house


def test_it_is_ready_while_another_follows(beside: House) -> None:
    answer = beside.get("/health/ready", key=None)
    assert (answer.status_code, answer.json()["reasons"]) == (200, [])


def test_it_tells_what_is_mirrored_and_nothing_of_a_follower(beside: House) -> None:
    (chain,) = beside.get("/health/sync", key=None).json()["chains"]
    assert (chain["head"], chain["node_head"], chain["lag_blocks"], chain["error"]) == (1, None, None, None)
    assert "earnest_follower_head_block{" not in beside.get("/metrics", key=None).text
