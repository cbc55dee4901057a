"""Payments: ask for money, look at what became of it, and the verbs that the service sends for a merchant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from earnest.client import models
from earnest.client.calls import Calls, rfc3339


class PaymentCalls(Calls):
    """Everything about payments."""

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
        chain: str | None = None,
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
            "pay_by": rfc3339(pay_by),
            "delivery_period": delivery_period,
            "dispute_window": dispute_window,
            "arbitration_period": arbitration_period,
            "chain": chain,
        }
        return self._post("/v1/payments", models.Payment, body, idempotency_key)

    def payment(self, payment: str) -> models.Payment:
        """Return one payment as it is now."""
        return self._get(f"/v1/payments/{payment}", models.Payment)

    def payments(
        self,
        *,
        status: str | Sequence[str] | None = None,
        finality: str | Sequence[str] | None = None,
        order_reference: str | None = None,
        buyer: str | None = None,
        token: str | None = None,
        chain: str | None = None,
        created_from: datetime | None = None,
        created_until: datetime | None = None,
    ) -> Iterator[models.Payment]:
        """Walk over your payments, newest first; of several statuses or finalities any one fits."""
        query = {
            "status": status,
            "finality": finality,
            "order_reference": order_reference,
            "buyer": buyer,
            "token": token,
            "chain": chain,
            "created_from": rfc3339(created_from),
            "created_until": rfc3339(created_until),
        }
        return self._every("/v1/payments", models.Page[models.Payment], query)

    def timeline(self, payment: str) -> list[models.TimelineRow]:
        """Return every event of a payment, oldest first, those that a reorg took back too."""
        return self._all(f"/v1/payments/{payment}/timeline", models.Page[models.TimelineRow])

    def sent_txs(self, payment: str) -> list[models.SentTx]:
        """Return the txs that the service sent for a payment, oldest first."""
        return self._all(f"/v1/payments/{payment}/txs", models.Page[models.SentTx])

    # What needs no key.

    def checkout(self, payment: str) -> models.PublicPayment:
        """Return a payment as its buyer sees it; needs no key."""
        return self._get(f"/v1/checkout/{payment}", models.PublicPayment)

    def prepare(
        self, payment: str, verb: str, from_: str, **parts: str | int | None
    ) -> models.PreparedTx | models.ToSign:
        """Return what somebody's wallet has to send or to sign for a verb; needs no key.

        Args:
            payment: its id.
            verb: one of `earnest.payment.status.Verb`, such as `fund`.
            from_: whose wallet it is.
            parts: what the verb needs beside the payment (`amount`, `signature`, …), as the API's page has it.
        """
        query = {"from": from_, **parts}
        told = self._get(f"/v1/payments/{payment}/txs/{verb}", dict[str, Any], query)
        if "typed_data" in told:
            return msgspec.convert(told, models.ToSign, strict=False)
        return msgspec.convert(told, models.PreparedTx, strict=False)

    def proof(self, payment: str) -> bytes:
        """Return the proof of a payment's status, the very bytes that `earnest verify` checks; needs no key."""
        return self.http.content(f"/v1/payments/{payment}/proof")

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
