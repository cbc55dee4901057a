"""The audit log."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from earnest.api.schemas.common import Answer, OutTime

Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class AuditEntry(Answer):
    """One change and who made it."""

    object: Literal["audit_entry"]
    number: Annotated[int, Field(description="Its place in the chain of all merchants' entries.")]
    at: OutTime
    actor: Annotated[str, Field(examples=["key:key_0123456789abcdef01234567", "host"])]
    action: Annotated[str, Field(examples=["endpoint.rotate_secret", "payment.refund"])]
    target: Annotated[str, Field(description="The id of what was changed.")]
    detail: dict[str, Any]
    request_id: str | None
    previous: Digest
    hash: Digest
