"""What a run costs: wall time, CPU time of this process, and the most memory that it ever had."""

from __future__ import annotations

import resource
import time
from types import TracebackType


class Watch:
    """Measures what is done inside its context."""

    seconds = 0.0
    cpu_seconds = 0.0

    def __enter__(self) -> Watch:
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.seconds = time.perf_counter() - self._wall
        self.cpu_seconds = time.process_time() - self._cpu

    @property
    def peak_mib(self) -> float:
        """The largest resident set of this process so far."""
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
