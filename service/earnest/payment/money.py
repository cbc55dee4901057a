"""Money is a whole number of base units of a token; these functions are the only way to and from decimals."""

from __future__ import annotations

import re
from dataclasses import dataclass

from earnest.payment.errors import InvalidAmount
from earnest.payment.primitives import ZERO_ADDRESS, Address
from earnest.payment.terms import MAX_AMOUNT, MAX_FEE_BPS

_DECIMAL = re.compile(r"(0|[1-9][0-9]*)(?:\.([0-9]+))?", re.ASCII)
_WHOLE = re.compile(r"0|[1-9][0-9]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Token:
    """A token that the service knows on one chain; the zero address is the chain's own coin."""

    address: Address
    symbol: str
    decimals: int

    @property
    def is_coin(self) -> bool:
        """Whether this is the chain's own coin."""
        return self.address == ZERO_ADDRESS


def parse_base_units(text: str, *, param: str = "amount", least: int = 1) -> int:
    """Parse a string of digits as base units; raises `InvalidAmount` for 0, 2^128 and more, and anything else.

    `least` is 0 where an amount says from where on something holds.
    """
    if not isinstance(text, str) or len(text) > 40 or not _WHOLE.fullmatch(text):
        raise InvalidAmount(f"{text!r} is no amount in base units: give a string of digits", param=param)
    return _inside_bounds(int(text), param, least)


def parse_value(text: str, token: Token, *, param: str = "amount", least: int = 1) -> int:
    """Parse a decimal string such as "12.50" exactly into base units; a digit too many is an error, never rounded."""
    match = _DECIMAL.fullmatch(text) if isinstance(text, str) and len(text) <= 80 else None
    if not match:
        raise InvalidAmount(f"{text!r} is no amount: give a decimal number such as 12.50", param=param)
    whole, fraction = match[1], match[2] or ""
    if len(fraction) > token.decimals:
        raise InvalidAmount(f"{text} has more than the {token.decimals} decimals of {token.symbol}", param=param)
    return _inside_bounds(int(whole + fraction.ljust(token.decimals, "0")), param, least)


def format_value(base_units: int, decimals: int) -> str:
    """Return base units as an exact decimal string with at least two decimals where the token has them: "12.50"."""
    sign, digits = ("-" if base_units < 0 else ""), str(abs(base_units)).rjust(decimals + 1, "0")
    if decimals == 0:
        return sign + digits
    whole, fraction = digits[:-decimals], digits[-decimals:]
    return f"{sign}{whole}.{fraction.rstrip('0').ljust(min(2, decimals), '0')}"


def fee_rounded_down(released_before: int, released_after: int, fee_bps: int) -> int:
    """Return the fee on the step from one cumulative gross release to the next, in base units.

    Taken on the running total and rounded down there, so that slicing a release into parts changes nothing in the sum.
    """
    return released_after * fee_bps // MAX_FEE_BPS - released_before * fee_bps // MAX_FEE_BPS


def _inside_bounds(base_units: int, param: str, least: int) -> int:
    if not least <= base_units <= MAX_AMOUNT:
        over = "over 0 and under 2^128" if least else "under 2^128"
        raise InvalidAmount(f"the amount is {base_units} base units: it must be {over}", param=param)
    return base_units
