"""The table that the benchmark prints, and what it has to show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from earnest.testing.webhook_receiver import Received
from tests.benchmarks.live.follow import Outcome
from tests.benchmarks.live.story import STEPS, WARM_UP

MAX_P50_MS, MAX_P99_MS = 5.0, 60.0
MAX_P99_POLLING_MS = 130.0
MAX_CPU_MS = 3.0
QUIET_BARE_P50_MS = 2.0
"""What the bare subscription's own median is on a quiet machine of two cores. What it takes more in a run shows how
busy the machine was: so many times longer may the follower's share be, and polling's."""
TIMES_OF_CHECK = 3.0
"""How far from the aims a short run may be beside that: with a few dozen blocks, on a machine that others use."""
COLUMNS = ("bare sub", "bare poll", "row", "share", "sent", "received")


@dataclass(frozen=True)
class Run:
    """One run. Times are wall times in seconds, by block number or by notification."""

    database: str
    subscribed: bool
    mined: Mapping[int, float]
    shown: Mapping[int, float]
    polled: Mapping[int, float]
    received: Mapping[str, float]
    blocks_of: Mapping[str, int]
    outcome: Outcome
    payments: int

    @property
    def name(self) -> str:
        return f"{self.database}, {'subscription' if self.subscribed else 'poll 100 ms'}"

    @property
    def wrong(self) -> list[str]:
        """What the mirror or the webhooks lack."""
        told, wanted = len(self.blocks_of), STEPS * self.payments
        found = []
        if self.outcome.released != self.payments or self.outcome.events != wanted:
            found.append(f"{self.outcome.released} of {self.payments} payments released, {self.outcome.events} events")
        if told != wanted:
            found.append(f"{told} of {wanted} webhooks")
        return found

    @property
    def milliseconds(self) -> dict[str, list[float]]:
        """The figures of each column, one a block or one a webhook."""
        counted = {number: at for number, at in self.mined.items() if number >= min(self.mined) + WARM_UP}
        outcome = self.outcome

        def since_mined(times: Mapping[int, float]) -> list[float]:
            return [1_000 * (times[number] - at) for number, at in counted.items() if number in times]

        def of_webhooks(times: Mapping[str, float]) -> list[float]:
            return [
                1_000 * (times[name] - counted[block])
                for name, block in self.blocks_of.items()
                if block in counted and name in times
            ]

        return {
            "bare sub": since_mined(self.shown),
            "bare poll": since_mined(self.polled),
            "row": since_mined(outcome.visible),
            "share": [
                1_000 * (outcome.visible[number] - self.shown[number])
                for number in counted
                if number in outcome.visible and number in self.shown
            ],
            "sent": of_webhooks(outcome.sent),
            "received": of_webhooks(self.received),
        }

    @property
    def cpu_ms(self) -> tuple[float, float]:
        """CPU a block of following and of delivering."""
        blocks = len(self.mined) - WARM_UP
        return 1_000 * self.outcome.follower_cpu / blocks, 1_000 * self.outcome.webhooks_cpu / blocks


def blocks_of(webhooks: Iterable[Received]) -> dict[str, int]:
    """Return the block of which each webhook tells; those that tell of finality tell of no block of their own."""
    return {
        each.id: each.body["data"]["block"]["number"]
        for each in webhooks
        if each.verified and each.type not in ("payment.finalized", "payment.expired")
    }


def percentile(figures: list[float], share: float) -> float:
    """Return the figure below which this share of them lies."""
    return sorted(figures)[min(len(figures) - 1, int(share * len(figures)))] if figures else float("nan")


def lines(runs: list[Run]) -> list[str]:
    """Return the table: p50 / p99 in ms, from the moment at which the node was told to mine."""
    head = (
        f"{'':26}"
        + "".join(f"{column:>15}" for column in COLUMNS)
        + f"{'CPU ms/block':>14}{'+ webhooks':>11}{'MiB':>5}"
    )
    found = [head]
    for run in runs:
        figures = run.milliseconds
        cells = [f"{percentile(figures[name], 0.5):6.1f} /{percentile(figures[name], 0.99):6.1f}" for name in COLUMNS]
        follower, webhooks = run.cpu_ms
        wrong = f"  WRONG: {'; '.join(run.wrong)}" if run.wrong else ""
        found.append(
            f"{run.name:26}"
            + "".join(f"{cell:>15}" for cell in cells)
            + f"{follower:14.2f}{webhooks:11.2f}{run.outcome.peak_mib:5.0f}{wrong}"
        )
    return found


def missed(runs: list[Run]) -> list[str]:
    """Return which aims were missed, in words."""
    found = []
    for run in runs:
        share = run.milliseconds["share"]
        middle, high = percentile(share, 0.5), percentile(share, 0.99)
        if run.subscribed and middle >= MAX_P50_MS:
            found.append(f"{run.name}: the follower's share is {middle:.1f} ms at the median, not under {MAX_P50_MS:g}")
        limit = MAX_P99_MS if run.subscribed else MAX_P99_POLLING_MS
        if high >= limit:
            found.append(f"{run.name}: the follower's share is {high:.1f} ms at p99, not under {limit:g}")
        if run.cpu_ms[0] > MAX_CPU_MS:
            found.append(f"{run.name}: {run.cpu_ms[0]:.2f} ms of CPU a block, more than {MAX_CPU_MS:g}")
        # It is asked after the last block, when silence is in order.
        if run.subscribed and "subscription" not in run.outcome.heads and "has told of no" not in run.outcome.heads:
            found.append(f"{run.name}: heads came by {run.outcome.heads}")
    return found


def slower(runs: list[Run]) -> list[str]:
    """Return in words what a short run shows to be far from the aims.

    The follower's share is judged as a ratio: against what the bare subscription took in the same run. CPU is judged as
    it is, since time that others take is not in it.
    """
    found = []
    for run in runs:
        figures = run.milliseconds
        middle, bare = percentile(figures["share"], 0.5), percentile(figures["bare sub"], 0.5)
        aim = MAX_P50_MS if run.subscribed else MAX_P99_POLLING_MS
        limit = TIMES_OF_CHECK * aim * max(1.0, bare / QUIET_BARE_P50_MS)
        if middle >= limit:
            found.append(
                f"{run.name}: the follower's share is {middle:.1f} ms at the median, not under {limit:.1f}, where the "
                f"bare subscription takes {bare:.1f}"
            )
        if run.cpu_ms[0] > TIMES_OF_CHECK * MAX_CPU_MS:
            found.append(f"{run.name}: {run.cpu_ms[0]:.2f} ms of CPU a block, {TIMES_OF_CHECK:g} times too much")
    return found
