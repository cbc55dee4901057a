"""Secrets and signatures of the Standard Webhooks kind."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from standardwebhooks.webhooks import Webhook

from earnest.payment.errors import InvalidInput

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32
"""Standard Webhooks asks for 24 to 64 bytes; 32 are what HMAC-SHA256 can use at full strength."""


def format_secret(raw: bytes) -> str:
    """Return 24 to 64 random bytes as `whsec_…`; raises `InvalidInput` for another length."""
    if not 24 <= len(raw) <= 64:
        raise InvalidInput(f"a webhook secret has 24 to 64 bytes, not {len(raw)}", param="secret")
    return PREFIX + base64.b64encode(raw).decode()


def parse_secret(text: str) -> str:
    """Return a `whsec_…` text unchanged if it is one; raises `InvalidInput` without repeating it."""
    try:
        raw = base64.b64decode(text.removeprefix(PREFIX), validate=True) if text.startswith(PREFIX) else b""
    except binascii.Error:
        raw = b""
    if not 24 <= len(raw) <= 64:
        raise InvalidInput("a webhook secret is whsec_ and the base64 of 24 to 64 bytes", param="secret")
    return text


def signed_headers(secrets: Sequence[str], notification_id: str, at: int, body: bytes) -> dict[str, str]:
    """Return the three headers of Standard Webhooks.

    Args:
        secrets: every `whsec_…` that is valid now; during a rotation there are two, and each gives a signature.
        notification_id: the same at each try, so that a receiver can tell a repeat.
        at: wall time of this try (Unix); receivers refuse what is five minutes off.
        body: exactly the bytes that are posted.

    Source: Standard Webhooks, "webhook headers" and "signature scheme".
    """
    moment = datetime.fromtimestamp(at, UTC)
    signatures = [Webhook(secret).sign(notification_id, moment, body.decode()) for secret in secrets]
    return {
        "webhook-id": notification_id,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(signatures),
    }
