"""One run in a process of its own, so that its CPU and its memory are its own: prints what it took as JSON.

`python -m tests.benchmarks.backfill.run NAME FOLDER NODE_URL DATABASE_URL`
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tests.benchmarks.backfill.story import Recording


@dataclass(frozen=True)
class Result:
    """What one run took; `events` are those that it went through."""

    events: int
    seconds: float
    cpu_seconds: float
    peak_mib: float

    @property
    def events_per_second(self) -> float:
        return self.events / self.seconds

    @property
    def cpu_us_per_event(self) -> float:
        return self.cpu_seconds / self.events * 1e6


def main() -> None:
    name, folder, node, database = sys.argv[1:]
    recording = Recording.unpacked(Path(folder))
    story = recording.story
    # Each imports what it needs alone: what the others load would count as its memory.
    if name.startswith("ours"):
        from tests.benchmarks.backfill import ours  # noqa: PLC0415

        watch, events = ours.backfill(recording, node, database, own=name == "ours-mixed"), story.events
    elif name == "bare":
        from tests.benchmarks.backfill import bare  # noqa: PLC0415

        watch, events = bare.backfill(story, node, database), story.events
    else:
        from tests.benchmarks.backfill import web3_loop  # noqa: PLC0415

        watch, events = web3_loop.backfill(story, node, database)
    result = Result(events, watch.seconds, watch.cpu_seconds, watch.peak_mib)
    print(msgspec.json.encode(result).decode())


if __name__ == "__main__":
    main()
