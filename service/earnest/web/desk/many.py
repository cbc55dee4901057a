"""Many payments at once: the ticked ones are shown with what will happen, then sent by as few txs as possible."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from fastapi.responses import Response

from earnest.commands.batches import ManyResult
from earnest.commands.confirm_delivery_many import confirm_delivery_many
from earnest.commands.release_many import release_many
from earnest.payment.primitives import Hash32, parse_hash32
from earnest.payment.status import Verb
from earnest.web.desk.route import desk_router, needs
from earnest.web.desk.rows import Row, Rows, totals
from earnest.web.desk.visit import DESK, InVisit, Visit

routes = desk_router()

MOST: Final = 200
"""What one batch can hold; the list's own pages are shorter."""
COMMANDS: Final = {Verb.CONFIRM_DELIVERY_MANY: confirm_delivery_many, Verb.RELEASE_MANY: release_many}


@routes.post("/payments/confirm_delivery_many")
@needs("payments:write", reads="payments:read", asks_node=True)
def post_confirm_delivery_many(visit: InVisit) -> Response:
    """Confirm many deliveries."""
    return _many(visit, Verb.CONFIRM_DELIVERY_MANY)


@routes.post("/payments/release_many")
@needs("payments:write", reads="payments:read", asks_node=True)
def post_release_many(visit: InVisit) -> Response:
    """Release many payments whose dispute windows are over."""
    return _many(visit, Verb.RELEASE_MANY)


def _many(visit: Visit, verb: Verb) -> Response:
    ids = [parse_hash32(text, param="payment") for text in dict.fromkeys(visit.form.many("payment"))][:MOST]
    if not ids:
        return visit.go(f"{DESK}/payments", none_ticked=1)
    if visit.form.one("sure") != "yes":
        return _review(visit, verb, ids)
    command: Callable[..., ManyResult] = COMMANDS[verb]
    result = command(visit.site.store, visit.senders(payments=ids), visit.merchant_id, ids)
    rows = {row.payment.id: row for row in _rows(visit, ids)}
    return visit.page("desk/many_sent.html", section="payments", verb=verb, result=result, rows=rows)


def _review(visit: Visit, verb: Verb, ids: Sequence[Hash32]) -> Response:
    rows = _rows(visit, ids)
    fitting = [row for row in rows if row.batch is verb]
    return visit.page(
        "desk/many_review.html",
        section="payments",
        verb=verb,
        fitting=fitting,
        others=[row for row in rows if row.batch is not verb],
        totals=totals(fitting, held=True),
    )


def _rows(visit: Visit, ids: Sequence[Hash32]) -> list[Row]:
    """Return the merchant's own of these payments; another's are as good as not there."""
    with visit.site.store.read() as tx:
        found = [tx.payments.find(visit.merchant_id, each) for each in ids]
        return Rows(visit.site, tx, visit.who.merchant).many([each for each in found if each is not None])
