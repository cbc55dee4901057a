"""What the payments add up to, the rows of every sum, and the report of settlements."""

from __future__ import annotations

from typing import Final

from fastapi.responses import Response, StreamingResponse

from earnest.payment.errors import InvalidInput, NotFound
from earnest.payment.primitives import Address, parse_address
from earnest.web.desk.forms import parse_day
from earnest.web.desk.route import desk_router, needs
from earnest.web.desk.visit import DESK, InVisit, Visit

routes = desk_router()

FIGURES: Final = ("held", "releasable", "released", "refunded", "fees", "repaid", "credits")
PIECE_BYTES: Final = 65_536
ROWS: Final = 50


@routes.get("/balances")
@needs("payments:read")
def get_balances(visit: InVisit) -> Response:
    """Show the sums by token."""
    with visit.site.store.read() as tx:
        sums = visit.desk.sums(tx, visit.merchant_id)
    return visit.page("desk/balances.html", section="balances", sums=sums, figures=FIGURES)


@routes.get("/balances/{name}")
@needs("payments:read")
def get_rows(name: str, visit: InVisit, chain: str = "", token: str = "", cursor: str = "") -> Response:
    """Show what a sum is made of."""
    if name not in FIGURES:
        raise NotFound(f"there is no sum {name!r}")
    chain_id, wanted = _chain(visit, chain), _token(token)
    with visit.site.store.read() as tx:
        rows = visit.desk.sum_rows(tx, visit.merchant_id, name, chain_id, wanted, cursor or None, ROWS)
        whole = next(
            (
                each[name]
                for each in visit.desk.sums(tx, visit.merchant_id)
                if each["chain"] == chain and each["token"] == wanted
            ),
            None,
        )
    return visit.page(
        "desk/balance_rows.html",
        section="balances",
        name=name,
        whole=whole,
        rows=rows.items,
        next_cursor=rows.next_cursor,
        cursor=cursor,
        query={"chain": chain, "token": token},
    )


@routes.get("/reports")
@needs("payments:read")
def get_reports(visit: InVisit) -> Response:
    """Ask for the time that a report is about."""
    return visit.page("desk/reports.html", section="balances", wrong=None)


@routes.get("/reports/settlements.csv")
@needs("payments:read")
def get_settlements(visit: InVisit, since: str = "", until: str = "") -> Response:
    """Return one line for each event that moved money, as the API's report has it."""
    try:
        from_, to = parse_day(since, param="since"), parse_day(until, param="until", end=True)
    except InvalidInput as error:
        return visit.page("desk/reports.html", 422, section="balances", wrong=str(error))
    with visit.site.store.read() as tx:
        file = visit.desk.settlements(tx, visit.merchant_id, from_, to)

    def pieces() -> object:
        with file:
            while piece := file.read(PIECE_BYTES):
                yield piece

    headers = {"Content-Disposition": 'attachment; filename="settlements.csv"'}
    return StreamingResponse(pieces(), headers=headers, media_type="text/csv; charset=utf-8")  # type: ignore[arg-type]


def _chain(visit: Visit, named: str) -> int:
    for chain_id in visit.site.chains:
        if named == f"eip155:{chain_id}":
            return chain_id
    raise NotFound(f"chain {named!r} is not served here; {DESK}/balances lists the sums")


def _token(text: str) -> Address:
    try:
        return parse_address(text, param="token")
    except InvalidInput as error:
        raise NotFound(f"{text!r} is no token's address") from error
