"""How soon to look at the chain again, given what a subscription told and what the node showed. Pure.

Nothing here believes a head: what a subscription tells only decides when the node is asked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from earnest.chain.updates import Block
from earnest.payment.primitives import Hash32

SLOWER: Final = 5.0
"""How much more seldom a node is asked while it tells of each block: a second to three blocks' time."""
SILENT_POLLS: Final = 12.0
"""After so many times the usual pace, some four blocks' time, silence is no chance any more."""
MISSED_FORGIVEN: Final = 1
"""A block is often shown a moment before it is told; two in a row that were never told are more than that."""
FIRST_LOOK_SECONDS: Final = 0.005
"""A block may be told before the node shows it to those who ask; it is asked again after this, then after twice it."""

_IS_HASH: Final = re.compile(r"0x[0-9a-f]{64}").fullmatch


@dataclass(frozen=True, slots=True)
class Told:
    """A head as a subscription told it: not believed, and not checked."""

    number: int
    hash: Hash32


class Pace:
    """What one subscription told so far. Times are seconds of any clock that only goes forward."""

    def __init__(self, now: float) -> None:
        self._since = now
        self._told: Told | None = None
        self._heard = self._looked_at = self._looks = 0
        self._newest: Block | None = None
        self.missed = 0
        """How many blocks in a row the node showed of which nothing was told."""

    def tell(self, head: Told, now: float) -> None:
        """Note a head that was told."""
        self._told, self._since = head, now
        self._heard += 1
        self._looks = self.missed = 0

    def show(self, newest: Block | None) -> None:
        """Note the newest block that the node showed."""
        if newest is not None and newest != self._newest:
            if self._told is None or newest.number > self._told.number:
                self.missed += 1
            self._newest = newest

    @property
    def is_news(self) -> bool:
        """Whether something was told since the last look that the node has not shown yet."""
        return self._heard > self._looked_at and not self._in_step

    def look(self) -> None:
        """Note that the node is asked now."""
        self._looked_at = self._heard

    @property
    def hint(self) -> Hash32 | None:
        """The hash that was told last, if the node has not shown it yet."""
        told = self._told
        return told.hash if told is not None and not self._in_step and _IS_HASH(told.hash) else None

    def seconds(self, usual: float, now: float) -> float:
        """Return after how many seconds the node is asked even if nothing is told; `usual` is the usual pace."""
        if self.doubt(usual, now) is not None:
            return usual
        if self._in_step:
            return usual * SLOWER
        if self._told is not None and (self._newest is None or self._told.number >= self._newest.number):
            self._looks += 1
            return min(usual, FIRST_LOOK_SECONDS * 2.0 ** min(self._looks - 1, 16))
        return usual

    def doubt(self, usual: float, now: float) -> str | None:
        """Return why this subscription cannot be relied on now; None if it can."""
        if self.missed > MISSED_FORGIVEN:
            return f"told nothing of the last {self.missed} blocks"
        if self._told is None:
            return "has not told of any block yet"
        if now - self._since > usual * SILENT_POLLS:
            return f"has told of no block for more than {usual * SILENT_POLLS:g} s"
        return None

    @property
    def _in_step(self) -> bool:
        return self._told is not None and self._newest is not None and self._told.hash == self._newest.hash
