"""When the next block happens: pure arithmetic on wall time, the kept offset and the parent's time."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class BlockClock:
    """How far block time runs from wall time, and an exact time asked for the next block only.

    Times are Unix seconds, the offset is in seconds and may be negative.
    """

    offset_seconds: int = 0
    next_timestamp: int | None = None

    def block_time(self, parent_timestamp: int, wall_time: int) -> int:
        """Return the time of the block on top of `parent_timestamp`: always later than its parent."""
        if self.next_timestamp is not None:
            return max(parent_timestamp + 1, self.next_timestamp)
        return max(parent_timestamp + 1, wall_time + self.offset_seconds)

    def after_block(self, wall_time: int) -> "BlockClock":
        """Return the clock once a block was mined: an exact time was used up, and time goes on from there."""
        if self.next_timestamp is None:
            return self
        return BlockClock(offset_seconds=self.next_timestamp - wall_time)

    def moved(self, seconds: int, parent_timestamp: int, wall_time: int) -> "BlockClock":
        """Return the clock moved by `seconds`, from the newest block where a burst of blocks has run ahead of it.

        Otherwise a period that somebody waits out by moving the clock would not be over yet.
        """
        return replace(self, offset_seconds=max(self.offset_seconds, parent_timestamp - wall_time) + seconds)

    def set_next(self, timestamp: int) -> "BlockClock":
        """Return the clock with an exact time for the next block."""
        return replace(self, next_timestamp=timestamp)
