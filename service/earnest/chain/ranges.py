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
_TOO_MUCH: Final = re.compile(
    r"range|results?\b|too large|too big|too many|limit|exceed|at most|size|distance|maximum", re.IGNORECASE
)
_NUMBER: Final = r"(0x[0-9a-f]+|\d[\d,]*)"
_RANGES: Final = re.compile(rf"range[^0-9]{{0,20}}?\[?{_NUMBER}\s*(?:,\s+|,(?=0x)|-|to)\s*{_NUMBER}\]?", re.IGNORECASE)
_ABOUT_RESULTS: Final = re.compile(r"result|logs matched|response|log response|byte|\bMB\b", re.IGNORECASE)
_LIMITS: Final = tuple(
    re.compile(words.replace("N", _NUMBER), re.IGNORECASE)
    for words in (
        r"exceeds (?:the )?(?:range )?limit (?:of )?N",
        r"than (?:range )?limit:? N",
        r"limited to (?:a )?N",
        r"up to (?:a )?N block",
        r"max(?:imum)? block range\s*[:=]? N",
        r"max(?:imum)? (?:block )?range:? N",
        r"\(maximum:? N\)",
        r"\bmax\s*[:=]? N",
        r"at most N block",
        r"maximum (?:is set to|allowed number of requested blocks is) N",
        r"allowed for your plan \(\d+ > N\)",
        r"over N blocks",
        r"blocks distance:? N",
    )
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
        case RpcError(message=message) if not _BEHIND.search(message) and not is_too_often(message):
            return Remedy.SHRINK
        case _:
            return Remedy.WAIT


def is_too_often(message: str) -> bool:
    """Return whether an error's text says that the node is asked too often."""
    return bool(_TOO_OFTEN.search(message))


def may_pass(error: RpcError) -> bool:
    """Return whether the very same question may be answered the next time.

    One that is refused in unknown words may have been refused for nothing, and where a node says that it has not come
    so far a balancer may have others that have. What is too much stays too much.
    """
    if _BEHIND.search(error.message):
        return True
    return not is_too_often(error.message) and not _TOO_MUCH.search(error.message)


def hinted_blocks(error: EarnestError) -> int | None:
    """Return how many blocks the node would answer for, if its words name a range or a limit of blocks."""
    message = error.message if isinstance(error, RpcError) else ""
    found = _RANGES.search(message)
    if found:
        first, last = (_as_int(each) for each in found.groups())
        return last - first + 1 if first <= last else None
    if _ABOUT_RESULTS.search(message):
        return None
    limits = [_as_int(found.group(1)) for each in _LIMITS if (found := each.search(message))]
    return min(limits, default=None)


def _as_int(text: str) -> int:
    return int(text, 16) if text[:2].lower() == "0x" else int(text.replace(",", ""))


class PageSize:
    """The number of blocks to ask for: smaller after errors, larger after successes.

    A size that failed is not tried again at once, only after a while: a dense stretch of the chain may be over.
    """

    def __init__(self, largest: int = MAX_PAGE_BLOCKS) -> None:
        self.blocks = largest
        self._largest = largest
        self._ceiling = largest
        self._successes = 0

    def shrink(self, asked: int, hint: int | None = None) -> bool:
        """Take fewer blocks than were asked for; return False if that is not possible.

        A hint is followed where it helps; one that names what was just asked for is not (a node was seen to suggest the
        same range for ever), and then it is half.
        """
        if asked <= 1:
            return False
        size = hint if hint is not None and 0 < hint < asked else asked // 2
        self.blocks = self._ceiling = size
        self._successes = 0
        return True

    def grow(self) -> None:
        """Double, up to the largest size that is not known to fail."""
        self._successes += 1
        if self._successes % SUCCESSES_BEFORE_RETRYING_LARGER == 0:
            self._ceiling = min(self._ceiling * 2, self._largest)
        self.blocks = min(self.blocks * 2, self._ceiling)
