"""How far the mirror in the database is and who follows each chain, as monitors of any process see it."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from earnest.api.leaders import Following, following_of
from earnest.api.services import Services
from earnest.payment.errors import EarnestError
from earnest.payment.record import ChainView


class Mirrored(Collector):
    """Asks the database when somebody scrapes, so that a process which only answers requests tells the same as the one
    that follows; tells nothing while the database is away."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def describe(self) -> Iterable[Metric]:
        """Say nothing beforehand: that would ask the database while the application is being built."""
        return ()

    def collect(self) -> Iterable[Metric]:
        chain = ["chain"]
        head = GaugeMetricFamily("earnest_mirror_head_block", "The newest block mirrored.", labels=chain)
        final = GaugeMetricFamily("earnest_mirror_final_block", "The newest final block mirrored.", labels=chain)
        age = GaugeMetricFamily(
            "earnest_mirror_age_seconds", "How old the newest mirrored block is, by our clock.", labels=chain
        )
        lag = GaugeMetricFamily("earnest_mirror_lag_blocks", "Blocks still to be mirrored.", labels=chain)
        failing = GaugeMetricFamily(
            "earnest_mirror_failing", "1 while something stands in the way of whoever follows.", labels=chain
        )
        followed = GaugeMetricFamily("earnest_mirror_followed", "1 while a process follows.", labels=chain)
        quiet = GaugeMetricFamily("earnest_mirror_quiet_seconds", "How long ago it did its last step.", labels=chain)
        leader = GaugeMetricFamily(
            "earnest_mirror_leader", "1 for the process that follows.", labels=["chain", "process", "here"]
        )
        now = self._services.clock()
        for chain_id, (view, following) in self._found().items():
            labels, status = [str(chain_id)], following.report
            if view is not None:
                head.add_metric(labels, view.head.number)
                age.add_metric(labels, max(0, now - view.head.timestamp))
                if view.final.number >= 0:
                    final.add_metric(labels, view.final.number)
            if status is not None:
                if status.lag_blocks is not None:
                    lag.add_metric(labels, status.lag_blocks)
                failing.add_metric(labels, 1 if status.error else 0)
                quiet.add_metric(labels, following.quiet_seconds)
            row = following.leader
            is_followed = following.is_here or (row is not None and row.is_there)
            followed.add_metric(labels, 1 if is_followed else 0)
            if is_followed and row is not None:
                leader.add_metric([*labels, row.process_name, str(following.is_here).lower()], 1)
        return [head, final, age, lag, failing, followed, quiet, leader]

    def _found(self) -> dict[int, tuple[ChainView | None, Following]]:
        chains = self._services.chains
        try:
            with self._services.store.read() as tx:
                return {each: (tx.blocks.view(each), following_of(tx, each, chain)) for each, chain in chains.items()}
        except EarnestError:
            return {}
