"""What every unit test obeys: no thread outlives it, since it would run on beside the next test and disturb that."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

END_SECONDS = 20.0
# Idle workers of the web framework's own pool: they end by themselves, and do nothing until then.
POOLED = ("AnyIO worker thread",)


@pytest.fixture(autouse=True)
def _threads_end_with_their_test() -> Iterator[None]:
    """Wait for the end of the threads that a test began, and fail the test where one goes on."""
    before = set(threading.enumerate())
    yield
    began = [thread for thread in threading.enumerate() if thread not in before and thread.name not in POOLED]
    until = time.monotonic() + END_SECONDS
    for thread in began:
        thread.join(max(0.0, until - time.monotonic()))
    assert [thread.name for thread in began if thread.is_alive()] == []
