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


class NodeTurns:
    """Counts the requests that ask a node now, apart for those without a key and those with one; of one event loop.

    Args:
        public: how many without a key at once.
        keyed: how many with one.
    """

    def __init__(self, public: int = PUBLIC_TURNS, keyed: int = KEYED_TURNS) -> None:
        self._most, self._taken = {True: public, False: keyed}, Counter[bool]()

    async def run(self, work: Coroutine[Any, Any, T], *, is_public: bool, seconds: float | None) -> T:
        """Do the work when there is a turn for it now.

        A turn lasts as long as the work's thread does, also when nobody waits for it any more: no thread can be ended
        from outside, and one that still hangs must still count.

        Args:
            work: the rest of the request.
            is_public: whether it came without a key.
            seconds: how long it is waited for; None: to its end, as where it does something that must be answered.

        Raises:
            NodeBusy: there is no turn.
            NodeTooSlow: it took longer.
        """
        if self._taken[is_public] >= self._most[is_public]:
            work.close()
            raise NodeBusy()
        self._taken[is_public] += 1
        task = asyncio.ensure_future(work)
        task.add_done_callback(lambda done: self._end(done, is_public=is_public))
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if not done:
            raise NodeTooSlow(seconds or 0)
        return task.result()

    def _end(self, task: asyncio.Task[Any], *, is_public: bool) -> None:
        self._taken[is_public] -= 1
        if not task.cancelled():
            task.exception()  # looked at, so that nobody complains about it where nobody waits any more
