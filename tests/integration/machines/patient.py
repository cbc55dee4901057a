"""A merchant's client that goes to another API as soon as one does not answer."""

from __future__ import annotations

import random
import time
from typing import Any

import httpx

ANSWER_SECONDS = 4.0
"""Longer than an answer takes on a busy machine, and short enough to notice a process that was stopped."""


class PatientClient:
    """Asks one of several APIs, and another one where that fails, with the same idempotency key.

    Args:
        urls: of the APIs.
        api_key: the merchant's.
        seed: chooses whom to ask.
        patience_seconds: how long a call is tried again.
    """

    def __init__(self, urls: list[str], api_key: str, *, seed: int, patience_seconds: float = 90.0) -> None:
        self._chance, self._patience_seconds = random.Random(seed), patience_seconds
        headers = {"Authorization": f"Bearer {api_key}"}
        self._clients = [
            httpx.Client(base_url=url, headers=headers, timeout=ANSWER_SECONDS, trust_env=False) for url in urls
        ]

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        """Return the JSON answer to a GET."""
        return self._call("GET", path, params=params)

    def post(self, path: str, body: dict[str, Any], key: str) -> dict[str, Any]:
        """Return the JSON answer to a POST."""
        return self._call("POST", path, json=body, headers={"Idempotency-Key": key})

    def every(self, path: str) -> list[dict[str, Any]]:
        """Return all rows of a list, page by page."""
        rows: list[dict[str, Any]] = []
        page = self.get(path, limit=100)
        rows += page["data"]
        while page["has_more"]:
            page = self.get(path, limit=100, cursor=page["next_cursor"])
            rows += page["data"]
        return rows

    def close(self) -> None:
        """Close the connections."""
        for each in self._clients:
            each.close()

    def _call(self, method: str, path: str, **how: Any) -> dict[str, Any]:
        deadline = time.monotonic() + self._patience_seconds
        while True:
            said = "no answer"
            try:
                answer = self._chance.choice(self._clients).request(method, path, **how)
                if answer.is_success:
                    told: dict[str, Any] = answer.json()
                    return told
                said = answer.text
                if not (answer.status_code >= 500 or answer.json().get("retryable")):
                    raise AssertionError(f"{method} {path}: {said}")
            except httpx.TransportError as error:
                said = repr(error)
            if time.monotonic() > deadline:
                raise TimeoutError(f"{method} {path}: {said}")
            time.sleep(0.1)
