"""When to try again: a pure plan from the number of tries and the last answer to what becomes of a delivery."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

DELAYS_SECONDS: Final = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""5 s, 5 m, 30 m, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h: ten tries in a little over three days, so that an endpoint that
breaks on a Friday evening still gets it all on Monday. The steps are those that Standard Webhooks recommends."""
MAX_TRIES: Final = len(DELAYS_SECONDS) + 1
JITTER: Final = 0.2
"""Up to a fifth later, never earlier: what failed together must not come back together."""
MAX_RETRY_AFTER_SECONDS: Final = 86_400
"""An endpoint may put us off for a day, the longest step of our own plan; more would keep rows alive for ever."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How one try ended: a status code with its `Retry-After` in seconds, or no answer and the reason why.

    `withheld`: nothing was sent, since others count this process as gone; that is no try at all.
    """

    status_code: int | None = None
    retry_after_seconds: int | None = None
    error: str | None = None
    withheld: bool = False


@dataclass(frozen=True, slots=True)
class Delivered:
    """It arrived: any 2xx."""


@dataclass(frozen=True, slots=True)
class RetryAt:
    """Try again at this wall time (Unix)."""

    at: int


@dataclass(frozen=True, slots=True)
class Dead:
    """No more tries by ourselves; it stays listed and can be replayed."""


@dataclass(frozen=True, slots=True)
class Gone:
    """The endpoint says that it is no more (410): dead, and the endpoint gets nothing from now on."""


Fate = Delivered | RetryAt | Dead | Gone


def plan(tries: int, answer: Answer, now: int, jitter: float) -> Fate:
    """Return what becomes of a delivery after its `tries`-th try.

    Args:
        tries: how many tries were made, the one that ended with `answer` included; at least 1.
        answer: how the last one ended. Redirects count as failures: a signed payment goes where it was addressed.
        now: wall time at its end (Unix).
        jitter: a random number in [0, 1).
    """
    code = answer.status_code
    if code is not None and HTTPStatus.OK <= code < HTTPStatus.MULTIPLE_CHOICES:
        return Delivered()
    if code == HTTPStatus.GONE:
        return Gone()
    if tries >= MAX_TRIES:
        return Dead()
    delay = DELAYS_SECONDS[tries - 1]
    asked = min(answer.retry_after_seconds or 0, MAX_RETRY_AFTER_SECONDS)
    return RetryAt(now + max(delay, asked) + int(max(delay, asked) * JITTER * jitter))


def parse_retry_after(text: str | None, now: int) -> int | None:
    """Return `Retry-After` as seconds from `now`, from either of its forms; None if it is missing or neither.

    Source: RFC 9110, 10.2.3.
    """
    if text is None:
        return None
    if text.strip().isascii() and text.strip().isdigit():
        return min(int(text.strip()[:12]), MAX_RETRY_AFTER_SECONDS)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # the library reads a year of twenty digits as far as it can
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0, int(moment.timestamp()) - now)
