"""The table that the backfill's benchmark prints, and what it has to show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tests.benchmarks.backfill.run import Result
from tests.benchmarks.backfill.story import Story

Results = Mapping[tuple[str, str], Result]
OF_BARE = 0.5
TIMES_WEB3 = 30.0
MAX_CPU_US = 20.0
MAX_PEAK_MIB = 150.0
TIMES_BARE_OF_CHECK, TIMES_WEB3_OF_CHECK = 6.0, 8.0
"""A short chain does not outweigh what is done once, and the CPU of a busy machine is not all its own: so far from the
aims nobody comes but by a mistake."""
PEAK_MIB_OF_CHECK = 200.0
NAMES = {
    "bare": "bare pipeline",
    "ours-foreign": "ours, all payments foreign",
    "ours-mixed": "ours, a tenth a merchant's own",
    "ours-far": "ours, foreign, node 50 ms away",
    "web3": "web3.py loop",
}


def about(story: Story) -> str:
    """Return what was recorded, in a line."""
    return (
        f"{story.events:,} events and {story.side_events:,} beside them over {story.blocks:,} blocks; "
        f"{story.payments:,} payments, {story.own:,} of them a merchant's own; {story.foreign_logs:,} foreign logs"
    )


def lines(results: Results) -> Iterator[str]:
    """Return the table."""
    yield f"{'':32} {'database':10} {'events/s':>9} {'CPU us/event':>12} {'peak MiB':>8} {'of bare':>8} {'x web3':>7}"
    for (name, database), result in sorted(results.items(), key=lambda each: each[0][1] + each[0][0]):
        bare, web3 = results.get(("bare", database)), results.get(("web3", "sqlite"))
        share = f"{result.events_per_second / bare.events_per_second:8.0%}" if bare else f"{'':8}"
        times = f"{result.events_per_second / web3.events_per_second:7.0f}" if web3 else f"{'':7}"
        yield (
            f"{NAMES.get(name, name):32} {database:10} {result.events_per_second:9,.0f} "
            f"{result.cpu_us_per_event:12.1f} {result.peak_mib:8.0f} {share} {times}"
        )


def missed(results: Results) -> list[str]:
    """Return which aims were missed, in words."""
    found = []
    web3 = results.get(("web3", "sqlite"))
    for (name, database), result in results.items():
        bare, what = results.get(("bare", database)), f"{NAMES.get(name, name)}, {database}"
        if not name.startswith("ours"):
            continue
        if name == "ours-foreign" and bare and result.events_per_second < OF_BARE * bare.events_per_second:
            found.append(f"{what}: less than {OF_BARE:.0%} of the bare pipeline")
        if name == "ours-foreign" and web3 and result.events_per_second < TIMES_WEB3 * web3.events_per_second:
            found.append(f"{what}: less than {TIMES_WEB3:.0f} times the web3.py loop")
        if name == "ours-foreign" and result.cpu_us_per_event > MAX_CPU_US:
            found.append(f"{what}: more than {MAX_CPU_US:.0f} us of CPU an event")
        if result.peak_mib > MAX_PEAK_MIB:
            found.append(f"{what}: more than {MAX_PEAK_MIB:.0f} MiB")
    return found


def slower(results: Results) -> list[str]:
    """Return in words what a short run shows to be far from the aims; by CPU time, which others' work leaves alone."""
    found = []
    web3 = results["web3", "sqlite"]
    for (name, database), result in results.items():
        bare, what = results["bare", database], f"{NAMES.get(name, name)}, {database}"
        if name == "ours-foreign" and result.cpu_us_per_event > TIMES_BARE_OF_CHECK * bare.cpu_us_per_event:
            found.append(f"{what}: more than {TIMES_BARE_OF_CHECK:g} times the bare pipeline's CPU")
        if name == "ours-foreign" and TIMES_WEB3_OF_CHECK * result.cpu_us_per_event > web3.cpu_us_per_event:
            found.append(f"{what}: more than one {TIMES_WEB3_OF_CHECK:g}th of the web3.py loop's CPU")
        if name.startswith("ours") and result.peak_mib > PEAK_MIB_OF_CHECK:
            found.append(f"{what}: more than {PEAK_MIB_OF_CHECK:.0f} MiB")
    return found
