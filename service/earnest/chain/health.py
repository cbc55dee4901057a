"""How one endpoint of a chain fares: what is wrong with it, since when, and when it is looked at again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from earnest.chain.errors import (
    ChainMismatch,
    EndpointsDisagree,
    GenesisChanged,
    HeadersDisagree,
    NodeBehind,
    NodeUnavailable,
    RateLimited,
    ReorgPastFinality,
    RpcError,
)
from earnest.chain.words import public_words
from earnest.payment.errors import ChainDisagrees, EarnestError, Misconfigured

DOUBTS_FORGIVEN: Final = 2
"""A chain moves while it is asked, and a node stumbles; from the third time in a row on it is the endpoint."""
FIRST_DELAY_SECONDS: Final = 1.0
LONGEST_DELAY_SECONDS: Final = 60.0
"""An endpoint that was away or behind and is well again is noticed within this time."""
FIRST_LIAR_DELAY_SECONDS: Final = 15.0
LONGEST_LIAR_DELAY_SECONDS: Final = 3_600.0
"""Whoever told what cannot be true is tried again too, since most lies are faults; but seldom."""


class EndpointState(StrEnum):
    """What is known of an endpoint."""

    NEW = "new"
    """Not asked yet."""
    OK = "ok"
    """Answers, and what it says fits."""
    BEHIND = "behind"
    """Does not have the blocks yet that others have."""
    AWAY = "away"
    """Does not answer, or with errors only."""
    LIES = "lies"
    """Told what cannot be true: logs that do not fit their block, headers that do not link, gaps in a payment."""
    WENT_BACK = "went_back"
    """Its chain went back: a block that was final is gone, or many blocks at once."""
    WRONG_CHAIN = "wrong_chain"
    """Serves another chain than the configured one."""


ALARMING: Final = frozenset({EndpointState.LIES, EndpointState.WENT_BACK, EndpointState.WRONG_CHAIN})
"""What an honest endpoint never does: somebody should look at it."""
IN_USE: Final = frozenset({EndpointState.NEW, EndpointState.OK})


@dataclass(frozen=True, slots=True)
class EndpointReport:
    """For health checks. `name` is the host, never the URL; numbers are block numbers, times are Unix seconds."""

    name: str
    state: EndpointState
    reason: str | None
    since: float
    head: int | None
    head_time: int | None
    final: int | None
    failures: int
    """How often it failed since the process began."""
    alarms: dict[str, int]
    """How often it was set aside for what an honest endpoint never does, by state."""
    next_look_at: float | None
    """When an endpoint that is set aside is tried again."""


_SAYS: Final = (
    ((ChainMismatch, GenesisChanged), EndpointState.WRONG_CHAIN),
    ((ReorgPastFinality,), EndpointState.WENT_BACK),
    ((NodeBehind,), EndpointState.BEHIND),
    ((NodeUnavailable, RpcError), EndpointState.AWAY),
    ((ChainDisagrees,), EndpointState.LIES),
)
"""What each error says of the endpoint that was asked; the first that fits."""


def state_for(error: EarnestError) -> EndpointState | None:
    """Return what an error says of the endpoint that was asked, None if it is not the endpoint's affair."""
    if isinstance(error, EndpointsDisagree) and not error.outvoted:
        return None  # nobody knows which of them is wrong
    return next((state for kinds, state in _SAYS if isinstance(error, kinds)), None)


def mildest(problems: Sequence[EarnestError]) -> EarnestError:
    """Return what stands in the way of following: that one endpoint is on another chain is not all, if others are."""

    def gravity(error: EarnestError) -> int:
        match error:
            case ReorgPastFinality() | EndpointsDisagree():
                return 0  # the host has to look, whatever else is wrong
            case Misconfigured():
                return 2
        return 1

    return min(problems, key=gravity)


@dataclass
class Health:
    """What is known of one endpoint; times come in, so that nothing here has a clock.

    `doubts` counts what may yet be innocent, in a row. `faulty_head` says why its head does not do, while it does not.
    """

    name: str
    since: float
    state: EndpointState = EndpointState.NEW
    reason: str | None = None
    failures: int = 0
    doubts: int = 0
    alarms: dict[str, int] = field(default_factory=dict)
    aside_until: float | None = None
    _delay: float = 0.0

    @property
    def in_use(self) -> bool:
        """Whether it may be asked without looking at it first."""
        return self.state in IN_USE

    @property
    def trusted(self) -> bool:
        """Whether what it says counts; an endpoint that is only away or behind never said anything wrong."""
        return self.state not in ALARMING

    def is_due(self, now: float) -> bool:
        """Return whether it is time to try it again (also where the clock was set back in between)."""
        return self.aside_until is None or not now < self.aside_until <= now + LONGEST_LIAR_DELAY_SECONDS

    def well(self, now: float, *, proven: bool) -> bool:
        """Note that it answered, and that it fits; return whether that is news.

        `proven`: something of it was believed. That it has a head alone takes no doubts away.
        """
        if proven:
            self.doubts = 0
        if self.state is EndpointState.OK:
            if self._delay and now - self.since > self._delay:
                self._delay = 0.0  # well for longer than it was last set aside: the next time begins anew
            return False
        self._become(EndpointState.OK, None, now)
        self.aside_until = None
        return True

    def failed(self, error: EarnestError, now: float) -> bool:
        """Note a failure; return whether the endpoint is set aside by it, and was not for this before."""
        self.failures += 1
        self.doubts += 1
        state = state_for(error)
        may_be_innocent = isinstance(error, HeadersDisagree | RpcError | NodeBehind)
        if state is None or (self.in_use and may_be_innocent and self.doubts <= DOUBTS_FORGIVEN):
            return False
        if not self.in_use and not self.is_due(now) and (not self.trusted or state not in ALARMING):
            return False  # known, and its time is not over yet
        wished = error.retry_after_seconds if isinstance(error, RateLimited) else None
        return self.set_aside(state, public_words(error), now, wished or 0.0)

    def set_aside(self, state: EndpointState, reason: str, now: float, at_least_seconds: float = 0.0) -> bool:
        """Set it aside for twice as long as the last time; return whether that is news."""
        is_liar = state in ALARMING
        first = FIRST_LIAR_DELAY_SECONDS if is_liar else FIRST_DELAY_SECONDS
        longest = LONGEST_LIAR_DELAY_SECONDS if is_liar else LONGEST_DELAY_SECONDS
        self._delay = min(max(2 * self._delay, first, at_least_seconds), longest)
        self.aside_until = now + self._delay
        if self.state in ALARMING and not is_liar:
            return False  # who lied and is away now has still lied
        if state is self.state:
            self.reason = reason
            return False
        if is_liar:
            self.alarms[state] = self.alarms.get(state, 0) + 1
        self._become(state, reason, now)
        return True

    def _become(self, state: EndpointState, reason: str | None, now: float) -> None:
        self.state, self.reason, self.since = state, reason, now
