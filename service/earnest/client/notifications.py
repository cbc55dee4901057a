"""Notifications: read them, follow them, and have them posted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from earnest.client import models
from earnest.client.calls import Calls, rfc3339
from earnest.client.stream import Stream


class NotificationCalls(Calls):
    """Everything about notifications and the endpoints that hear of them."""

    def events(self, *, payment: str | None = None) -> Iterator[models.Event]:
        """Walk over the notifications, newest first: all, or one payment's."""
        return self._every("/v1/events", models.Page[models.Event], {"payment": payment})

    def event(self, event: str) -> models.Event:
        """Return one notification."""
        return self._get(f"/v1/events/{event}", models.Event)

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
        return self._all("/v1/webhook_endpoints", models.Page[models.Endpoint])

    def endpoint(self, endpoint: str) -> models.Endpoint:
        """Return one of them."""
        return self._get(f"/v1/webhook_endpoints/{endpoint}", models.Endpoint)

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

    def test_endpoint(self, endpoint: str) -> models.Tried:
        """Have one webhook of the type `endpoint.test` posted now, and return how that ended."""
        return self._post(f"/v1/webhook_endpoints/{endpoint}/test", models.Tried, {}, None)

    def delete_endpoint(self, endpoint: str) -> None:
        """Have nothing posted there any more."""
        self.http.ask("DELETE", f"/v1/webhook_endpoints/{endpoint}", models.DeletedEndpoint)

    def deliveries(self, endpoint: str, *, state: str | None = None) -> Iterator[models.Delivery]:
        """Walk over what was or will be posted to an endpoint; `state`: pending, delivered or dead."""
        path = f"/v1/webhook_endpoints/{endpoint}/deliveries"
        return self._every(path, models.Page[models.Delivery], {"state": state})

    def replay(
        self,
        endpoint: str,
        events: Sequence[str] | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> int:
        """Post notifications again, and return how many: those named; or those written in `[since, until)`.

        Without either, all that were given up.
        """
        body = {
            "notification_ids": None if events is None else list(events),
            "from": rfc3339(since),
            "until": rfc3339(until),
        }
        return self._post(f"/v1/webhook_endpoints/{endpoint}/replay", models.Replayed, body, None).replayed
