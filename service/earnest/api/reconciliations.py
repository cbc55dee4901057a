"""What the last comparison of the mirror with the contract found, as health checks and monitors see it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from earnest.api.services import Services
from earnest.payment.errors import EarnestError
from earnest.payment.representation import represent_block, rfc3339
from earnest.store.reconciliations import Reconciliation


def reason_against(last: Reconciliation | None) -> str | None:
    """Return why a chain's mirror should not be believed, None if nothing was found against it."""
    if last is None or not last.differences:
        return None
    return (
        f"the mirror and the contract differ in {last.differences} things as of block {last.block.number}, "
        "see /health/sync"
    )


def represent_reconciliation(last: Reconciliation | None) -> dict[str, Any] | None:
    """Return the last comparison as JSON-ready data; no sentence in it is a secret."""
    if last is None:
        return None
    return {
        "block": represent_block(last.block),
        "finished_at": rfc3339(last.finished_at),
        "duration_ms": last.duration_ms,
        "payments": last.payments,
        "differences": last.differences,
        "named": list(last.named),
    }


class Reconciled(Collector):
    """Asks the database for each chain's last comparison when somebody scrapes; tells nothing while it is away."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def describe(self) -> Iterable[Metric]:
        """Say nothing beforehand: that would ask the database while the application is being built."""
        return ()

    def collect(self) -> Iterable[Metric]:
        differences = GaugeMetricFamily(
            "earnest_reconciliation_differences", "In how many things mirror and contract differ.", labels=["chain"]
        )
        payments = GaugeMetricFamily(
            "earnest_reconciliation_payments", "How many payments were compared.", labels=["chain"]
        )
        finished = GaugeMetricFamily(
            "earnest_reconciliation_finished_seconds", "When they were compared last (Unix time).", labels=["chain"]
        )
        for chain_id, last in self._last().items():
            labels = [str(chain_id)]
            differences.add_metric(labels, last.differences)
            payments.add_metric(labels, last.payments)
            finished.add_metric(labels, last.finished_at)
        return [differences, payments, finished]

    def _last(self) -> dict[int, Reconciliation]:
        try:
            with self._services.store.read() as tx:
                found = {chain_id: tx.reconciliations.last(chain_id) for chain_id in self._services.chains}
        except EarnestError:
            return {}
        return {chain_id: last for chain_id, last in found.items() if last is not None}
