"""What the API and the deliverer ask of a store: each filter of a list by itself and some together, one payment in all
its parts, what a merchant was told, and what is due."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from earnest.payment.status import Finality, Status
from earnest.payment.terms import DAY
from earnest.store import Store
from earnest.store.balances import Figure
from earnest.store.cursors import write_cursor
from earnest.store.records import DeliveryState, PaymentFilter
from tests.benchmarks.growth.filled import ENDPOINT, EVENTS_A_BLOCK, OWN, Filled, made
from tests.support.ledger import BUYER, CHAIN_ID, MERCHANT, START, TOKEN

Question = Callable[[Store], object]
PAGE: Final = 50
"""So many of each status are in the small store, too."""
_CLAIMED_FOR_SECONDS: Final = 60
OF_FEW: Final = frozenset(
    (
        *("list, order reference", "list, buyer", "list, buyer without any", "list, included", "list, safe"),
        *("payment", "payment, public", "timeline", "canonical events", "outgoing txs", "events of a payment"),
    )
)
"""The questions that name what few have: no plan may go through all of a merchant's for them."""
SUMS: Final = frozenset(("balances", "balances, rows of releasable", "desk, what is due"))
"""What adds up all of a merchant's payments, or goes through all that waits: it grows with those, which is
told and not judged."""

_BY_TIME, _BY_STATUS = (f"ix_payments_account_{each}recorded_at_chain_id_id" for each in ("", "status_"))
_BY_BLOCK: Final = "ix_payments_account_block_number"
_OF_AN_ENDPOINT: Final = "ix_deliveries_endpoint_id_state_position"
BLOCK: Final = f"a block of {EVENTS_A_BLOCK} events"
GOES_BY: Final[Mapping[str, tuple[str, ...]]] = {
    BLOCK: ("ix_events_not_yet_final", "ix_payments_waiting"),
    **dict.fromkeys(("list", "list, from the middle on", "list, final", "list, time", "desk, newest"), (_BY_TIME,)),
    **{f"list, {status}": (_BY_STATUS,) for status in Status if status is not Status.CREATED},
    "list, created": ("ix_payments_created",),
    "list, three statuses": ("ix_payments_created", _BY_STATUS),
    **dict.fromkeys(("list, included", "list, safe", "list, released and included"), (_BY_BLOCK,)),
    "list, order reference": ("ix_payments_account_order_reference",),
    **dict.fromkeys(
        ("list, buyer", "list, buyer without any"), ("ix_payments_account_buyer", "ix_payments_account_paid_for")
    ),
    "list, token without any": ("ix_payments_account_token_recorded_at_chain_id_id",),
    **dict.fromkeys(("payment", "payment, public"), ("ix_payments_id",)),
    **dict.fromkeys(("timeline", "canonical events", "desk, charts"), ("ix_events_payment",)),
    "outgoing txs": ("ix_txs_merchant_id_payment_id",),
    "events of a payment": ("ix_notifications_payment_id_position",),
    **dict.fromkeys(("deliveries", *(f"deliveries, {state}" for state in DeliveryState)), (_OF_AN_ENDPOINT,)),
    "what is due": ("ix_deliveries_due", "ix_deliveries_in_order"),
    **dict.fromkeys(("desk, disputes", "desk, what is due", "balances, rows of held"), (_BY_STATUS,)),
    "balances, credits": ("ix_events_credited",),
    "desk, reorgs": ("ix_notifications_reorged",),
}
"""The indexes that were made for a question, and by which either database has to go about it. Not named is what
PostgreSQL sees that it may leave aside: where all that there is, or every other row, is asked for, it reads on from
one to the next."""


def questions(filled: Filled) -> dict[str, Question]:
    """Return the questions by name; what they ask about lies in the middle of what there is."""
    return {**_lists(filled), **_details(filled), **_told(filled), **_desk(filled)}


def _lists(filled: Filled) -> dict[str, Question]:
    own = _middle(filled)
    middle = START + filled.payments // 2
    deep = write_cursor(own.created_at, own.chain_id, own.id)
    depth: dict[str, Any] = {"safe_depth_blocks": MERCHANT.safe_depth_blocks}

    def listed(cursor: str | None = None, **where: Any) -> Question:
        wanted = PaymentFilter(**where)
        return reading(lambda tx: tx.payments.page(MERCHANT.id, wanted, limit=PAGE, cursor=cursor))

    alive = frozenset({Status.CREATED, Status.FUNDED, Status.DISPUTED})
    released, included = frozenset({Status.RELEASED}), frozenset({Finality.INCLUDED})
    return {
        "list": listed(),
        "list, from the middle on": listed(deep),
        **{f"list, {status}": listed(statuses=frozenset({status})) for status in Status},
        "list, released, from the middle on": listed(deep, statuses=released),
        "list, three statuses": listed(statuses=alive),
        **{f"list, {finality}": listed(finalities=frozenset({finality}), **depth) for finality in Finality},
        "list, included, from the middle on": listed(deep, finalities=included, **depth),
        "list, final, from the middle on": listed(deep, finalities=frozenset({Finality.FINAL}), **depth),
        "list, released and included": listed(statuses=released, finalities=included, **depth),
        "list, order reference": listed(order_reference=own.order_reference),
        "list, buyer": listed(buyer=own.terms.buyer),
        "list, buyer without any": listed(buyer=BUYER),
        "list, token": listed(token=TOKEN),
        "list, token, from the middle on": listed(deep, token=TOKEN),
        "list, token without any": listed(token=BUYER),
        "list, token and funded": listed(token=TOKEN, statuses=frozenset({Status.FUNDED})),
        "list, time": listed(created_from=middle, created_until=middle + 500),
        "list, time and released": listed(created_from=middle, created_until=middle + 500, statuses=released),
    }


def _details(filled: Filled) -> dict[str, Question]:
    id_ = _middle(filled).id
    return {
        "payment": reading(lambda tx: tx.payments.find(MERCHANT.id, id_)),
        "payment, public": reading(lambda tx: tx.payments.public(id_)),
        "timeline": reading(lambda tx: (tx.events.timeline(CHAIN_ID, id_), tx.side_events.timeline(CHAIN_ID, id_))),
        "canonical events": reading(lambda tx: tx.events.canonical(CHAIN_ID, [id_])),
        "outgoing txs": reading(lambda tx: tx.txs.find(MERCHANT.id, id_)),
        "events of a payment": _events(payment_id=id_),
    }


def _desk(filled: Filled) -> dict[str, Question]:
    """Return what the merchant's desk asks for its first page, and what lies behind its sums."""
    now = filled.chain.head.timestamp
    month = PaymentFilter(created_from=START + filled.payments - 500)
    disputed = PaymentFilter(statuses=frozenset({Status.DISPUTED}))
    deep = _middle(filled)

    def month_of(tx: Any) -> object:
        newest = tx.payments.page(MERCHANT.id, month, limit=1_000).items
        return tx.events.canonical(CHAIN_ID, [each.id for each in newest])

    def rows(figure: Figure, cursor: str | None = None) -> Question:
        token = (CHAIN_ID, TOKEN)
        return reading(lambda tx: tx.balances.rows(MERCHANT.id, figure, token, now, cursor=cursor, limit=50))

    return {
        "balances": reading(lambda tx: tx.balances.sums(MERCHANT.id, {CHAIN_ID: now})),
        "balances, credits": reading(lambda tx: tx.balances.owed(CHAIN_ID, MERCHANT.payout, [TOKEN])),
        **{f"balances, rows of {figure}": rows(figure) for figure in (Figure.HELD, Figure.RELEASED, Figure.RELEASABLE)},
        "balances, rows of released, from the middle on": rows(
            Figure.RELEASED, write_cursor(deep.created_at, deep.chain_id, deep.id)
        ),
        "desk, disputes": reading(lambda tx: tx.payments.page(MERCHANT.id, disputed, limit=6)),
        "desk, newest": reading(lambda tx: tx.payments.page(MERCHANT.id, PaymentFilter(), limit=8)),
        "desk, what is due": reading(lambda tx: tx.glance.due(MERCHANT.id, CHAIN_ID, now + DAY, 6)),
        "desk, reorgs": reading(lambda tx: tx.glance.reorged(MERCHANT.id, START, 5)),
        "desk, endpoints in trouble": reading(lambda tx: tx.glance.trouble([ENDPOINT])),
        "desk, charts": reading(month_of),
    }


def _told(filled: Filled) -> dict[str, Question]:
    position = filled.payments * 2 // OWN // 2

    def deliveries(**where: Any) -> Question:
        return reading(lambda tx: tx.outbox.deliveries(ENDPOINT, limit=PAGE, **where))

    return {
        "events": _events(),
        "events, from the middle on": _events(cursor=write_cursor(position)),
        "deliveries": deliveries(),
        "deliveries, from the middle on": deliveries(cursor=write_cursor(position)),
        **{f"deliveries, {state}": deliveries(state=state) for state in DeliveryState},
        "what is due": _claim,
    }


def reading(ask: Callable[[Any], object]) -> Question:
    """Return a question that only reads, in a unit of work of its own."""

    def question(store: Store) -> object:
        with store.read() as tx:
            return ask(tx)

    return question


def _events(**where: Any) -> Question:
    return reading(lambda tx: tx.outbox.page(MERCHANT.id, limit=PAGE, **where))


class _Undone(Exception):
    """Takes back a claim, so that the next one finds the same."""


def _claim(store: Store) -> object:
    claimed: object = ()
    try:
        with store.transaction() as tx:
            claimed = tx.outbox.claim(START + 10**9, PAGE, _CLAIMED_FOR_SECONDS)
            raise _Undone
    except _Undone:
        return claimed


def _middle(filled: Filled) -> Any:
    return made(filled.payments // 2 // OWN * OWN)
