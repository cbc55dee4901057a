"""The list of payments: filters, search by order reference, and rows to tick."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, TypeVar

from fastapi import Depends, Query
from fastapi.responses import Response

from earnest.payment.errors import EarnestError, InvalidInput
from earnest.payment.money import Token
from earnest.payment.primitives import Address, Hash32, parse_hash32
from earnest.payment.status import Finality, Status
from earnest.store.records import PaymentFilter
from earnest.web.desk.forms import parse_day
from earnest.web.desk.route import desk_router, needs
from earnest.web.desk.rows import Rows
from earnest.web.desk.visit import DESK, InVisit, Visit
from earnest.web.site import Site

routes = desk_router()

T = TypeVar("T", Status, Finality)
PAGE_SIZE: Final = 50
"""What is ticked on one page goes out by one tx."""
Text = Annotated[str, Query(max_length=500)]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the form above the list says, as it was typed."""

    q: str = ""
    status: str = ""
    finality: str = ""
    token: str = ""
    since: str = ""
    until: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is asked for."""
        return not any((self.q, self.status, self.finality, self.token, self.since, self.until))


def _asked(
    q: Text = "", status: Text = "", finality: Text = "", token: Text = "", since: Text = "", until: Text = ""
) -> Asked:
    return Asked(q.strip(), status, finality, token, since, until)


InForm = Annotated[Asked, Depends(_asked)]
"""What a request says in the form's words; for every page that the form leads to."""


@routes.get("/payments")
@needs("payments:read")
def get_payments(visit: InVisit, asked: InForm, cursor: Text = "", none_ticked: Text = "") -> Response:
    """List the payments that fit, newest first."""
    if (found := id_of(asked.q)) is not None:
        return visit.go(f"{DESK}/payments/{found}")
    wrong = None
    try:
        where = parse_filter(visit, asked)
    except EarnestError as error:
        wrong, where = str(error), PaymentFilter(order_reference="")
    with visit.site.store.read() as tx:
        page = tx.payments.page(visit.merchant_id, where, cursor=cursor or None, limit=PAGE_SIZE)
        rows = Rows(visit.site, tx, visit.who.merchant).many(page.items if wrong is None else [])
    return visit.page(
        "desk/payments.html",
        section="payments",
        asked=asked,
        wrong=wrong,
        none_ticked=none_ticked,
        rows=rows,
        cursor=cursor,
        next_cursor=page.next_cursor if wrong is None else None,
        statuses=list(Status),
        finalities=list(Finality),
        tokens=sorted({each.symbol for each in tokens_of(visit.site)}),
        can_tick=visit.may("payments:write") and any(row.batch for row in rows),
    )


def parse_filter(visit: Visit, asked: Asked) -> PaymentFilter:
    """Return what the form says as the store takes it; raises `InvalidInput`."""
    return PaymentFilter(
        statuses=frozenset([_one_of(Status, asked.status, "status")] if asked.status else ()),
        finalities=frozenset([_one_of(Finality, asked.finality, "finality")] if asked.finality else ()),
        safe_depth_blocks=visit.who.merchant.safe_depth_blocks,
        order_reference=asked.q or None,
        token=_token(visit.site, asked.token),
        created_from=parse_day(asked.since, param="since"),
        created_until=parse_day(asked.until, param="until", end=True),
    )


def tokens_of(site: Site) -> list[Token]:
    """Return all tokens that payments here can be in."""
    return [token for chain in site.chains.values() for token in (chain.network.coin, *chain.network.tokens) if token]


def id_of(text: str) -> Hash32 | None:
    """Return a payment's id where somebody searches for one."""
    try:
        return parse_hash32(text, param="q")
    except InvalidInput:
        return None


def _token(site: Site, symbol: str) -> Address | None:
    if not symbol:
        return None
    found = next((each.address for each in tokens_of(site) if each.symbol == symbol), None)
    if found is None:
        raise InvalidInput(f"there is no token {symbol!r}", param="token")
    return found


def _one_of(kind: type[T], text: str, param: str) -> T:
    try:
        return kind(text)
    except ValueError as error:
        raise InvalidInput(f"there is no {param} {text!r}", param=param) from error
