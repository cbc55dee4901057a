"""Amounts as people read them: exact to the last digit, the whole part in groups of three."""

from __future__ import annotations

from markupsafe import Markup, escape

from earnest.payment.money import Token, format_value

LONG: tuple[tuple[int, str], ...] = ((22, "longest"), (16, "longer"), (10, "long"))
"""From how many characters on an amount is set smaller, and how the style sheet names that."""


def show_value(base_units: int, decimals: int) -> str:
    """Return base units for people: "1,234,567.50". Both languages of the pages group by commas."""
    return group(format_value(base_units, decimals))


def show_money(base_units: int, token: Token) -> str:
    """Return an amount with its symbol: "1,234.50 USDC"."""
    return f"{show_value(base_units, token.decimals)} {token.symbol}"


def group(value: str) -> str:
    """Return a plain decimal such as "1234.50" with its whole part in groups."""
    whole, point, fraction = value.partition(".")
    return f"{int(whole):,}{point}{fraction}" if whole not in ("", "-") else value


def breakable(value: str) -> Markup:
    """Return a grouped amount that may break between its groups, and before its fraction."""
    return escape(value).replace(",", Markup(",<wbr>")).replace(".", Markup("<wbr>."))


def size_of(value: str) -> str:
    """Return the style sheet's name for how long an amount is; empty for a usual one."""
    return next((name for least, name in LONG if len(value) >= least), "")
