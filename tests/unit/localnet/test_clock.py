from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from earnest.localnet.clock import BlockClock

TIMES = some.integers(1, 2**40)


@given(offset=some.integers(-(2**40), 2**40), exact=some.none() | TIMES, parent=TIMES, wall=TIMES)
def test_a_block_is_always_later_than_its_parent(offset: int, exact: int | None, parent: int, wall: int) -> None:
    assert BlockClock(offset, exact).block_time(parent, wall) > parent


def test_block_time_follows_wall_time_and_offset() -> None:
    assert BlockClock().block_time(parent_timestamp=100, wall_time=500) == 500
    clock = BlockClock().moved(60, parent_timestamp=100, wall_time=500).moved(40, parent_timestamp=100, wall_time=500)
    assert clock.block_time(parent_timestamp=100, wall_time=500) == 600


def test_moving_starts_from_a_block_that_is_ahead_of_the_clock() -> None:
    clock = BlockClock().moved(60, parent_timestamp=512, wall_time=500)
    assert clock.block_time(parent_timestamp=512, wall_time=500) == 572


def test_an_exact_time_holds_for_one_block_and_time_goes_on_from_there() -> None:
    clock = BlockClock().set_next(10_000)
    assert clock.block_time(parent_timestamp=100, wall_time=500) == 10_000
    after = clock.after_block(wall_time=500)
    assert after.next_timestamp is None
    assert after.block_time(parent_timestamp=10_000, wall_time=507) == 10_007


def test_a_clock_without_an_exact_time_is_unmoved_by_a_block() -> None:
    clock = BlockClock(offset_seconds=77)
    assert clock.after_block(wall_time=1) == clock
