"""How the service does, and what only a chain for tests can do."""

from __future__ import annotations

from earnest.client import models
from earnest.client.calls import Calls


class OperationCalls(Calls):
    """Everything about the service itself."""

    def live(self) -> models.Live:
        """Return that the service answers, and its version; needs no key."""
        return self._get("/health/live", models.Live)

    def ready(self) -> models.Ready:
        """Return whether the service wants requests, and what stands in the way; needs no key."""
        return self.http.ask("GET", "/health/ready", models.Ready, answers=(503,))

    def sync(self) -> list[models.ChainSync]:
        """Return how far each chain is mirrored; needs no key."""
        return self._get("/health/sync", models.Sync).chains

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
