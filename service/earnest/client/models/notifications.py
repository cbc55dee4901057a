"""Notifications, and the endpoints that they are posted to."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from earnest.client.models.base import Model
from earnest.client.models.payments import Payment


class Event(Model, frozen=True, kw_only=True):
    """A notification: what a webhook's body holds. `data` is the whole payment as it was then."""

    id: str
    type: str
    timestamp: datetime
    data: dict[str, Any]
    events: list[dict[str, Any]]

    @property
    def payment_id(self) -> str:
        """Which payment it is about."""
        return str(self.data["id"])

    @property
    def payment(self) -> Payment:
        """The payment as it was then, typed."""
        return msgspec.convert(self.data, Payment, strict=False)


class Endpoint(Model, frozen=True, kw_only=True):
    """A webhook endpoint."""

    id: str
    url: str
    types: list[str]
    enabled: bool
    disabled_at: datetime | None
    disabled_reason: str | None
    created_at: datetime


class EndpointWithSecret(Endpoint, frozen=True, kw_only=True):
    """A webhook endpoint with its secret, shown this once."""

    secret: str


class Attempt(Model, frozen=True, kw_only=True):
    """One HTTP try."""

    number: int
    at: datetime
    status_code: int | None
    error: str | None
    duration_ms: int


class Delivery(Model, frozen=True, kw_only=True):
    """A notification on its way to an endpoint."""

    notification_id: str
    type: str
    payment: str
    state: str
    next_attempt_at: datetime | None
    attempts: list[Attempt]


class Tried(Model, frozen=True, kw_only=True):
    """How a test of an endpoint ended."""

    id: str
    arrived: bool
    status_code: int | None
    error: str | None
    duration_ms: int


class DeletedEndpoint(Model, frozen=True, kw_only=True):
    """It is gone."""

    id: str


class Replayed(Model, frozen=True, kw_only=True):
    """How many deliveries were made due again."""

    replayed: int
