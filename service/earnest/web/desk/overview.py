"""The first page: what needs attention today, the newest payments, and how it goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi.responses import Response

from earnest.payment.primitives import Address
from earnest.payment.status import Status
from earnest.store import Transaction
from earnest.store.records import Endpoint, Notification, PaymentFilter
from earnest.web.desk.charts import draw
from earnest.web.desk.ports import OperatorReport
from earnest.web.desk.route import SIGNED_IN, desk_router, needs
from earnest.web.desk.rows import Row, Rows
from earnest.web.desk.visit import InVisit, Visit

routes = desk_router()

DAY: Final = 86_400
SOON_SECONDS: Final = DAY
"""What has to be delivered within a day is named today."""
NAMED: Final = 5
LOW_WEI: Final = 5 * 10**15
"""Under 0.005 of the chain's coin: some dozen txs at 1 gwei and 100,000 gas each; time to fill up."""


@dataclass(slots=True)
class Attention:
    """What somebody should look at today; each list holds the first few."""

    disputes: Sequence[Row] = ()
    more_disputes: bool = False
    due: Sequence[Row] = ()
    more_due: bool = False
    failing: list[tuple[Endpoint, int, int]] = field(default_factory=list)
    stopped: list[Endpoint] = field(default_factory=list)
    reorged: list[tuple[Notification, Row]] = field(default_factory=list)
    operators: list[tuple[OperatorReport, str]] = field(default_factory=list)
    is_behind: bool = False
    ready: Sequence[Mapping[str, Any]] = ()
    credits: Sequence[Mapping[str, Any]] = ()

    @property
    def is_quiet(self) -> bool:
        """Whether there is nothing."""
        payments = (self.disputes, self.due, self.reorged, self.ready, self.credits)
        return not any((*payments, self.failing, self.stopped, self.operators, self.is_behind))


@routes.get("")
@needs(SIGNED_IN)
def get_overview(visit: InVisit) -> Response:
    """Show the desk's first page; what the visitor may not see is not on it."""
    attention, newest, chart, sums = Attention(), list[Row](), None, list[Mapping[str, Any]]()
    with visit.site.store.read() as tx:
        rows = Rows(visit.site, tx, visit.who.merchant)
        if visit.may("payments:read"):
            _look_at_payments(visit, tx, rows, attention)
            attention.is_behind = any(visit.site.is_behind(tx, chain_id) for chain_id in visit.site.chains)
            newest = rows.many(tx.payments.page(visit.merchant_id, PaymentFilter(), limit=8).items)
            chart = draw(visit, tx, rows)
            sums = list(visit.desk.recent_sums(tx, visit.merchant_id))
            attention.ready = [each for each in sums if each["releasable"]["base_units"] != "0"]
            attention.credits = [each for each in sums if each["credits"]["base_units"] != "0"]
        if visit.may("webhooks:read"):
            _look_at_endpoints(visit, tx, attention)
    attention.operators = operators_in_need(visit.desk.operators(), visit.who.merchant.operator)
    return visit.page(
        "desk/overview.html", section="overview", attention=attention, newest=newest, chart=chart, sums=sums
    )


def operators_in_need(reports: Sequence[OperatorReport], of_merchant: Address) -> list[tuple[OperatorReport, str]]:
    """Return the operators of a merchant's payments that cannot send, or soon cannot: `failing`, `empty` or `low`."""
    found = []
    for each in reports:
        if each.address != of_merchant:
            continue
        if each.balance is not None and each.balance < LOW_WEI:
            found.append((each, "low" if each.balance else "empty"))
        elif each.error:
            found.append((each, "failing"))
    return found


def _look_at_payments(visit: Visit, tx: Transaction, rows: Rows, attention: Attention) -> None:
    disputed = tx.payments.page(
        visit.merchant_id, PaymentFilter(statuses=frozenset({Status.DISPUTED})), limit=NAMED + 1
    )
    attention.disputes = rows.many(disputed.items)[:NAMED]
    attention.more_disputes = len(disputed.items) > NAMED
    due: list[Row] = []
    for chain_id in visit.site.chains:
        view = rows.view(chain_id)
        if view is not None:
            until = view.head.timestamp + SOON_SECONDS
            due += rows.many(tx.glance.due(visit.merchant_id, chain_id, until, NAMED + 1))
    attention.due, attention.more_due = due[:NAMED], len(due) > NAMED
    told = tx.glance.reorged(visit.merchant_id, visit.now() - DAY, NAMED)
    for each in told:
        payment = tx.payments.find(visit.merchant_id, each.payment_id)
        if payment is not None and payment.chain_id in visit.site.chains:
            attention.reorged.append((each, rows.one(payment)))


def _look_at_endpoints(visit: Visit, tx: Transaction, attention: Attention) -> None:
    endpoints = tx.endpoints.list(visit.merchant_id)
    trouble = tx.glance.trouble([each.id for each in endpoints])
    for each in endpoints:
        of_this = trouble[each.id]
        if each.disabled_at is not None and each.disabled_reason != "switched off by the merchant":
            attention.stopped.append(each)
        elif each.disabled_at is None and (of_this.dead or of_this.failing):
            attention.failing.append((each, of_this.dead, of_this.failing))
