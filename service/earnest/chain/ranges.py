"""How many blocks to ask for at once: providers limit it in a hundred ways, so the size is found by trying."""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final

from earnest.chain.errors import AnswerTooLarge, NodeTimeout, RpcError
from earnest.payment.errors import EarnestError

MAX_PAGE_BLOCKS: Final = 2_000
"""Most providers allow it, and larger pages were no faster."""
SUCCESSES_BEFORE_RETRYING_LARGER: Final = 20

# Texts seen in the wild. The lists need not be complete: what is not recognised halves the range, at worst slowly.
_BEHIND: Final = re.compile(
    r"extends beyond current head|after last accepted block|header not found|cannot query unfinalized"
    r"|cannot be found|unknown block|block not found|invalid block range params",
    re.IGNORECASE,
)
_TOO_OFTEN: Final = re.compile(
    r"rate.?limit|too many requests|requests per|call rate|compute units|capacity exceeded", re.IGNORECASE
)


class Remedy(Enum):
    """What helps against an error of `eth_getLogs`."""

    WAIT = auto()
    """The node is behind, overloaded or away: ask the same again later."""
    SHRINK = auto()
    """Ask for fewer blocks."""


def remedy(error: EarnestError) -> Remedy:
    """Return what helps; error texts are hints, so whatever is not recognised shrinks the range."""
    match error:
        case AnswerTooLarge() | NodeTimeout():
            return Remedy.SHRINK
        case RpcError(message=message) if not _BEHIND.search(message) and not _TOO_OFTEN.search(message):
            return Remedy.SHRINK
        case _:
            return Remedy.WAIT


class PageSize:
    """The number of blocks to ask for, halved on errors and doubled after successes.

    A size that failed is not tried again at once, only after a while: a dense stretch of the chain may be over.
    """

    def __init__(self, largest: int = MAX_PAGE_BLOCKS) -> None:
        self.blocks = largest
        self._largest = largest
        self._ceiling = largest
        self._successes = 0

    def shrink(self) -> bool:
        """Halve; return False if there is nothing left to halve."""
        if self.blocks == 1:
            return False
        self.blocks = self._ceiling = max(1, self.blocks // 2)
        self._successes = 0
        return True

    def grow(self) -> None:
        """Double, up to the largest size that is not known to fail."""
        self._successes += 1
        if self._successes % SUCCESSES_BEFORE_RETRYING_LARGER == 0:
            self._ceiling = min(self._ceiling * 2, self._largest)
        self.blocks = min(self.blocks * 2, self._ceiling)
