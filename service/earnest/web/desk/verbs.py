"""What the merchant does with one payment: first a page that says what will happen, then the deed, never both at once.

The status moves when the log is back; nothing here writes one.
"""

from __future__ import annotations

from fastapi.responses import Response

from earnest.commands.confirm_delivery import confirm_delivery
from earnest.commands.names import new_id, strong_random
from earnest.commands.refund import refund
from earnest.payment.errors import EarnestError
from earnest.payment.money import parse_value
from earnest.payment.primitives import parse_hash32
from earnest.payment.status import Status
from earnest.web.desk.one_payment import load
from earnest.web.desk.route import desk_router, needs
from earnest.web.desk.rows import Row
from earnest.web.desk.visit import DESK, InVisit, Visit

routes = desk_router()


@routes.get("/payments/{id}/confirm_delivery")
@needs("payments:write", reads="payments:read")
def get_confirm_delivery(id: str, visit: InVisit) -> Response:  # noqa: A002 (the path's own word)
    """Say what confirming means, and ask."""
    return visit.page("desk/confirm_delivery.html", section="payments", row=_row(visit, id))


@routes.post("/payments/{id}/confirm_delivery")
@needs("payments:write", reads="payments:read", asks_node=True)
def post_confirm_delivery(id: str, visit: InVisit) -> Response:  # noqa: A002
    """Confirm the delivery."""
    wanted = parse_hash32(id, param="id")
    confirm_delivery(visit.site.store, visit.senders(), visit.merchant_id, wanted)
    return visit.go(f"{DESK}/payments/{wanted}", sent="confirm_delivery")


@routes.get("/payments/{id}/refund")
@needs("refunds:write", reads="payments:read")
def get_refund(id: str, visit: InVisit) -> Response:  # noqa: A002
    """Ask how much goes back."""
    return _ask_amount(visit, _row(visit, id))


@routes.post("/payments/{id}/refund")
@needs("refunds:write", reads="payments:read", asks_node=True)
def post_refund(id: str, visit: InVisit) -> Response:  # noqa: A002
    """Say what will go back, and ask; the second time, give it back.

    The page that asks carries a name of its own, so that its button pressed twice is one refund.
    """
    row, form = _row(visit, id), visit.form
    whole, amount = form.one("how_much") != "part", None
    if not whole:
        try:
            amount = parse_value(form.one("amount"), row.token, param="amount")
        except EarnestError as error:
            return _ask_amount(visit, row, str(error), 422)
        if amount > row.payment.state.held:
            return _ask_amount(visit, row, visit.words("desk.refund.too_much", held=row.money(row.payment.state.held)))
    if form.one("sure") != "yes":
        named = new_id("refund", strong_random)
        back = amount if amount is not None else row.payment.state.held
        return visit.page(
            "desk/refund_review.html", section="payments", row=row, amount=amount, back=row.money(back), name=named
        )
    senders = visit.senders(base_units=None if amount is None else str(amount))
    key = f"desk:{form.one('name')[:80]}" if amount is not None else None
    refund(visit.site.store, senders, visit.merchant_id, row.payment.id, amount=amount, request_key=key)
    return visit.go(f"{DESK}/payments/{row.payment.id}", sent="refund")


def _ask_amount(visit: Visit, row: Row, wrong: str | None = None, status: int = 200) -> Response:
    return visit.page(
        "desk/refund.html",
        status if wrong is None else 422,
        section="payments",
        row=row,
        wrong=wrong,
        only_whole=row.status is Status.DISPUTED,
        typed=visit.form.one("amount"),
    )


def _row(visit: Visit, payment_id: str) -> Row:
    with visit.site.store.read() as tx:
        return load(visit, tx, payment_id)[1]
