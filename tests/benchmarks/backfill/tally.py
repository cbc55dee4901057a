"""What a mirror of a recording has to add up to: every event's place and facts, and every payment's last ones."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from earnest.payment.status import ON_CHAIN

_MODULUS = 2**128


@dataclass
class Tally:
    """Sums over rows in whatever order they come; a status is its number in the contract."""

    events: int = 0
    payments: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    """Of each payment its last `seq`, status and held amount."""
    _sum: int = 0

    def add(self, block_hash: str, log_index: int, payment_id: str, seq: int, status: int, held: int) -> None:
        """Count one event."""
        self.events += 1
        self._sum += _digest(f"{block_hash} {log_index} {payment_id} {seq} {status} {held}")
        last = self.payments.get(payment_id)
        if last is None or last[0] < seq:
            self.payments[payment_id] = (seq, status, held)

    def event_sum(self) -> str:
        """Return the checksum over all events."""
        return f"{self._sum % _MODULUS:032x}"

    def payment_sum(self) -> str:
        """Return the checksum over all payments."""
        return payment_sum((id_, *last) for id_, last in self.payments.items())

    def statuses(self) -> dict[str, int]:
        """Return how many payments are in each status."""
        return dict(Counter(str(ON_CHAIN[status]) for _, status, _ in self.payments.values()))


def payment_sum(payments: Iterable[tuple[str, int, int, int]]) -> str:
    """Return the checksum over payments, each as (id, seq, status, held)."""
    total = sum(_digest(f"{id_} {seq} {status} {held}") for id_, seq, status, held in payments)
    return f"{total % _MODULUS:032x}"


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest())
