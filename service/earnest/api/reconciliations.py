"""What the last comparison of the mirror with the contract found, as health checks and monitors see it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from earnest.api.services import Services
from earnest.payment.errors import EarnestError
from earnest.payment.representation import represent_block, rfc3339
from earnest.store.reconciliations import FailedReconciliation, Reconciliation


class Outcome(StrEnum):
    """What came of the latest comparison."""

    NONE = "none"
    """There was none since the mirror was last rebuilt, or it was never asked for."""
    AGREED = "agreed"
    """Mirror and contract agree."""
    DIFFERED = "differed"
    """They differ."""
    FAILED = "failed"
    """It did not come to its end: what the one before found may be old."""


def outcome_of(last: Reconciliation | None, failing: FailedReconciliation | None) -> Outcome:
    """Return what came of the latest comparison."""
    if failing is not None:
        return Outcome.FAILED
    if last is None:
        return Outcome.NONE
    return Outcome.DIFFERED if last.differences else Outcome.AGREED


def reason_against(last: Reconciliation | None) -> str | None:
    """Return why a chain's mirror should not be believed, None if nothing was found against it."""
    if last is None or not last.differences:
        return None
    return (
        f"the mirror and the contract differ in {last.differences} things as of block {last.block.number}, "
        "see /health/sync"
    )


def represent_failing(failing: FailedReconciliation | None) -> dict[str, Any] | None:
    """Return why comparisons fail as JSON-ready data; no sentence in it is a secret."""
    if failing is None:
        return None
    return {
        "since": rfc3339(failing.since),
        "at": rfc3339(failing.at),
        "times": failing.times,
        "error": failing.error,
        "error_code": failing.code,
    }


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
        failures = GaugeMetricFamily(
            "earnest_reconciliation_failures", "How many failed since the last that came to its end.", labels=["chain"]
        )
        outcome = GaugeMetricFamily(
            "earnest_reconciliation_outcome", "1 for what came of the latest.", labels=["chain", "outcome"]
        )
        for chain_id, (last, failing) in self._found().items():
            labels = [str(chain_id)]
            failures.add_metric(labels, failing.times if failing else 0)
            for each in Outcome:
                outcome.add_metric([*labels, each], 1 if each is outcome_of(last, failing) else 0)
            if last is None:
                continue
            differences.add_metric(labels, last.differences)
            payments.add_metric(labels, last.payments)
            finished.add_metric(labels, last.finished_at)
        return [differences, payments, finished, failures, outcome]

    def _found(self) -> dict[int, tuple[Reconciliation | None, FailedReconciliation | None]]:
        try:
            with self._services.store.read() as tx:
                told = tx.reconciliations
                return {chain_id: (told.last(chain_id), told.failing(chain_id)) for chain_id in self._services.chains}
        except EarnestError:
            return {}
