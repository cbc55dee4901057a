"""The merchants' servers, at the port where HTTP begins: they remember all that came, and answer badly now and then."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from earnest.webhooks.retry import Answer


@dataclass(frozen=True, slots=True)
class Got:
    """One webhook as it came to an endpoint."""

    url: str
    id: str
    timestamp: int
    signature: str
    body: bytes


@dataclass
class Shops:
    """Stands at the port `earnest.webhooks.deliver.Posts`."""

    rng: random.Random
    trouble: float = 0.0
    """How often a try goes wrong: an error, no answer, or an answer that is lost after the webhook was taken."""
    got: list[Got] = field(default_factory=list)

    def post(self, url: str, headers: dict[str, str], body: bytes, now: int) -> Answer:
        goes_wrong, how = self.rng.random() < self.trouble, self.rng.random()
        if goes_wrong and how < 0.4:
            return Answer(error="ConnectError: nobody listens")
        told = (headers["webhook-id"], int(headers["webhook-timestamp"]), headers["webhook-signature"])
        self.got.append(Got(url, *told, body))
        if goes_wrong:
            return Answer(503, retry_after_seconds=10) if how < 0.7 else Answer(error="no answer within 15 seconds")
        return Answer(200)
