"""What a route gets to work with: the services, who asks, and the idempotency key if there is one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import JSONResponse, Response

from earnest.api.gate import Caller
from earnest.api.metrics import Metrics
from earnest.api.once import Once
from earnest.api.services import Services
from earnest.chain.sending import OutgoingTx
from earnest.commands.audit import By, audited
from earnest.commands.own_payment import sent_for
from earnest.commands.ports import Submitter
from earnest.store import Transaction


@dataclass(frozen=True, slots=True)
class Call:
    """One request that was let in."""

    services: Services
    caller: Caller | None
    once: Once | None
    metrics: Metrics
    request_id: str | None = None

    @property
    def merchant_id(self) -> str:
        """Whose key it is; only for routes that need one."""
        if self.caller is None:
            raise TypeError("a public route has no merchant")
        return self.caller.merchant_id

    @property
    def request_key(self) -> str | None:
        """The request's idempotency key."""
        return self.once.key if self.once else None

    def begun(self) -> list[OutgoingTx]:
        """Return the txs that were sent by earlier tries of this very request that died before they were answered.

        Whatever came of the payments since, they are the answer, or a part of it.
        """
        if self.once is None or not self.once.begun:
            return []
        with self.services.store.read() as tx:
            return sent_for(tx, self.once.begun)

    def keep(self, tx: Transaction, response: Response) -> None:
        """Keep the answer under the idempotency key in the same transaction as the deed."""
        if self.once is not None:
            self.once.keep(tx, response)

    @property
    def by(self) -> By:
        """Who asks, for the audit log."""
        return By(f"key:{self.caller.key_id}" if self.caller else "nobody", self.request_id)

    def senders(self, **detail: Any) -> Callable[[int], Submitter]:
        """Return where a command gets its sender from; what it sends is in the audit log first, with this detail."""
        services, note = self.services, self.once.note if self.once else None
        return audited(services.sender, services.store, self.by, services.clock, note=note, **detail)

    def now(self) -> int:
        """Return wall time in Unix seconds."""
        return self.services.clock()


async def get_call(request: Request) -> Call:
    """Return the call of a request that the route has let in; a coroutine, so that it takes none of the threads."""
    state = request.app.state
    asked = request.state
    return Call(state.services, asked.caller, asked.once, state.metrics, getattr(asked, "request_id", None))


InCall = Annotated[Call, Depends(get_call)]


class Kept:
    """Builds the answer inside the command's transaction, and hands it out after that has been committed."""

    def __init__(self, call: Call, status: int, show: Callable[..., Mapping[str, Any]]) -> None:
        self._call, self._status, self._show = call, status, show
        self._response: JSONResponse | None = None

    def __call__(self, tx: Transaction, *made: Any) -> None:
        """Be the command's `keep`: `made` is what the command hands over."""
        self._response = JSONResponse(dict(self._show(tx, *made)), self._status)
        self._call.keep(tx, self._response)

    @property
    def response(self) -> JSONResponse:
        """The answer; only after the command is done."""
        if self._response is None:
            raise RuntimeError("the command did not hand over what it made")
        return self._response
