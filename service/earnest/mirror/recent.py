"""Foreign payments as the last batches left them, so that a backfill does not read back what it has just written.

They hold only as long as nobody else wrote. Each batch leaves its name in the database, so what is remembered counts
only under the same lead and if the name found there is that of our own last batch. In every other way in which a
foreign payment can change, it is no longer foreign or no longer there, and that shows when it is written: see
`Payments.save_foreign`. What is remembered is changed in place, so a batch that fails leaves nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from earnest.payment.foreign import Foreign
from earnest.payment.primitives import Hash32
from earnest.payment.status import HOLDING
from earnest.store.records import Lead

REMEMBERED: Final = 8_192
"""Payments, of nearly a kilobyte each. In a backfill a payment most often goes on soon, or never."""
_NOTHING: Final[Mapping[Hash32, Foreign]] = {}


class Recent:
    """What the last batch left of the foreign payments under way, those that changed last before all others."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._payments: dict[Hash32, Foreign] = {}
        self._known: tuple[Lead | None, str | None] = (None, None)

    def payments(self, lead: Lead | None, last_batch: str | None) -> Mapping[Hash32, Foreign]:
        """Return what is remembered, by id; nothing under another lead, or if another batch was taken meanwhile."""
        if last_batch is None or self._known != (lead, last_batch):
            self._payments.clear()
            return _NOTHING
        return self._payments

    def after(self, changed: Mapping[Hash32, Foreign], lead: Lead | None, batch: str) -> Recent:
        """Return what is remembered after a batch, which is committed and was taken after the last one."""
        payments = self._payments
        for id_, payment in changed.items():
            # Taken out first, so that those that changed last stand last.
            payments.pop(id_, None)
            if payment.status in HOLDING:
                payment.is_stored = True
                payments[id_] = payment
        for id_ in list(payments)[: max(0, len(payments) - self._remembered)]:
            del payments[id_]
        self._known = (lead, batch)
        return self
