"""Webhook endpoints, their deliveries, and notifications."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from earnest.api.schemas.common import Answer, InTime, OutTime, Request
from earnest.payment.notifications import MEANINGS

_TYPES = "Notification types: " + "; ".join(f"`{name}`: {what}" for name, what in MEANINGS.items()) + "."


class CreateEndpointRequest(Request):
    """Where notifications go."""

    model_config = Request.model_config | {
        "json_schema_extra": {"examples": [{"url": "https://shop.example/earnest", "types": ["payment.funded"]}]}
    }

    url: Annotated[str, Field(description="https, of a public host.")]
    types: Annotated[list[str], Field(max_length=50, default_factory=list, description=f"Empty: all. {_TYPES}")]


class UpdateEndpointRequest(Request):
    """What is left out stays."""

    url: str | None = None
    types: Annotated[list[str] | None, Field(max_length=50)] = None
    enabled: bool | None = None


class ReplayRequest(Request):
    """Which notifications: those named, or those of a range; neither: all that were given up."""

    notification_ids: Annotated[
        list[Annotated[str, Field(pattern="^[a-zA-Z0-9_]{1,100}$")]] | None, Field(min_length=1, max_length=1_000)
    ] = None
    since: Annotated[InTime | None, Field(alias="from", description="Written from this time on.")] = None
    until: Annotated[InTime | None, Field(description="Written before this time.")] = None

    @property
    def names_a_range(self) -> bool:
        """Whether a range was given."""
        return self.since is not None or self.until is not None

    @model_validator(mode="after")
    def _one_way_of_naming(self) -> ReplayRequest:
        if self.notification_ids is not None and self.names_a_range:
            raise ValueError("give notification_ids or a range, not both")
        return self


class Endpoint(Answer):
    """A webhook endpoint."""

    object: Literal["webhook_endpoint"]
    id: str
    url: str
    types: Annotated[list[str], Field(description="Empty: all.")]
    enabled: bool
    disabled_at: OutTime | None
    disabled_reason: str | None
    created_at: OutTime


class EndpointWithSecret(Endpoint):
    """A webhook endpoint with its secret, shown this once."""

    secret: Annotated[str, Field(examples=["whsec_…"], description="Standard Webhooks; keep it now.")]


class Event(Answer):
    """A notification: exactly the body that is posted to webhook endpoints."""

    id: Annotated[str, Field(examples=["msg_0123456789abcdef01234567"])]
    type: Annotated[str, Field(examples=["payment.funded"], description=_TYPES)]
    timestamp: OutTime
    data: Annotated[dict[str, Any], Field(description="The whole payment as it was then.")]
    events: Annotated[list[dict[str, Any]], Field(description="The contract's events that led to it.")]


class Attempt(Answer):
    """One HTTP try."""

    number: int
    at: OutTime
    status_code: int | None
    error: str | None
    duration_ms: int


class Delivery(Answer):
    """A notification on its way to an endpoint."""

    object: Literal["delivery"]
    notification_id: str
    type: str
    payment: str
    state: Literal["pending", "delivered", "dead"]
    next_attempt_at: Annotated[OutTime | None, Field(description="Null unless it is pending.")]
    attempts: list[Attempt]


class Tried(Answer):
    """How a test of an endpoint ended."""

    object: Literal["test"]
    id: Annotated[str, Field(examples=["msg_test_0123456789abcdef01234567"])]
    arrived: Annotated[bool, Field(description="Whether the endpoint took it, by any 2xx.")]
    status_code: int | None
    error: Annotated[str | None, Field(description="Why there was no answer.")]
    duration_ms: int


class Replayed(Answer):
    """How many deliveries were made due again."""

    replayed: int


class DeletedEndpoint(Answer):
    """It is gone."""

    id: str
    deleted: Literal[True]
