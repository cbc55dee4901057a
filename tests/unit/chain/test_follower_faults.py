"""What breaks in the follower or in the mirror behind it must show in its status: health is judged by that."""

from __future__ import annotations

import pytest

from earnest.chain.follower import FollowerState
from earnest.testing.fake_mirror import FakeMirror
from earnest.testing.fake_node import FakeNode
from tests.unit.chain.examples import ESCROW
from tests.unit.chain.test_follower import catch_up, follower


def test_a_fault_of_ours_is_told_like_any_other_failure() -> None:
    def breaks(_carried_out: bool) -> None:
        raise OverflowError("int too large for the secret database")

    node, mirror = FakeNode(ESCROW), FakeMirror()
    one = follower(node, mirror)
    node.mine_empty(6)
    catch_up(one)
    mirror.fault = breaks
    node.mine_empty(1)
    for failures in (1, 2, 3):
        with pytest.raises(OverflowError):
            one.step()
        assert one.status().failures == failures
    assert one.status().state is FollowerState.WAITING
    assert "OverflowError" in (one.status().error or "")
    assert "secret" not in (one.status().error or "")


def test_it_goes_on_as_if_nothing_had_been_when_the_fault_is_over() -> None:
    node, mirror = FakeNode(ESCROW), FakeMirror(fault=lambda _carried_out: 1 // 0)  # type: ignore[arg-type]
    one = follower(node, mirror)
    node.mine_empty(6)
    with pytest.raises(ZeroDivisionError):
        one.step()
    mirror.fault = None
    catch_up(one)
    assert mirror.blocks[-1] == node.head
    assert one.status().error is None
