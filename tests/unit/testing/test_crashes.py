"""Crashes on order: at the named points, once for each process, at the same moments for the same seed."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from earnest.testing.crashes import Crash, CrashingNode, CrashingPosts, CrashingStore, CrashPoints
from earnest.testing.fake_node import FakeNode
from tests.support.ledger import ESCROW, MERCHANT
from tests.support.stores import sqlite_template  # noqa: F401 (a fixture)


def times_until_crash(seed: int) -> int:
    points = CrashPoints(seed=seed, probability=0.05)
    for times in range(1_000):
        try:
            points.reach("somewhere")
        except Crash:
            return times
    raise AssertionError("never")


def test_the_same_seed_ends_the_process_at_the_same_moment() -> None:
    assert times_until_crash(1) == times_until_crash(1)
    assert len({times_until_crash(seed) for seed in range(10)}) > 3


def test_whoever_is_dead_does_nothing_more_until_it_is_another_process() -> None:
    points = CrashPoints(at={"second": 1})
    points.reach("first")
    for name in ("second", "first", "third"):
        with pytest.raises(Crash):
            points.reach(name)
    points.revive()
    points.reach("first")
    assert points.crashes == ["second"]


def test_no_handler_of_errors_survives_a_crash() -> None:
    points = CrashPoints(at={"here": 1})

    def careful() -> None:
        try:
            points.reach("here")
        except Exception:
            raise AssertionError("a killed process handled its own death") from None

    with pytest.raises(Crash):
        careful()


@pytest.mark.parametrize(("point", "kept"), [("store.commit.before", False), ("store.commit.after", True)])
def test_a_commit_is_there_or_not(sqlite_template: Path, point: str, kept: bool) -> None:  # noqa: F811
    points = CrashPoints(at={point: 1})
    changed = MERCHANT.__class__(**{**{name: getattr(MERCHANT, name) for name in MERCHANT.__slots__}, "id": "mer_2"})
    with closing(CrashingStore(f"sqlite:///{sqlite_template}", points)) as store:
        with pytest.raises(Crash), store.transaction() as tx:
            tx.merchants.add(changed)
        points.revive()
        with store.transaction() as tx:
            assert (tx.merchants.get("mer_2") is not None) == kept


def test_a_broadcast_is_out_or_not() -> None:
    node = FakeNode(ESCROW)
    for point, asked in (("node.eth_chainId.before", 0), ("node.eth_chainId.after", 1)):
        points = CrashPoints(at={point: 1})
        node.asked.clear()
        with pytest.raises(Crash):
            CrashingNode(node, points).chain_id()
        assert len(node.asked) == asked


def test_a_webhook_is_out_or_not() -> None:
    posted: list[str] = []

    class Posts:
        def post(self, url: str, headers: dict[str, str], body: bytes, now: int) -> None:
            posted.append(url)

    for point, count in (("post.before", 0), ("post.after", 1)):
        posted.clear()
        with pytest.raises(Crash):
            CrashingPosts(Posts(), CrashPoints(at={point: 1})).post("https://shop.example", {}, b"", 0)
        assert len(posted) == count
