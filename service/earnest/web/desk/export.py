"""The list of payments as a CSV file: what the filters above it let through, newest first."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Final

from fastapi.responses import Response

from earnest.payment.cells import safe_cell
from earnest.payment.representation import caip2, rfc3339
from earnest.store import Transaction
from earnest.store.records import PaymentFilter
from earnest.web.desk.payments import InForm, parse_filter
from earnest.web.desk.route import desk_router, needs
from earnest.web.desk.rows import Row, Rows
from earnest.web.desk.visit import InVisit, Visit

routes = desk_router()

MOST: Final = 10_000
"""Some 4 MB, and a few seconds; whoever has more asks by days, or asks the API."""
PAGE: Final = 100
AMOUNTS: Final = ("amount", "held", "to_merchant", "fee", "to_buyer", "repaid")
COLUMNS: Final = ("created_at", "order_reference", "payment", "chain", "status", "finality", "symbol", "token")
REST: Final = (*AMOUNTS, "buyer", "pay_by", "description")


@routes.get("/payments.csv")
@needs("payments:read")
def get_payments_file(visit: InVisit, asked: InForm) -> Response:
    """Return the payments that fit, one a line; raises `InvalidInput` for what is no filter."""
    where = parse_filter(visit, asked)
    text = io.StringIO(newline="")
    lines = csv.writer(text)
    lines.writerow([*COLUMNS, *REST])
    with visit.site.store.read() as tx:
        lines.writerows(_line(row) for row in _rows(visit, tx, where))
    headers = {"Content-Disposition": 'attachment; filename="payments.csv"'}
    return Response(text.getvalue(), headers=headers, media_type="text/csv; charset=utf-8")


def _rows(visit: Visit, tx: Transaction, where: PaymentFilter) -> Iterator[Row]:
    rows, cursor, left = Rows(visit.site, tx, visit.who.merchant), None, MOST
    while left > 0:
        page = tx.payments.page(visit.merchant_id, where, cursor=cursor, limit=min(PAGE, left))
        for payment in page.items:
            if payment.chain_id in visit.site.chains:
                yield rows.one(payment, tx.descriptions.many(payment.chain_id, [payment.id]))
        cursor, left = page.next_cursor, left - len(page.items)
        if cursor is None:
            return


def _line(row: Row) -> list[str]:
    payment, state = row.payment, row.payment.state
    amounts = (
        payment.terms.amount,
        state.held,
        state.to_merchant,
        state.to_fee_recipient,
        state.to_buyer,
        state.repaid,
    )
    return [
        rfc3339(payment.created_at) if payment.created_at is not None else "",
        safe_cell(payment.order_reference),
        payment.id,
        caip2(payment.chain_id),
        str(row.status),
        str(row.finality or ""),
        safe_cell(row.token.symbol),
        row.token.address,
        *(row.value(amount) for amount in amounts),
        row.buyer or "",
        rfc3339(payment.terms.pay_by),
        safe_cell(row.description),
    ]
