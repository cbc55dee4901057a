"""How the endpoints of a chain fare, as health checks and monitors see it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from earnest.api.services import ChainService
from earnest.chain.health import IN_USE, EndpointReport
from earnest.chain.words import plain
from earnest.payment.representation import rfc3339


def represent_endpoint(report: EndpointReport) -> dict[str, Any]:
    """Return one endpoint as JSON-ready data; it is named by its host, and no sentence in it is a secret."""
    return {
        "name": report.name,
        "state": report.state,
        "reason": report.reason and plain(report.reason),
        "since": rfc3339(int(report.since)),
        "head": report.head,
        "final": report.final,
        "failures": report.failures,
        "alarms": report.alarms,
        "next_look_at": None if report.next_look_at is None else rfc3339(int(report.next_look_at)),
    }


class EndpointsTold(Collector):
    """Asks how the endpoints fare when somebody scrapes; their names are of the host's own settings."""

    def __init__(self, chains: Mapping[int, ChainService]) -> None:
        self._chains = chains

    def describe(self) -> Iterable[Metric]:
        """Say nothing beforehand: there is nothing to ask while the application is being built."""
        return ()

    def collect(self) -> Iterable[Metric]:
        labels = ["chain", "endpoint"]
        in_use = GaugeMetricFamily("earnest_endpoint_in_use", "1 unless it is set aside.", labels=labels)
        state = GaugeMetricFamily("earnest_endpoint_state", "1 for the state it is in.", labels=[*labels, "state"])
        head = GaugeMetricFamily("earnest_endpoint_head_block", "Its newest block.", labels=labels)
        final = GaugeMetricFamily("earnest_endpoint_final_block", "Its newest final block.", labels=labels)
        failures = CounterMetricFamily("earnest_endpoint_failures", "How often it failed.", labels=labels)
        alarms = CounterMetricFamily(
            "earnest_endpoint_alarms", "How often it did what no honest endpoint does.", labels=[*labels, "kind"]
        )
        for chain_id, chain in self._chains.items():
            for each in chain.endpoints():
                named = [str(chain_id), each.name]
                in_use.add_metric(named, 1 if each.state in IN_USE else 0)
                state.add_metric([*named, each.state], 1)
                failures.add_metric(named, each.failures)
                for gauge, value in ((head, each.head), (final, each.final)):
                    if value is not None:
                        gauge.add_metric(named, value)
                for kind, times in each.alarms.items():
                    alarms.add_metric([*named, kind], times)
        return [in_use, state, head, final, failures, alarms]
