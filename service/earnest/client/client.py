"""Every call that a merchant's program makes, one method each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from types import TracebackType
from typing import Any, Final, TypeVar

import httpx

from earnest.client import models
from earnest.client.http import Http
from earnest.client.stream import Stream

T = TypeVar("T")

PAGE: Final = 100
"""The most that the API gives at once."""


class Client:
    """The API at an address, with a merchant's key; safe to use from many threads.

    Every POST carries an idempotency key of its own making, the same at each try; give one yourself where your program
    may die between two tries. Lists are iterators that fetch page after page as they are walked.

    Args:
        base_url: where the service answers, such as http://127.0.0.1:8000.
        api_key: `ek_test_…` or `ek_live_…`; None: only `checkout`, `ready` and `sync` answer.
        patience_seconds: how long a call is made again while nobody answers, or the service says that it can help.
        transport: for tests, instead of the network.

    Raises:
        InvalidInput: a URL or a key that cannot be one. Every call may raise `Problem`, `Unreachable`, `NotEarnest`.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None = None,
        *,
        patience_seconds: float = 10.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.http = Http(base_url, api_key, patience_seconds, transport)

    def close(self) -> None:
        """Close the connections."""
        self.http.client.close()

    def __enter__(self) -> Client:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self.close()

    # Payments.

    def create_payment(
        self,
        amount: str | Decimal,
        token: str,
        *,
        order_reference: str | None = None,
        description: str | None = None,
        buyer: str | None = None,
        pay_by: datetime | None = None,
        delivery_period: int | None = None,
        dispute_window: int | None = None,
        arbitration_period: int | None = None,
        idempotency_key: str | None = None,
    ) -> models.Payment:
        """Ask for money: an exact decimal amount of a token (its symbol or address); periods are seconds.

        Your order's reference is a good idempotency key: the same order is then asked for once, whatever happens.
        """
        body = {
            "amount": {"value": str(amount), "token": token},
            "order_reference": order_reference,
            "description": description,
            "buyer": buyer,
            "pay_by": pay_by.isoformat(timespec="seconds") if pay_by else None,
            "delivery_period": delivery_period,
            "dispute_window": dispute_window,
            "arbitration_period": arbitration_period,
        }
        return self._post("/v1/payments", models.Payment, body, idempotency_key)

    def payment(self, payment: str) -> models.Payment:
        """Return one payment as it is now."""
        return self.http.ask("GET", f"/v1/payments/{payment}", models.Payment)

    def payments(
        self,
        *,
        status: str | None = None,
        finality: str | None = None,
        order_reference: str | None = None,
        buyer: str | None = None,
        token: str | None = None,
    ) -> Iterator[models.Payment]:
        """Walk over your payments, newest first."""
        query = {
            "status": status,
            "finality": finality,
            "order_reference": order_reference,
            "buyer": buyer,
            "token": token,
        }
        return self._every("/v1/payments", models.Page[models.Payment], query)

    def timeline(self, payment: str) -> list[models.TimelineRow]:
        """Return every event of a payment, oldest first, those that a reorg took back too."""
        return self.http.ask("GET", f"/v1/payments/{payment}/timeline", models.Page[models.TimelineRow]).data

    def sent_txs(self, payment: str) -> list[models.SentTx]:
        """Return the txs that the service sent for a payment, oldest first."""
        return self.http.ask("GET", f"/v1/payments/{payment}/txs", models.Page[models.SentTx]).data

    def checkout(self, payment: str) -> models.PublicPayment:
        """Return a payment as its buyer sees it; needs no key."""
        return self.http.ask("GET", f"/v1/checkout/{payment}", models.PublicPayment)

    # Verbs: sent to the chain with the operator's key. The status moves when the log is back.

    def confirm_delivery(self, payment: str, *, idempotency_key: str | None = None) -> models.Accepted:
        """Say that you delivered."""
        return self._post(f"/v1/payments/{payment}/confirm_delivery", models.Accepted, {}, idempotency_key)

    def refund(
        self, payment: str, base_units: int | None = None, *, idempotency_key: str | None = None
    ) -> models.Accepted:
        """Give money back to the buyer: a part in base units of the payment's token, or everything held."""
        body = {} if base_units is None else {"amount": {"base_units": str(base_units)}}
        return self._post(f"/v1/payments/{payment}/refund", models.Accepted, body, idempotency_key)

    def release_with_receipt(
        self, payment: str, signature: str, *, idempotency_key: str | None = None
    ) -> models.Accepted:
        """Release at once by the buyer's signed receipt (`0x…`)."""
        path = f"/v1/payments/{payment}/release_with_receipt"
        return self._post(path, models.Accepted, {"signature": signature}, idempotency_key)

    def confirm_delivery_many(
        self, payments: Sequence[str], *, idempotency_key: str | None = None
    ) -> models.ManyAccepted:
        """Confirm many deliveries by as few txs as their terms allow."""
        body = {"payments": list(payments)}
        return self._post("/v1/payments/confirm_delivery_many", models.ManyAccepted, body, idempotency_key)

    def release_many(self, payments: Sequence[str], *, idempotency_key: str | None = None) -> models.ManyAccepted:
        """Release many payments whose dispute windows are over."""
        body = {"payments": list(payments)}
        return self._post("/v1/payments/release_many", models.ManyAccepted, body, idempotency_key)

    def balances(self) -> list[models.Balance]:
        """Return what is held, releasable, released, refunded, repaid and owed, by token."""
        return self.http.ask("GET", "/v1/balances", models.Page[models.Balance]).data

    # Notifications.

    def events(self, *, payment: str | None = None) -> Iterator[models.Event]:
        """Walk over the notifications, newest first: all, or one payment's."""
        return self._every("/v1/events", models.Page[models.Event], {"payment": payment})

    def event(self, event: str) -> models.Event:
        """Return one notification."""
        return self.http.ask("GET", f"/v1/events/{event}", models.Event)

    def stream(self, after: str | None = None) -> Stream:
        """Return the stream of notifications, to be followed from now on or from right after one of them."""
        return Stream(self.http, after)

    def create_endpoint(
        self, url: str, types: Sequence[str] = (), *, idempotency_key: str | None = None
    ) -> models.EndpointWithSecret:
        """Have notifications posted to a URL; keep the secret, it is shown this once."""
        body = {"url": url, "types": list(types)}
        return self._post("/v1/webhook_endpoints", models.EndpointWithSecret, body, idempotency_key)

    def endpoints(self) -> list[models.Endpoint]:
        """Return your webhook endpoints."""
        return self.http.ask("GET", "/v1/webhook_endpoints", models.Page[models.Endpoint]).data

    def update_endpoint(
        self,
        endpoint: str,
        *,
        url: str | None = None,
        types: Sequence[str] | None = None,
        enabled: bool | None = None,
    ) -> models.Endpoint:
        """Change an endpoint; what is left out stays."""
        body = {"url": url, "types": None if types is None else list(types), "enabled": enabled}
        return self.http.ask("PATCH", f"/v1/webhook_endpoints/{endpoint}", models.Endpoint, body=body)

    def rotate_secret(self, endpoint: str, *, idempotency_key: str | None = None) -> models.EndpointWithSecret:
        """Get a new secret for an endpoint; for a while both sign."""
        path = f"/v1/webhook_endpoints/{endpoint}/rotate_secret"
        return self._post(path, models.EndpointWithSecret, {}, idempotency_key)

    def delete_endpoint(self, endpoint: str) -> None:
        """Have nothing posted there any more."""
        self.http.ask("DELETE", f"/v1/webhook_endpoints/{endpoint}", models.Deleted)

    def deliveries(self, endpoint: str, *, state: str | None = None) -> Iterator[models.Delivery]:
        """Walk over what was or will be posted to an endpoint; `state`: pending, delivered or dead."""
        path = f"/v1/webhook_endpoints/{endpoint}/deliveries"
        return self._every(path, models.Page[models.Delivery], {"state": state})

    def replay(self, endpoint: str, events: Sequence[str] | None = None) -> int:
        """Post notifications again: those named, or all that were given up. Returns how many."""
        body = {"notification_ids": None if events is None else list(events)}
        return self._post(f"/v1/webhook_endpoints/{endpoint}/replay", models.Replayed, body, None).replayed

    # Operation, and what only a chain for tests can do.

    def sync(self) -> list[models.ChainSync]:
        """Return how far each chain is mirrored."""
        return self.http.ask("GET", "/health/sync", models.Sync).chains

    def advance_clock(self, seconds: int) -> models.Head:
        """Move the chain's clock forward."""
        return self._post("/v1/test/clock", models.Head, {"advance_seconds": seconds}, None)

    def mine(self, blocks: int = 1) -> models.Head:
        """Mine blocks."""
        return self._post("/v1/test/mine", models.Head, {"blocks": blocks}, None)

    def reorg(self, depth: int = 1) -> models.Head:
        """Drop the newest blocks with all their txs, and put as many empty ones in their place."""
        return self._post("/v1/test/reorg", models.Head, {"depth": depth}, None)

    def order_faults(
        self, kind: str | None, method: str = "*", *, times: int = 1, seconds: float | None = None
    ) -> dict[str, int]:
        """Let the node's next calls fail (`error`, `delay`, `drop`, `lose`); None forgets all. Returns what waits."""
        body = {"kind": kind, "method": method, "times": times, "seconds": seconds}
        return self._post("/v1/test/faults", models.FaultsOrdered, body, None).waiting

    # Inside.

    def _post(self, path: str, into: type[T], body: Mapping[str, Any], idempotency_key: str | None) -> T:
        return self.http.ask("POST", path, into, body=body, idempotency_key=idempotency_key)

    def _every(self, path: str, into: type[models.Page[T]], query: Mapping[str, Any]) -> Iterator[T]:
        cursor: str | None = None
        while True:
            page = self.http.ask("GET", path, into, query={**query, "limit": PAGE, "cursor": cursor})
            yield from page.data
            if not page.has_more:
                return
            cursor = page.next_cursor
