"""The account: what the payments add up to, API keys, and who changed what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from earnest.client import models
from earnest.client.calls import Calls, rfc3339


class AccountCalls(Calls):
    """Everything about the account as a whole."""

    def balances(self) -> list[models.Balance]:
        """Return what is held, releasable, released, refunded, repaid and owed, by token."""
        return self._all("/v1/balances", models.Page[models.Balance])

    def balance_rows(self, name: str, token: str, *, chain: str | None = None) -> Iterator[models.BalanceRow]:
        """Walk over what a sum is made of: `name` is a field of `Balance`, `token` a symbol or an address."""
        query = {"token": token, "chain": chain}
        return self._every(f"/v1/balances/{name}", models.Page[models.BalanceRow], query)

    def settlements_csv(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        token: str | None = None,
        chain: str | None = None,
    ) -> bytes:
        """Return a file with one line for each event that moved money in `[since, until)`."""
        query = {"from": rfc3339(since), "until": rfc3339(until), "token": token, "chain": chain}
        return self.http.content("/v1/reports/settlements.csv", query)

    def settings(self) -> models.Settings:
        """Return who is paid, the terms that payments get when they name none, and when you are told of events."""
        return self._get("/v1/settings", models.Settings)

    def tell_at(self, *steps: tuple[str, str | Decimal | None, str | None]) -> models.Settings:
        """Set the whole rule when you are told of events; no steps: of everything at `included`.

        Args:
            steps: each a finality, an amount from which it holds, and the amount's token: `("final", "50", "USDC")`.
                `("safe", None, None)` stands for all tokens that have no steps.
        """
        tell = [
            {"finality": finality, "amount": None if token is None else {"value": str(amount or 0), "token": token}}
            for finality, amount, token in steps
        ]
        return self.http.ask("PATCH", "/v1/settings", models.Settings, body={"tell": tell})

    def keys(self) -> list[models.Key]:
        """Return your API keys without their secrets, newest first."""
        return self._all("/v1/keys", models.Page[models.Key])

    def create_key(
        self,
        scopes: Sequence[str] = (),
        *,
        role: str | None = None,
        name: str | None = None,
        expires_at: datetime | None = None,
        idempotency_key: str | None = None,
    ) -> models.KeyWithSecret:
        """Make a key that may do no more than this client's own; keep the secret, it is shown this once.

        Args:
            scopes: what it may do, or
            role: `read_only`, `support`, `finance` or `owner`.
            name: what you call it, such as whose it is.
            expires_at: when it is refused.
            idempotency_key: names this request, for one that is made again.
        """
        body = {"name": name, "scopes": list(scopes), "role": role, "expires_at": rfc3339(expires_at)}
        return self._post("/v1/keys", models.KeyWithSecret, body, idempotency_key)

    def revoke_key(self, key: str) -> None:
        """Have a key refused from now on, by its id."""
        self.http.ask("DELETE", f"/v1/keys/{key}", models.RevokedKey)

    def audit_log(self) -> Iterator[models.AuditEntry]:
        """Walk over who changed what, newest first."""
        return self._every("/v1/audit_log", models.Page[models.AuditEntry])
