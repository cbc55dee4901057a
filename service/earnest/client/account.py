"""The account: what the payments add up to, API keys, and who changed what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

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

    def keys(self) -> list[models.Key]:
        """Return your API keys without their secrets, newest first."""
        return self._all("/v1/keys", models.Page[models.Key])

    def create_key(
        self, scopes: Sequence[str], *, expires_at: datetime | None = None, idempotency_key: str | None = None
    ) -> models.KeyWithSecret:
        """Make a key that may do no more than this client's own; keep the secret, it is shown this once."""
        body = {"scopes": list(scopes), "expires_at": rfc3339(expires_at)}
        return self._post("/v1/keys", models.KeyWithSecret, body, idempotency_key)

    def revoke_key(self, key: str) -> None:
        """Have a key refused from now on, by its id."""
        self.http.ask("DELETE", f"/v1/keys/{key}", models.RevokedKey)

    def audit_log(self) -> Iterator[models.AuditEntry]:
        """Walk over who changed what, newest first."""
        return self._every("/v1/audit_log", models.Page[models.AuditEntry])
