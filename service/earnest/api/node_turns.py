"""How many requests may wait for a node at once, and for how long: one that hangs takes nothing else down."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from earnest.api.errors import NodeBusy, NodeTooSlow

T = TypeVar("T")

PUBLIC_TURNS: Final = 8
KEYED_TURNS: Final = 16
"""The framework has 40 threads for all requests. With these two taken by a node that hangs, 16 are left for what asks
the database alone; and strangers, who need no key, can't take the merchants' turns."""

IN_LINE_SECONDS: Final = 2.0
"""How long a request waits for a turn, without a thread: a node that is well has turns again within tenths of a second,
and whoever sends fifty requests at once should not be told to come back. One that hangs refuses them soon enough."""
IN_LINE: Final = 200
"""No more wait for a turn of either kind; each costs some kilobytes."""


class NodeTurns:
    """Counts the requests that ask a node now, apart for those without a key and those with one; of one event loop.

    Args:
        public: how many without a key at once.
        keyed: how many with one.
    """

    def __init__(self, public: int = PUBLIC_TURNS, keyed: int = KEYED_TURNS) -> None:
        self._turns = {True: asyncio.Semaphore(public), False: asyncio.Semaphore(keyed)}
        self._in_line = Counter[bool]()

    async def run(self, work: Coroutine[Any, Any, T], *, is_public: bool, seconds: float | None) -> T:
        """Do the work when there is a turn for it, now or in a moment.

        A turn lasts as long as the work's thread does, also when nobody waits for it any more: no thread can be ended
        from outside, and one that still hangs must still count.

        Args:
            work: the rest of the request.
            is_public: whether it came without a key.
            seconds: how long it is waited for; None: to its end, as where it does something that must be answered.

        Raises:
            NodeBusy: there was no turn in time.
            NodeTooSlow: it took longer.
        """
        try:
            await self._wait(is_public)
        except BaseException:
            work.close()
            raise
        task = asyncio.ensure_future(work)
        task.add_done_callback(lambda done: self._end(done, is_public=is_public))
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if not done:
            raise NodeTooSlow(seconds or 0)
        return task.result()

    async def _wait(self, is_public: bool) -> None:
        if self._in_line[is_public] >= IN_LINE:
            raise NodeBusy()
        self._in_line[is_public] += 1
        try:
            await asyncio.wait_for(self._turns[is_public].acquire(), IN_LINE_SECONDS)
        except TimeoutError:
            raise NodeBusy() from None
        finally:
            self._in_line[is_public] -= 1

    def _end(self, task: asyncio.Task[Any], *, is_public: bool) -> None:
        self._turns[is_public].release()
        if not task.cancelled():
            task.exception()  # looked at, so that nobody complains about it where nobody waits any more
