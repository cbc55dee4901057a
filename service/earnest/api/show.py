"""From records to answers: one function for each shape."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from earnest.api.services import Services
from earnest.chain.sending import OutgoingTx
from earnest.commands.approvals import WithGas
from earnest.commands.batches import ManyResult
from earnest.commands.prepare_signature import ToSign
from earnest.commands.prepare_tx import PreparedTx
from earnest.commands.team_roles import role_of
from earnest.escrow.deposits import deposit_address_of
from earnest.escrow.reverts import error_name
from earnest.payment.events import Credited, DepositReturned
from earnest.payment.money import Token
from earnest.payment.notifications import TYPE_OF_EVENT
from earnest.payment.primitives import ZERO_HASH, Hash32
from earnest.payment.record import ChainView, Payment, finality_of
from earnest.payment.representation import caip2, represent, represent_amount, represent_block, rfc3339
from earnest.payment.status import Verb
from earnest.payment.terms import Terms
from earnest.payment.uri import checkout_url
from earnest.settings import Network
from earnest.store import Transaction
from earnest.store.audit import AuditEntry
from earnest.store.records import (
    ApiKey,
    DeliveryReport,
    DeliveryState,
    Endpoint,
    Merchant,
    Page,
    StoredEvent,
    StoredSideEvent,
)
from earnest.webhooks.trial import Trial


class PaymentView:
    """Shows payments as one transaction sees them; chains and merchants are asked for once."""

    def __init__(self, services: Services, tx: Transaction) -> None:
        self._services, self._tx = services, tx
        self._views: dict[int, ChainView | None] = {}
        self._merchants: dict[str, Merchant | None] = {}
        self._descriptions: dict[tuple[int, Hash32], str | None] = {}

    def view(self, chain_id: int) -> ChainView | None:
        """Return how far a chain is mirrored."""
        if chain_id not in self._views:
            self._views[chain_id] = self._tx.blocks.view(chain_id)
        return self._views[chain_id]

    def merchant(self, merchant_id: str | None) -> Merchant | None:
        """Return an account."""
        if merchant_id is None:
            return None
        if merchant_id not in self._merchants:
            self._merchants[merchant_id] = self._tx.merchants.get(merchant_id)
        return self._merchants[merchant_id]

    def safe_depth_blocks(self, payment: Payment) -> int:
        """Return the rule for `safe`: the merchant's, else the chain's."""
        merchant = self.merchant(payment.account)
        return merchant.safe_depth_blocks if merchant else self._network(payment).safe_depth_blocks

    def show(self, payment: Payment) -> dict[str, Any]:
        """Return the whole payment, as its merchant sees it."""
        whole = represent(
            payment,
            token_of(self._network(payment), payment.terms),
            self.view(payment.chain_id),
            safe_depth_blocks=self.safe_depth_blocks(payment),
            checkout_url=checkout_url(self._services.public_url, payment.id),
            deposit_address=deposit_address_of(payment),
        )
        return {**whole, "description": self._description(payment)}

    def read_descriptions(self, payments: Sequence[Payment]) -> None:
        """Ask for the descriptions of many payments at once, before they are shown."""
        for chain_id in {each.chain_id for each in payments}:
            ids = [each.id for each in payments if each.chain_id == chain_id]
            found = self._tx.descriptions.many(chain_id, ids)
            self._descriptions |= {(chain_id, each): found.get(each) for each in ids}

    def _description(self, payment: Payment) -> str | None:
        key = (payment.chain_id, payment.id)
        if key not in self._descriptions:
            self.read_descriptions([payment])
        return self._descriptions[key]

    def show_timeline(
        self, payment: Payment, events: Iterable[StoredEvent], beside: Iterable[StoredSideEvent] = ()
    ) -> list[dict[str, Any]]:
        """Return every event of a payment, and what was told beside them, in the order of the chain."""
        network = self._network(payment)
        token = token_of(network, payment.terms)
        view, depth = self.view(payment.chain_id), self.safe_depth_blocks(payment)
        rows = [
            *((_chain_order(each), _timeline_row(each, token, view, depth)) for each in events),
            *((_chain_order(each), _side_row(each, network, view, depth)) for each in beside),
        ]
        return [row for _, row in sorted(rows, key=lambda each: each[0])]

    def _network(self, payment: Payment) -> Network:
        return self._services.chain(payment.chain_id).network


def token_of(network: Network, terms: Terms) -> Token:
    """Return the token of some terms; one that is no longer vouched for is shown in base units."""
    return network.token_at(terms.token) or Token(terms.token, "unknown", 0)


def show_page(page: Page[Any], show: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    """Return a piece of a list."""
    return {"data": [show(each) for each in page.items], "has_more": page.has_more, "next_cursor": page.next_cursor}


def show_all(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a list that is never so long that it would come in pieces."""
    return {"data": rows, "has_more": False, "next_cursor": None}


def show_sent_tx(tx: OutgoingTx) -> dict[str, Any]:
    """Return a tx that we sent."""
    return {
        "object": "tx",
        "id": tx.id,
        "chain": caip2(tx.chain_id),
        "verb": tx.verb,
        "payment": None if tx.payment_id == ZERO_HASH else tx.payment_id,
        "state": str(tx.state),
        "hash": tx.newest.hash,
        "sender": tx.sender,
        "nonce": tx.nonce,
        "attempts": [
            {
                "hash": each.hash,
                "max_fee_per_gas": str(each.max_fee_per_gas),
                "max_priority_fee_per_gas": str(each.max_priority_fee_per_gas),
                "signed_at": rfc3339(each.signed_at),
            }
            for each in tx.attempts
        ],
        "block": represent_block(tx.block),
        "error": tx.error,
        "created_at": rfc3339(tx.created_at),
    }


def show_prepared_tx(verb: Verb, prepared: PreparedTx) -> dict[str, Any]:
    """Return an unsigned tx, and what comes before it."""
    return {"verb": str(verb), **_plain(prepared.verb), "before": [_plain(each) for each in prepared.before]}


def show_to_sign(verb: Verb, asked: ToSign) -> dict[str, Any]:
    """Return typed data for a wallet, and what must come back with the signature."""
    return {
        "verb": str(verb),
        "typed_data": asked.typed_data.as_json(),
        "come_back_with": dict(asked.come_back_with),
        "before": [_plain(each) for each in asked.before],
    }


def show_many(result: ManyResult) -> dict[str, Any]:
    """Return what became of each payment of a batch."""
    return {
        "sent": [{"payments": list(each.payment_ids), "tx": show_sent_tx(each.tx)} for each in result.sent],
        "left_out": [
            {"payment": each.payment_id, "code": each.code, "detail": each.reason} for each in result.left_out
        ],
    }


def show_endpoint(endpoint: Endpoint) -> dict[str, Any]:
    """Return a webhook endpoint without its secret."""
    return {
        "object": "webhook_endpoint",
        "id": endpoint.id,
        "url": endpoint.url,
        "types": sorted(endpoint.types),
        "enabled": endpoint.disabled_at is None,
        "disabled_at": _time(endpoint.disabled_at),
        "disabled_reason": endpoint.disabled_reason,
        "created_at": rfc3339(endpoint.created_at),
    }


def show_delivery(report: DeliveryReport) -> dict[str, Any]:
    """Return a delivery with its attempts."""
    delivery, pending = report.delivery, report.delivery.state is DeliveryState.PENDING
    return {
        "object": "delivery",
        "notification_id": delivery.notification_id,
        "type": report.notification.type,
        "payment": report.notification.payment_id,
        "state": str(delivery.state),
        "next_attempt_at": rfc3339(delivery.next_attempt_at) if pending else None,
        "attempts": [
            {
                "number": each.number,
                "at": rfc3339(each.at),
                "status_code": each.status_code,
                "error": each.error,
                "duration_ms": each.duration_ms,
            }
            for each in report.attempts
        ],
    }


def show_audit_entry(entry: AuditEntry) -> dict[str, Any]:
    """Return an entry of the audit log with all that its hash is made of."""
    deed = entry.deed
    return {
        "object": "audit_entry",
        "number": entry.number,
        "at": rfc3339(deed.at),
        "actor": deed.actor,
        "action": deed.action,
        "target": deed.target,
        "detail": dict(deed.detail or {}),
        "request_id": deed.request_id,
        "previous": entry.previous,
        "hash": entry.hash,
    }


def show_trial(trial: Trial) -> dict[str, Any]:
    """Return how a test of an endpoint ended."""
    return {
        "object": "test",
        "id": trial.id,
        "arrived": trial.arrived,
        "status_code": trial.answer.status_code,
        "error": trial.answer.error,
        "duration_ms": trial.duration_ms,
    }


def show_key(key: ApiKey) -> dict[str, Any]:
    """Return an API key without its secret."""
    return {
        "object": "api_key",
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "scopes": sorted(key.scopes),
        "role": role_of(key.scopes),
        "created_at": rfc3339(key.created_at),
        "expires_at": _time(key.expires_at),
        "revoked_at": _time(key.revoked_at),
    }


def _chain_order(stored: StoredEvent | StoredSideEvent) -> tuple[int, int, str, int]:
    """Blocks of two branches may have one number: then the hash keeps the logs of each together."""
    block = stored.block
    return block.number, block.timestamp, block.hash, stored.log_index


def _place(stored: StoredEvent | StoredSideEvent, view: ChainView | None, depth: int) -> dict[str, Any]:
    finality = None if stored.orphaned else finality_of(stored.block, view, depth)
    return {
        "finality": str(finality) if finality else None,
        "orphaned": stored.orphaned,
        "block": represent_block(stored.block),
        "tx_hash": stored.tx_hash,
        "log_index": stored.log_index,
    }


def _timeline_row(stored: StoredEvent, token: Token, view: ChainView | None, depth: int) -> dict[str, Any]:
    event = stored.event
    return {
        "type": TYPE_OF_EVENT[event.kind],
        "event": str(event.kind),
        "seq": event.seq,
        "status": str(event.status),
        **_place(stored, view, depth),
        "held": represent_amount(event.held, token),
        "to_merchant": represent_amount(event.to_merchant, token),
        "to_fee_recipient": represent_amount(event.to_fee_recipient, token),
        "to_buyer": represent_amount(event.to_buyer, token),
        "credited": [(each.name or "").lower() for each in Credited if each and each in event.credited],
        "payer": event.funding.payer if event.funding else None,
    }


def _side_row(stored: StoredSideEvent, network: Network, view: ChainView | None, depth: int) -> dict[str, Any]:
    event = stored.event
    row = {"type": None, "event": type(event).__name__, "seq": None, **_place(stored, view, depth)}
    if isinstance(event, DepositReturned):
        # It may be in any token at all, not the payment's own.
        token = network.token_at(event.token) or Token(event.token, "unknown", 0)
        return {**row, "buyer": event.buyer, "returned": represent_amount(event.amount, token)}
    return {**row, "item": str(event.item), "why": error_name(event.why) or event.why}


def _plain(prepared: WithGas) -> dict[str, Any]:
    tx = prepared.tx
    return {"to": tx.to, "data": tx.data, "value": str(tx.value), "chain_id": tx.chain_id, "gas": prepared.gas}


def _time(unix_time: int | None) -> str | None:
    return None if unix_time is None else rfc3339(unix_time)
