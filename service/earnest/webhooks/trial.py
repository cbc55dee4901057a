"""One try at an endpoint right now, for whoever sets one up: signed like every other, and nothing of it is kept."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from earnest.payment.representation import rfc3339
from earnest.store.records import Endpoint
from earnest.webhooks.endpoint_secrets import EndpointSecrets
from earnest.webhooks.retry import Answer, Delivered, plan
from earnest.webhooks.secretbox import SecretBox
from earnest.webhooks.signature import signed_headers

TYPE: Final = "endpoint.test"
"""No type that an endpoint could ask for: a shop that ships at `payment.funded` must not ship by a test."""


class Posts(Protocol):
    """Whoever makes one HTTP try; `earnest.webhooks.post.Poster`, or a fake in tests."""

    def post(self, url: str, headers: dict[str, str], body: bytes, now: int) -> Answer:
        """Post and return how it ended."""


@dataclass(frozen=True, slots=True)
class Trial:
    """How a try ended, after how many milliseconds."""

    id: str
    answer: Answer
    duration_ms: int

    @property
    def arrived(self) -> bool:
        """Whether the endpoint took it."""
        return isinstance(plan(1, self.answer, 0, 0.0), Delivered)


def try_endpoint(
    poster: Posts,
    secrets: SecretBox,
    endpoint: Endpoint,
    id_: str,
    now: int,
    monotonic: Callable[[], float] = time.monotonic,
) -> Trial:
    """Post a webhook of the type `endpoint.test` to an endpoint, switched off or not.

    Args:
        poster: makes the try.
        secrets: opens the endpoint's secrets; all that are valid sign.
        endpoint: where it goes.
        id_: the webhook's id.
        now: wall time (Unix).

    Raises:
        WrongSecretKey: the endpoint's secret cannot be opened.
    """
    valid = EndpointSecrets.unseal(endpoint.secret_encrypted, secrets).valid_at(now)
    told: dict[str, Any] = {
        "id": id_,
        "type": TYPE,
        "timestamp": rfc3339(now),
        "data": {"object": "webhook_endpoint", "id": endpoint.id},
        "events": [],
    }
    body = json.dumps(told, separators=(",", ":")).encode()
    started = monotonic()
    answer = poster.post(endpoint.url, signed_headers(valid, id_, now, body), body, now)
    return Trial(id_, answer, int((monotonic() - started) * 1_000))
