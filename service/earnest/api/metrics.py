"""The numbers for Prometheus. Labels come from small sets that we know; nothing of a caller's ever becomes one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from earnest.api.endpoints import EndpointsTold
from earnest.api.services import ChainService

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_METHODS: Final = frozenset({"GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS"})


class Metrics:
    """One registry for each application, so that two in one process (tests) do not mix."""

    def __init__(self, chains: Mapping[int, ChainService], *more: Collector) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "earnest_http_requests", "Requests answered.", ("method", "route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "earnest_http_request_seconds", "How long an answer took.", ("method", "route"), registry=self._registry
        )
        for each in (_Chains(chains), EndpointsTold(chains), *more):
            self._registry.register(each)

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request; `route` is a pattern of ours, never a path that was asked for."""
        known = method if method in _METHODS else "other"
        self._requests.labels(known, route, str(status)).inc()
        self._seconds.labels(known, route).observe(seconds)

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)


class _Chains(Collector):
    """Asks the followers when somebody scrapes."""

    def __init__(self, chains: Mapping[int, ChainService]) -> None:
        self._chains = chains

    def collect(self) -> Iterable[Metric]:
        head = GaugeMetricFamily("earnest_follower_head_block", "The newest block mirrored.", labels=["chain"])
        final = GaugeMetricFamily("earnest_follower_final_block", "The newest final block mirrored.", labels=["chain"])
        lag = GaugeMetricFamily("earnest_follower_lag_blocks", "Blocks still to be mirrored.", labels=["chain"])
        failing = GaugeMetricFamily(
            "earnest_follower_failing", "1 while something stands in its way.", labels=["chain"]
        )
        for chain_id, chain in self._chains.items():
            status, labels = chain.follower, [str(chain_id)]
            if status is None:
                continue
            for gauge, value in ((head, status.head), (final, status.final), (lag, status.lag_blocks)):
                if value is not None:
                    gauge.add_metric(labels, value)
            failing.add_metric(labels, 1 if status.error else 0)
        return [head, final, lag, failing, *self._senders()]

    def _senders(self) -> Iterable[Metric]:
        balance = GaugeMetricFamily("earnest_operator_balance_coin", "The operator's coin for gas.", labels=["chain"])
        unsettled = GaugeMetricFamily("earnest_operator_unsettled_txs", "Txs not final yet.", labels=["chain"])
        failing = GaugeMetricFamily("earnest_operator_failing", "1 while its txs are held up.", labels=["chain"])
        for chain_id, chain in self._chains.items():
            if chain.sender_status is None:
                continue
            status, labels = chain.sender_status(), [str(chain_id)]
            if status.balance is not None:
                balance.add_metric(labels, status.balance / 10**chain.network.coin.decimals)
            unsettled.add_metric(labels, status.unsettled)
            failing.add_metric(labels, 1 if status.error else 0)
        return [balance, unsettled, failing]
