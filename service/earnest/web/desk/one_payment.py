"""One payment: what it is, what happened, what was told of it, and what can be done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fastapi.responses import Response

from earnest.chain.sending import OutgoingTx
from earnest.commands.journal import outgoing_tx
from earnest.commands.own_payment import GAVE_UP
from earnest.escrow.deposits import deposit_address_of
from earnest.escrow.reverts import error_name
from earnest.payment.errors import NotFound
from earnest.payment.events import Credited, DepositReturned, EventKind
from earnest.payment.primitives import Hash32, parse_hash32
from earnest.payment.record import BlockRef, finality_of
from earnest.payment.status import Verb
from earnest.payment.uri import checkout_url
from earnest.store import Transaction
from earnest.store.glance import Carried
from earnest.store.records import Notification, StoredEvent, StoredSideEvent
from earnest.web.desk.route import desk_router, needs
from earnest.web.desk.rows import Row, Rows
from earnest.web.desk.visit import InVisit, Visit

routes = desk_router()

MOST_NOTIFICATIONS: Final = 50
WORD_OF: Final = {
    EventKind.PAYMENT_FUNDED: "paid",
    EventKind.DELIVERY_CONFIRMED: "delivered",
    EventKind.PAYMENT_RELEASED: "released",
    EventKind.PAYMENT_REFUNDED: "refunded",
    EventKind.PAYMENT_RECLAIMED: "reclaimed",
    EventKind.PAYMENT_DISPUTED: "disputed",
    EventKind.DISPUTE_RESOLVED: "resolved",
    EventKind.PAYMENT_REPAID: "repaid",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the timeline: what happened (a word's key), where, how sure that is, and what it moved.

    `moved` are pairs of a word's key and an amount. `finality` is None for what a reorg took back (`orphaned`).
    """

    name: str
    block: BlockRef
    tx_hash: str
    log_index: int
    orphaned: bool
    finality: str | None
    moved: tuple[tuple[str, str], ...] = ()
    note: str | None = None


@routes.get("/payments/{id}")
@needs("payments:read")
def get_payment(id: str, visit: InVisit, sent: str = "") -> Response:  # noqa: A002 (the path's own word)
    """Show one of the merchant's payments."""
    with visit.site.store.read() as tx:
        rows, row = load(visit, tx, id)
        payment = row.payment
        events = tx.events.timeline(payment.chain_id, payment.id)
        beside = tx.side_events.timeline(payment.chain_id, payment.id)
        entries = timeline(visit, rows, row, [*events, *beside])
        txs = [outgoing_tx(each) for each in tx.txs.find(visit.merchant_id, payment.id)]
        told: list[Notification] = []
        carried: Mapping[str, Sequence[Carried]] = {}
        urls: dict[str, str] = {}
        if visit.may("webhooks:read"):
            page = tx.outbox.page(visit.merchant_id, limit=MOST_NOTIFICATIONS, payment_id=payment.id)
            told = list(page.items)
            carried = tx.glance.carried([each.id for each in told])
            urls = {each.id: each.url for each in tx.endpoints.list(visit.merchant_id)}
    back = {each.tx_hash for each in events if not each.orphaned}
    under_way = [each for each in txs if each.state not in GAVE_UP and back.isdisjoint(_hashes(each))]
    return visit.page(
        "desk/payment.html",
        section="payments",
        row=row,
        entries=entries,
        txs=txs,
        under_way=[each for each in under_way if each.error is None],
        told=told,
        carried=carried,
        urls=urls,
        sent=sent if sent in ("confirm_delivery", "refund") else "",
        checkout=checkout_url(visit.site.public_url, payment.id),
        deposit=deposit_address_of(payment),
        network=visit.site.chains[payment.chain_id].network,
        can_confirm=visit.may("payments:write") and row.can(Verb.CONFIRM_DELIVERY),
        can_refund=visit.may("refunds:write") and row.can(Verb.REFUND),
        can_release=visit.may("payments:write") and row.batch is Verb.RELEASE_MANY,
    )


def load(visit: Visit, tx: Transaction, payment_id: str) -> tuple[Rows, Row]:
    """Return one of the merchant's own payments; raises `NotFound` for every other."""
    wanted = parse_hash32(payment_id, param="id")
    payment = tx.payments.find(visit.merchant_id, wanted)
    if payment is None or payment.chain_id not in visit.site.chains:
        raise NotFound(f"no payment {wanted}")
    rows = Rows(visit.site, tx, visit.who.merchant)
    return rows, rows.one(payment, tx.descriptions.many(payment.chain_id, [payment.id]))


def timeline(visit: Visit, rows: Rows, row: Row, stored: list[StoredEvent | StoredSideEvent]) -> list[Entry]:
    """Return what happened in the order of the chain, what a reorg took back included."""
    # Blocks of two branches may have one number: then the hash keeps the logs of each together.
    stored.sort(key=lambda each: (each.block.number, each.block.timestamp, each.block.hash, each.log_index))
    return [_entry(visit, rows, row, each) for each in stored]


def _entry(visit: Visit, rows: Rows, row: Row, stored: StoredEvent | StoredSideEvent) -> Entry:
    event, depth = stored.event, visit.who.merchant.safe_depth_blocks
    finality = None if stored.orphaned else finality_of(stored.block, rows.view(row.payment.chain_id), depth)
    name, moved, note = "skipped", list[tuple[str, str]](), None
    if isinstance(event, DepositReturned):
        token = visit.site.chains[row.payment.chain_id].network.token_at(event.token)
        shown = row.money(event.amount) if token == row.token else event.token
        name, moved = "returned", [("to_buyer", shown)]
    elif isinstance(stored, StoredEvent):
        name, happened = WORD_OF[stored.event.kind], stored.event
        if happened.kind is EventKind.PAYMENT_FUNDED:
            moved.append(("into_escrow", row.money(happened.held)))
        amounts = (
            ("to_merchant", happened.to_merchant),
            ("fee", happened.to_fee_recipient),
            ("to_buyer", happened.to_buyer),
        )
        moved += [(word, row.money(amount)) for word, amount in amounts if amount]
        if happened.kind is not EventKind.PAYMENT_FUNDED and happened.held:
            moved.append(("still_held", row.money(happened.held)))
        if happened.credited & Credited.MERCHANT:
            note = "credited"
    else:
        note = error_name(event.why) or str(event.why) if hasattr(event, "why") else None
    return Entry(
        name,
        stored.block,
        stored.tx_hash,
        stored.log_index,
        stored.orphaned,
        str(finality) if finality else None,
        tuple(moved),
        note,
    )


def _hashes(tx: OutgoingTx) -> list[Hash32]:
    return [each.hash for each in tx.attempts]
