"""A merchant's rule: from which finality on he is told of a payment's events, by its token and amount.

A rule is a few steps, each written as `TOKEN:FINALITY:AMOUNT`, with blanks between them:

    0xA0b8…:safe:50000000 0xA0b8…:final:1000000000

Below 50 of that token (it has six decimals) he is told at `included`, from there on at `safe`, from 1,000 on at
`final`. `*` in a token's place stands for every token that has no steps of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from earnest.payment.errors import InvalidInput
from earnest.payment.primitives import Address, parse_address
from earnest.payment.status import Finality

ANY: Final = "*"
PARAM: Final = "tell"
AMOUNT_LIMIT: Final = 2**128
"""No payment has so much: the escrow keeps amounts in 128 bits."""
_RISING: Final = (Finality.INCLUDED, Finality.SAFE, Finality.FINAL)


@dataclass(frozen=True, slots=True)
class Step:
    """Of payments of `amount_from` base units and more he is told at `finality`; token None: those without steps."""

    token: Address | None
    finality: Finality
    amount_from: int

    def __str__(self) -> str:
        return f"{self.token or ANY}:{self.finality}:{self.amount_from}"


@dataclass(frozen=True, slots=True)
class TellRule:
    """All steps of a merchant, by token and rising; none at all: he is told of everything at `included`."""

    steps: tuple[Step, ...] = ()

    def finality_of(self, token: Address, amount: int) -> Finality:
        """Return from which finality on the events of a payment of `amount` base units are told."""
        own = [each for each in self.steps if each.token == token]
        steps = own or [each for each in self.steps if each.token is None]
        return next((each.finality for each in reversed(steps) if amount >= each.amount_from), Finality.INCLUDED)

    def __str__(self) -> str:
        return " ".join(str(each) for each in self.steps)


AT_ONCE: Final = TellRule()
"""Everything is told as soon as it stands in a block."""


def parse_tell_rule(steps: Iterable[str]) -> TellRule:
    """Parse a rule from its steps, in any order; raises `InvalidInput` for what is none, and as `make_tell_rule`."""
    return make_tell_rule(_parse(each) for each in steps)


def make_tell_rule(steps: Iterable[Step]) -> TellRule:
    """Make a rule of steps, in any order.

    Raises:
        InvalidInput: a step for every token does not begin at 0; or a token's steps do not rise: what is larger must be
            at least as sure.
    """
    ordered = sorted(steps, key=_place)
    for each in ordered:
        if each.token is None and each.amount_from != 0:
            raise InvalidInput(
                f"{each}: as many base units are worth little in one token and much in another, so steps for every "
                "token begin at 0; name the token",
                param=PARAM,
            )
    for one, other in pairwise(ordered):
        if one.token == other.token and (one.finality == other.finality or one.amount_from >= other.amount_from):
            raise InvalidInput(
                f"{one} and {other} contradict each other: of a token, each finality has one amount, and `safe` a "
                "smaller one than `final`",
                param=PARAM,
            )
    return TellRule(tuple(ordered))


def _parse(text: str) -> Step:
    parts = text.split(":")
    if len(parts) != 3:
        raise InvalidInput(f"{text!r} is no step: write TOKEN:FINALITY:AMOUNT, as in *:final:0", param=PARAM)
    token, finality, amount = parts
    if finality not in set(_RISING):
        raise InvalidInput(f"{text!r}: the finality is one of {', '.join(_RISING)}", param=PARAM)
    if not (amount.isascii() and amount.isdecimal() and len(amount) <= len(str(AMOUNT_LIMIT))):
        raise InvalidInput(f"{text!r}: the amount is a whole number of the token's base units", param=PARAM)
    if int(amount) >= AMOUNT_LIMIT:
        raise InvalidInput(f"{text!r}: no payment has so much, amounts are below 2^128", param=PARAM)
    return Step(None if token == ANY else parse_address(token, param=PARAM), Finality(finality), int(amount))


def _place(step: Step) -> tuple[str, int, int]:
    return (step.token or "", _RISING.index(step.finality), step.amount_from)
