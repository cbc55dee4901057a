"""The account's settings: all to be seen, and the rule when the merchant is told, which alone he sets himself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fastapi.responses import Response

from earnest.commands.set_tell_rule import set_tell_rule
from earnest.payment.errors import EarnestError
from earnest.payment.money import Token, format_value, parse_value
from earnest.payment.status import Finality
from earnest.payment.tell_rule import Step, TellRule, make_tell_rule
from earnest.web.desk.forms import Form
from earnest.web.desk.route import desk_router, needs
from earnest.web.desk.visit import DESK, InVisit, Visit
from earnest.web.site import Site

routes = desk_router()

HERE: Final = f"{DESK}/settings"
LATER: Final = (Finality.SAFE, Finality.FINAL)
"""What there is to wait for: `included` is what holds without a step."""


@dataclass(frozen=True, slots=True)
class Line:
    """What the form says of one token: from which amount on he is told at `safe` and at `final`, as decimals."""

    number: int
    token: Token
    safe: str
    final: str


@routes.get("/settings")
@needs("payments:read")
def get_settings(visit: InVisit, saved: str = "") -> Response:
    """Show the account and its rule."""
    return _show(visit, lines_of(visit.site, visit.who.merchant.tell), others_of(visit.who.merchant.tell), saved=saved)


@routes.post("/settings")
@needs("settings:write", reads="payments:read")
def post_settings(visit: InVisit) -> Response:
    """Set the whole rule; what it says of tokens that are not served here stays."""
    form, tokens = visit.form, tokens_of(visit.site)
    try:
        steps = [
            Step(token.address, finality, parse_value(text, token, param=token.symbol, least=0))
            for number, token in enumerate(tokens)
            for finality in LATER
            if (text := form.one(f"{finality}_{number}").replace(",", ""))
        ]
        steps += [Step(None, finality, 0) for finality in LATER if form.one("others") == finality]
        known = {None, *(each.address for each in tokens)}
        steps += [each for each in visit.who.merchant.tell.steps if each.token not in known]
        set_tell_rule(visit.site.store, visit.merchant_id, make_tell_rule(steps), now=visit.now(), by=visit.by)
    except EarnestError as error:
        return _show(visit, given(form, tokens), form.one("others"), wrong=str(error))
    return visit.go(HERE, saved=1)


def tokens_of(site: Site) -> Sequence[Token]:
    """Return the tokens that are served here; one address is one token, on whichever chain."""
    every = (token for chain in site.chains.values() for token in (chain.network.coin, *chain.network.tokens))
    return list({each.address: each for each in every}.values())


def lines_of(site: Site, rule: TellRule) -> list[Line]:
    """Return the form's lines as a rule fills them."""
    return [
        Line(number, token, *(_from_where(rule, token, finality) for finality in LATER))
        for number, token in enumerate(tokens_of(site))
    ]


def others_of(rule: TellRule) -> str:
    """Return at which finality tokens without steps are told, empty for at once."""
    return next((str(each.finality) for each in rule.steps if each.token is None), "")


def given(form: Form, tokens: Sequence[Token]) -> list[Line]:
    """Return the lines as they were sent, to be mended."""
    return [
        Line(number, token, *(form.one(f"{finality}_{number}") for finality in LATER))
        for number, token in enumerate(tokens)
    ]


def _from_where(rule: TellRule, token: Token, finality: Finality) -> str:
    found = (each.amount_from for each in rule.steps if each.token == token.address and each.finality is finality)
    return next((format_value(each, token.decimals) for each in found), "")


def _show(visit: Visit, lines: Sequence[Line], others: str, *, saved: str = "", wrong: str | None = None) -> Response:
    return visit.page(
        "desk/settings.html",
        422 if wrong else 200,
        section="settings",
        merchant=visit.who.merchant,
        lines=lines,
        others=others,
        choices=("", *map(str, LATER)),
        may_change=visit.may("settings:write"),
        saved=bool(saved),
        wrong=wrong,
    )
