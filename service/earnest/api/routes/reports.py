"""What the merchant's payments add up to, and the report of what was settled."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Query
from fastapi.responses import JSONResponse, Response, StreamingResponse

from earnest.api.access import keyed
from earnest.api.balances import BalanceView, Named
from earnest.api.call import Call, InCall
from earnest.api.route import router
from earnest.api.routes.payments import Cursor, Limit
from earnest.api.schemas.common import InChain, InTime, ListOf
from earnest.api.schemas.reports import BalanceRow, Balances
from earnest.api.settlements import Period, Report, pieces, write_report
from earnest.api.show import show_all, show_page
from earnest.payment.primitives import Address, parse_address
from earnest.store.settlements import SettlementFilter

routes = router("/v1", "reports")

_CSV: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "One line for each event.", "content": {"text/csv": {"schema": {"type": "string"}}}}
}
Chain = Annotated[InChain | None, Query(description="CAIP-2; default: the service's chain.")]


@routes.get("/balances", response_model=Balances, summary="What your payments add up to")
@keyed("payments:read")
def get_balances(call: InCall) -> JSONResponse:
    """Return sums by token: exact, of every payment of yours, whatever its finality.

    The rows of each are at `/v1/balances/{name}?token=…`, and their amounts add up to it.
    """
    with call.services.store.read() as tx:
        return JSONResponse(show_all(BalanceView(call.services, tx, call.merchant_id).sums()))


@routes.get("/balances/{name}", response_model=ListOf[BalanceRow], summary="The rows of a sum")
@keyed("payments:read")
def get_balance_rows(
    name: Named,
    call: InCall,
    token: Annotated[str, Query(description="Symbol or address.")],
    chain: Chain = None,
    cursor: Cursor = None,
    limit: Limit = 20,
) -> JSONResponse:
    """List what a sum is made of, newest first: payments with what each adds, or credits and their withdrawals.

    All pieces together add up to the sum, less those that say `out`.
    """
    chain_id = call.services.chain(chain).network.chain_id
    wanted = _token(call, chain, token)
    with call.services.store.read() as tx:
        view = BalanceView(call.services, tx, call.merchant_id)
        page = view.rows(name, chain_id, wanted, cursor=cursor, limit=limit)
    return JSONResponse(show_page(page, dict))


@routes.get(
    "/reports/settlements.csv", response_class=Response, responses=_CSV, summary="Every settlement, for a spreadsheet"
)
@keyed("payments:read")
def get_settlements(
    call: InCall,
    since: Annotated[InTime | None, Query(alias="from", description="From this time on, by the block's clock.")] = None,
    until: Annotated[InTime | None, Query(description="Before this time.")] = None,
    token: Annotated[str | None, Query(description="Symbol or address.")] = None,
    chain: Annotated[InChain | None, Query(description="CAIP-2; default: all.")] = None,
) -> Response:
    """Return one line for each event that moved money: what went to you, as a fee, to the buyer, and what you repaid.

    The lines are ordered by each payment's last event, and a payment's own lines stand together. Amounts are there as
    decimals and as base units, both exact. A cell that a spreadsheet would take for a formula begins with an
    apostrophe.
    """
    where = SettlementFilter(
        chain_id=call.services.chain(chain).network.chain_id if chain is not None else None,
        token=_token(call, chain, token) if token is not None else None,
        moved_from=since,
    )
    with call.services.store.read() as tx:
        file = write_report(call.services, tx, call.merchant_id, Report(Period(since, until), where))
    headers = {"Content-Disposition": 'attachment; filename="settlements.csv"', "Cache-Control": "no-store"}
    return StreamingResponse(pieces(file), headers=headers, media_type="text/csv; charset=utf-8")


def _token(call: Call, chain: int | None, named: str) -> Address:
    """Return a token's address; one that the service no longer vouches for can still be asked for by its address."""
    if named[:2].lower() == "0x":
        return parse_address(named, param="token")
    return call.services.chain(chain).network.token(named).address
