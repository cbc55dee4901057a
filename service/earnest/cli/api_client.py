"""A merchant's client of the API: the key in the header, an idempotency key on every POST, and patience."""

from __future__ import annotations

import re
import time
import uuid
from typing import Any, Final

import httpx

from earnest.payment.errors import EarnestError, InvalidInput, Unavailable

_HEADER_SAFE: Final = re.compile(r"[!-~]+", re.ASCII)


class ApiProblem(EarnestError):
    """The service answered with a problem; the message is its detail."""

    code = "api_problem"

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(str(problem.get("detail") or problem.get("title") or f"HTTP {status}"))
        self.status = status
        self.problem = problem


class ServiceUnreachable(Unavailable):
    """The service does not answer at the address given."""

    code = "service_unreachable"


class NotTheService(EarnestError):
    """Something answers at the address given, and it is not this service."""

    code = "not_the_service"


class ApiClient:
    """Calls the API at `base_url`; safe to use from one thread.

    `patience_seconds` is how long a call is tried again while the service is down or says that a retry can help. A POST
    keeps its idempotency key over all tries, so that it has its effect once, whatever happens in between.
    """

    def __init__(self, base_url: str, api_key: str | None, *, patience_seconds: float = 0.0) -> None:
        """Open no connection yet; raises `InvalidInput` for a URL or a key that cannot be one."""
        from earnest.client.http import A_SERVICE, checked_url  # noqa: PLC0415 (so that `earnest --help` loads nothing)

        self.base_url = checked_url(base_url, f"{A_SERVICE} (--api-url)").rstrip("/")
        self._api_key, self._patience_seconds = api_key, patience_seconds
        if api_key and not _HEADER_SAFE.fullmatch(api_key):
            # Not repeated: it is a secret, or nearly one.
            raise InvalidInput(
                "the API key has a space or a sign that no key has; copy it again: ek_test_… or ek_live_…"
            )
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._http = httpx.Client(base_url=self.base_url, headers=headers, timeout=30.0, trust_env=False)

    def at(self, base_url: str) -> ApiClient:
        """Return a client with the same key and patience at another address."""
        return ApiClient(base_url, self._api_key, patience_seconds=self._patience_seconds)

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        """Return the JSON answer to a GET; raises `ApiProblem` or `ServiceUnreachable`."""
        return self._call("GET", path, params={name: value for name, value in params.items() if value is not None})

    def post(
        self, path: str, body: dict[str, Any] | None = None, *, idempotency_key: str | None = None
    ) -> dict[str, Any]:
        """Return the JSON answer to a POST; raises `ApiProblem` or `ServiceUnreachable`."""
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        return self._call("POST", path, json=body or {}, headers=headers)

    def every(self, path: str, **params: Any) -> list[dict[str, Any]]:
        """Return all rows of a list, page by page."""
        rows: list[dict[str, Any]] = []
        page = self.get(path, limit=100, **params)
        rows += page["data"]
        while page["has_more"]:
            page = self.get(path, limit=100, cursor=page["next_cursor"], **params)
            rows += page["data"]
        return rows

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __del__(self) -> None:
        """Close what a command left open: most make one call, and then the process ends, or a test goes on."""
        if hasattr(self, "_http"):
            self._http.close()

    def _call(self, method: str, path: str, **how: Any) -> dict[str, Any]:
        deadline = time.monotonic() + self._patience_seconds
        while True:
            try:
                return self._once(method, path, **how)
            except (ServiceUnreachable, ApiProblem) as error:
                passing = isinstance(error, ServiceUnreachable) or bool(error.problem.get("retryable"))
                if not passing or time.monotonic() >= deadline:
                    raise
                time.sleep(0.1)

    def _once(self, method: str, path: str, **how: Any) -> dict[str, Any]:
        try:
            answer = self._http.request(method, path, **how)
        except httpx.TransportError as error:
            why = str(error) or type(error).__name__
            raise ServiceUnreachable(
                f"no answer from {self.base_url} ({why}): start the service, or give its URL (--api-url)"
            ) from error
        try:
            told = answer.json() if answer.content else {}
        except ValueError:
            told = None
        if isinstance(told, dict) and "jsonrpc" in told:
            raise NotTheService(
                f"{self.base_url} is a chain's node, not this service: give the service's URL (--api-url)"
            )
        if answer.is_success:
            if not isinstance(told, dict):
                raise NotTheService(f"{self.base_url} does not answer as this service does: give its URL (--api-url)")
            return told
        if isinstance(told, dict) and "code" in told:
            raise ApiProblem(answer.status_code, told)
        if answer.status_code >= 500:
            words = f"{self.base_url} answers with HTTP {answer.status_code} and no more: is the service behind it up?"
            raise ApiProblem(answer.status_code, {"title": words, "retryable": True})
        raise NotTheService(
            f"{self.base_url} does not answer as this service does (HTTP {answer.status_code}): give the service's URL "
            "(--api-url)"
        )
