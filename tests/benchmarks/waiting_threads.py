"""What a waiting thread costs, for docs/decisions/0001: `.venv/bin/python tests/benchmarks/waiting_threads.py`."""

from __future__ import annotations

import threading
import time
from pathlib import Path

PAGE_BYTES = 4096
SECONDS = 2.0


def resident_megabytes() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES / 1e6


def measure(count: int) -> str:
    """Start `count` threads that wait, and return what that took, as a line to read."""
    stop = threading.Event()
    memory = resident_megabytes()
    started = time.perf_counter()
    threads = [threading.Thread(target=stop.wait) for _ in range(count)]
    for thread in threads:
        thread.start()
    took = time.perf_counter() - started
    memory = resident_megabytes() - memory
    busy = time.process_time()
    time.sleep(SECONDS)
    busy = time.process_time() - busy
    stop.set()
    for thread in threads:
        thread.join()
    waiting = f"{busy * 1000:.1f} ms of CPU in {SECONDS:.0f} s of waiting"
    return f"{count:>5} threads: started in {took * 1000:.0f} ms, {memory:.1f} MB of memory, {waiting}"


if __name__ == "__main__":
    for size in (10, 100, 1000):
        print(measure(size))
