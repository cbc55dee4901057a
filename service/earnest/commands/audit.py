"""Who does something, and the entry that it leaves in the audit log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from earnest.chain.sending import OutgoingTx, TxIntent
from earnest.commands.ports import HasAddress, Submitter
from earnest.payment.primitives import ZERO_HASH
from earnest.store import Store, Transaction
from earnest.store.audit import Deed

Note = Callable[[Transaction, str], None]
"""Notes the dedupe key of a tx that is about to be sent."""


@dataclass(frozen=True, slots=True)
class By:
    """Who does it: `key:<its id>`, `wallet:<address>`, `host` for whoever sits at the machine, or
    `relay`."""

    actor: str
    request_id: str | None = None


HOST: Final = By("host")
RELAY: Final = By("relay")
"""Nobody's key: a page's visitor asked, and the host sent what anyone may send."""


def write_down(
    tx: Transaction, by: By, merchant_id: str | None, now: int, action: str, target: str, **detail: Any
) -> None:
    """Add what is being done to the audit log, in the transaction that does it; `detail` holds no secret."""
    shown = {name: value for name, value in detail.items() if value is not None}
    tx.audit.add(Deed(now, by.actor, action, target, merchant_id, shown, by.request_id))


@dataclass(frozen=True, slots=True)
class AuditedSubmitter:
    """Sends what is asked for, after it has been written down who asked: no tx of ours is without an entry."""

    inner: Submitter
    store: Store
    by: By
    clock: Callable[[], int]
    detail: dict[str, Any]
    note: Note | None = None

    def status(self) -> HasAddress:
        """Return what the sender says of itself."""
        return self.inner.status()

    def submit(self, intent: TxIntent) -> OutgoingTx:
        """Write it down, then hand it on. A refusal of the chain comes after the entry, which says what was asked.

        Raises what `note` does, and then nothing was handed on.
        """
        target = "many" if intent.payment_id == ZERO_HASH else intent.payment_id
        with self.store.transaction() as tx:
            action = f"payment.{intent.verb}"
            write_down(tx, self.by, intent.merchant_id, self.clock(), action, target, **self.detail)
            if self.note is not None:
                self.note(tx, intent.dedupe_key)
        return self.inner.submit(intent)


@dataclass(frozen=True, slots=True)
class AuditedRelay:
    """Sends what visitors ask for and writes down what was sent: what was refused cost nothing, and has no end."""

    inner: Submitter
    store: Store
    clock: Callable[[], int]

    def status(self) -> HasAddress:
        """Return what the sender says of itself."""
        return self.inner.status()

    def submit(self, intent: TxIntent) -> OutgoingTx:
        """Hand it on, then write it down; after a crash in between, the tx itself still tells that it was relayed."""
        sent = self.inner.submit(intent)
        with self.store.transaction() as tx:
            action = f"payment.{intent.verb}"
            write_down(tx, RELAY, intent.merchant_id, self.clock(), action, intent.payment_id)
        return sent


def audited(
    sender_on: Callable[[int], Submitter],
    store: Store,
    by: By,
    clock: Callable[[], int],
    *,
    note: Note | None = None,
    **detail: Any,
) -> Callable[[int], Submitter]:
    """Return where commands get their sender from, so that everything that is sent is written down first.

    Args:
        sender_on: from a chain id to who sends there with the operator's key.
        by: who asks.
        clock: wall time (Unix).
        note: also notes what is about to be sent, in the same transaction.
        detail: what the entry says beside verb and payment.
    """
    return lambda chain_id: AuditedSubmitter(sender_on(chain_id), store, by, clock, detail, note)


def shown_url(url: str) -> str:
    """Return a URL without its query, which some receivers put a token into."""
    return url.split("?", maxsplit=1)[0]
