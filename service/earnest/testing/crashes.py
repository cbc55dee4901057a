"""Crashes on order, at the ports: a process that ends between any two steps, inside one process.

    points = CrashPoints(seed=7, probability=0.01)
    store = CrashingStore(url, points)
    try:
        Follower(CrashingNode(node, points), ChainMirror(store, ...), ...).step()
    except Crash:
        points.revive()  # and build everything anew, as a restart does

Whoever was killed does nothing more: after a crash every point crashes again, until `revive`.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from earnest.chain.node import Call, Node
from earnest.store.engine import parse_url
from earnest.store.store import Store, Transaction


class Crash(BaseException):
    """The process ended here, as by kill -9. No handler of ours may catch it, so it is no `Exception`."""

    def __init__(self, point: str) -> None:
        super().__init__(point)
        self.point = point


class CrashPoints:
    """Named points at which the process may end; safe to use from many threads.

    Whether it ends at a point depends on the seed, the point's name, and how often it was reached before.

    Args:
        seed: another one gives other moments.
        probability: of a crash each time that any point is reached.
        at: crashes on order: at the point of this name, the time that it is reached (counted from 1).
    """

    def __init__(self, *, seed: int = 0, probability: float = 0.0, at: Mapping[str, int] | None = None) -> None:
        self._lock = threading.Lock()
        self._seed, self._at = seed, dict(at or {})
        self.probability = probability
        """May be changed at any time; 0 ends the crashes that come by chance."""
        self.reached: Counter[str] = Counter()
        """How often each point was reached."""
        self.crashes: list[str] = []
        """At which points the process ended, in order."""
        self._dead = False

    def reach(self, name: str) -> None:
        """Say that the process is at this point; raises `Crash` if it ends there."""
        with self._lock:
            if not self._dead:
                self.reached[name] += 1
                if not self._ends_at(name):
                    return
                self._dead = True
                self.crashes.append(name)
        raise Crash(name)

    def revive(self) -> None:
        """Be another process: what follows is not dead any more."""
        with self._lock:
            self._dead = False

    def _ends_at(self, name: str) -> bool:
        times = self.reached[name]
        if self._at.get(name) == times:
            return True
        digest = hashlib.blake2b(f"{self._seed}:{name}:{times}".encode(), digest_size=8).digest()
        return int.from_bytes(digest) / 2**64 < self.probability


class CrashingStore(Store):
    """A store whose process may end before or after any commit (`<name>.commit.before`, `.after`), or before a read.

    Args:
        url: as for `earnest.store.open_store`.
        points: where it may end.
        name: of the points, so that several users of one database can be told apart.
    """

    def __init__(self, url: str, points: CrashPoints, name: str = "store") -> None:
        super().__init__(parse_url(url))
        self.points, self._point = points, name

    def transaction(self, *args: Any, **kwargs: Any) -> AbstractContextManager[Transaction]:
        """Open a unit of work that writes."""
        return self._may_crash(lambda: super(CrashingStore, self).transaction(*args, **kwargs))

    def read(self, *args: Any, **kwargs: Any) -> AbstractContextManager[Transaction]:
        """Open a unit of work that only reads."""
        self.points.reach(f"{self._point}.read")
        return super().read(*args, **kwargs)

    @contextmanager
    def _may_crash(self, begin: Callable[[], AbstractContextManager[Transaction]]) -> Iterator[Transaction]:
        with begin() as tx:
            yield tx
            self.points.reach(f"{self._point}.commit.before")
        self.points.reach(f"{self._point}.commit.after")


class CrashingNode(Node):
    """A node whose caller may end before or after any request (`<name>.<method>.before`, `.after`)."""

    def __init__(self, node: Node, points: CrashPoints, name: str = "node") -> None:
        self.endpoint = node.endpoint
        self._node, self._points, self._point = node, points, name

    def call(self, method: str, params: Sequence[Any] = (), into: Any = Any) -> Any:
        """Ask one thing."""
        self._points.reach(f"{self._point}.{method}.before")
        result = self._node.call(method, params, into)
        self._points.reach(f"{self._point}.{method}.after")
        return result

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        """Ask many things at once."""
        self._points.reach(f"{self._point}.batch.before")
        results = self._node.batch(calls)
        self._points.reach(f"{self._point}.batch.after")
        return results


class _Posts(Protocol):
    def post(self, url: str, headers: dict[str, str], body: bytes, now: int) -> Any: ...


class CrashingPosts:
    """Whoever posts webhooks, in a process that may end before or after any post (`post.before`, `post.after`).

    Stands at the port `earnest.webhooks.deliver.Posts`.
    """

    def __init__(self, posts: _Posts, points: CrashPoints) -> None:
        self._posts, self._points = posts, points

    def post(self, url: str, headers: dict[str, str], body: bytes, now: int) -> Any:
        """Make one try."""
        self._points.reach("post.before")
        answer = self._posts.post(url, headers, body, now)
        self._points.reach("post.after")
        return answer
