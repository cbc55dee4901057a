"""What a run costs: wall time, CPU time of this process, and the most memory that it ever had."""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path
from types import TracebackType

_STATUS = Path("/proc/self/status")


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
        """The largest resident set of this program so far."""
        return peak_mib()


def peak_mib() -> float:
    """Return the largest resident set of this program, in MiB.

    On Linux `ru_maxrss` survives `exec`: a child of a large process would count its parent's size as its own. The
    kernel's `VmHWM` belongs to the address space, which `exec` makes anew. Source: proc_pid_status(5), getrusage(2).
    """
    if _STATUS.exists():
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1024**2 if sys.platform == "darwin" else most / 1024
