"""The receiver's side of webhooks: believe nothing that is not signed with the endpoint's secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from earnest.client.errors import BadSignature
from earnest.client.models import Event
from earnest.payment.errors import InvalidInput

_SECRET: Final = re.compile(r"whsec_[A-Za-z0-9+/]{32,}={0,2}", re.ASCII)
"""24 bytes and more in base64. Source: Standard Webhooks, "symmetric"."""


def read_webhook(body: bytes, headers: Mapping[str, str], secret: str) -> Event:
    """Return the notification that a webhook brings, once its signature fits.

    Args:
        body: exactly the bytes that came.
        headers: the request's; their names in any case.
        secret: the endpoint's `whsec_…`.

    Raises:
        InvalidInput: the secret is none: a setting that is empty, most likely.
        BadSignature: it was not signed with the secret, or more than five minutes ago. Answer 401 and forget it.

    Source: Standard Webhooks, "verifying signatures".
    """
    if not _SECRET.fullmatch(secret):
        raise InvalidInput("the webhook secret is none: give the endpoint's, whsec_…", param="secret")
    plain = {name.lower(): value for name, value in headers.items()}
    try:
        Webhook(secret).verify(body, plain, json_parse=False)
        return msgspec.json.decode(body, type=Event)
    except (WebhookVerificationError, ValueError) as error:
        raise BadSignature(f"this webhook is not signed with the endpoint's secret: {error}") from None
