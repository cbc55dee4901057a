"""What can go wrong between a program and the service.

EarnestError (earnest.payment.errors)
└── ClientError
    ├── Problem         the service answered with a problem (RFC 9457)
    ├── Unreachable     nobody answers at the address given; a retry can help
    ├── NotEarnest      something answers there, and it is not this service
    └── BadSignature    a webhook that was not signed with the endpoint's secret, or is too old
"""

from __future__ import annotations

from typing import Any

from earnest.payment.errors import EarnestError


class ClientError(EarnestError):
    """Anything that a call of the client can raise."""

    code = "client_error"


class Problem(ClientError):
    """The service answered with a problem; `str(problem)` is its detail, a sentence that a person can act on.

    Args:
        status: the HTTP status.
        told: the answer's body.
        retry_after_seconds: when to ask again, where the service said so.

    Source: RFC 9457.
    """

    code = "problem"

    def __init__(self, status: int, told: dict[str, Any], retry_after_seconds: int | None = None) -> None:
        super().__init__(str(told.get("detail") or told.get("title") or f"HTTP {status}"))
        self.status = status
        self.kind = str(told.get("code") or "unknown")
        """The problem's stable word, for programs: `too_early`, `unknown_token`, …"""
        self.param = told.get("param")
        self.may_retry = bool(told.get("retryable"))
        self.request_id = str(told.get("request_id") or "")
        self.retry_after_seconds = retry_after_seconds
        self.told = told


class Unreachable(ClientError):
    """Nobody answers at the address given."""

    code = "unreachable"
    retryable = True


class NotEarnest(ClientError):
    """Something answers at the address given, and it is not this service."""

    code = "not_earnest"


class BadSignature(ClientError):
    """A webhook that was not signed with the endpoint's secret, or is too old: do nothing of what it says."""

    code = "bad_signature"
