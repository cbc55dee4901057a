"""The report of settlements: one line for each event that moved money, as CSV that no spreadsheet will execute.

Source: RFC 4180 for the form; OWASP, "CSV injection", for what a cell must not begin with.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from typing import IO, Any, Final

from earnest.api.services import Services
from earnest.api.show import PaymentView, token_of
from earnest.payment.cells import safe_cell
from earnest.payment.events import Credited, EventKind
from earnest.payment.money import Token, format_value
from earnest.payment.record import Payment, finality_of
from earnest.payment.representation import caip2, rfc3339
from earnest.store import Transaction
from earnest.store.records import StoredEvent
from earnest.store.settlements import SettlementFilter

AMOUNTS: Final = ("to_merchant", "fee", "to_buyer", "repaid")
COLUMNS: Final = (
    *("time", "chain", "payment", "order_reference", "event", "status", "finality", "symbol", "token"),
    *AMOUNTS,
    *("decimals", *(f"{name}_base_units" for name in AMOUNTS)),
    *("credited", "block_number", "block_hash", "tx_hash", "log_index"),
)
IN_MEMORY_BYTES: Final = 1_048_576
"""A longer report goes to a file that has no name and is gone with its last reader."""
PIECE_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True)
class Period:
    """Events in `[since, until)`, by the time of their block (Unix); None: no bound on that side."""

    since: int | None = None
    until: int | None = None

    def holds(self, timestamp: int) -> bool:
        """Whether a time lies in it."""
        return (self.since is None or timestamp >= self.since) and (self.until is None or timestamp < self.until)


@dataclass(frozen=True, slots=True)
class Report:
    """Which settlements: of what chain and token (None: all), in what period."""

    period: Period = field(default_factory=Period)
    where: SettlementFilter = field(default_factory=SettlementFilter)


def write_report(services: Services, tx: Transaction, merchant_id: str, report: Report) -> IO[bytes]:
    """Write the report as one transaction sees it, and return the file at its beginning.

    Whoever downloads slowly then holds a file, and neither a connection to the database nor a snapshot.
    """
    file = SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115 (whoever sends it closes it)
    text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
    lines = csv.writer(text)
    lines.writerow(COLUMNS)
    view = PaymentView(services, tx)
    for payments in tx.settlements.moved(merchant_id, report.where):
        lines.writerows(_lines(services, tx, view, payments, report.period))
    text.detach()
    file.seek(0)
    return file


def pieces(file: IO[bytes]) -> Iterator[bytes]:
    """Yield a file's content, and close it."""
    with file:
        while piece := file.read(PIECE_BYTES):
            yield piece


def _lines(
    services: Services, tx: Transaction, view: PaymentView, payments: Sequence[Payment], period: Period
) -> Iterator[list[Any]]:
    by_chain: dict[int, list[Payment]] = {}
    for payment in payments:
        if payment.chain_id in services.chains:
            by_chain.setdefault(payment.chain_id, []).append(payment)
    for chain_id, some in by_chain.items():
        events = tx.events.canonical(chain_id, [each.id for each in some])
        for payment in some:
            token = token_of(services.chain(chain_id).network, payment.terms)
            for stored in events[payment.id]:
                moved = _moved(stored)
                if any(moved) and period.holds(stored.block.timestamp):
                    yield _line(view, payment, token, stored, moved)


def _moved(stored: StoredEvent) -> tuple[int, int, int, int]:
    event = stored.event
    is_repaid = event.kind is EventKind.PAYMENT_REPAID
    to_buyer, repaid = (0, event.to_buyer) if is_repaid else (event.to_buyer, 0)
    return event.to_merchant, event.to_fee_recipient, to_buyer, repaid


def _line(
    view: PaymentView, payment: Payment, token: Token, stored: StoredEvent, moved: tuple[int, int, int, int]
) -> list[Any]:
    finality = finality_of(stored.block, view.view(payment.chain_id), view.safe_depth_blocks(payment))
    return [
        rfc3339(stored.block.timestamp),
        caip2(payment.chain_id),
        payment.id,
        safe_cell(payment.order_reference),
        str(stored.event.kind),
        str(stored.event.status),
        str(finality) if finality else "",
        safe_cell(token.symbol),
        token.address,
        *(format_value(amount, token.decimals) for amount in moved),
        token.decimals,
        *moved,
        " ".join((each.name or "").lower() for each in Credited if each and each in stored.event.credited),
        stored.block.number,
        stored.block.hash,
        stored.tx_hash,
        stored.log_index,
    ]
