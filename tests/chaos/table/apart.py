"""The table's node and its faulty proxy in processes of their own, as real ones are: else they take our own time."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from time import sleep
from typing import Any

from earnest.testing.fault_plans import Fault, FaultKind, FaultPlan
from earnest.testing.faulty_proxy import FaultyProxy
from tests.chaos.table.node import Scene, served

# A scene cannot be sent to another process, but what is forked has it.
_FORKING = multiprocessing.get_context("fork")
Deeds = dict[str, Callable[..., Any]]


class _Process:
    """A process that listens at `url`, and does what it is told by name."""

    def __init__(self, listen: Callable[[Callable[[str, Deeds], None]], None]) -> None:
        self._ours, theirs = _FORKING.Pipe()
        self._lock = threading.Lock()
        self._process = _FORKING.Process(target=_live, args=(listen, self._ours, theirs), daemon=True)
        self._process.start()
        theirs.close()
        self.url: str = self._ours.recv()

    def tell(self, name: str, *arguments: Any) -> Any:
        """Have it do something, and return what comes of it."""
        with self._lock:
            self._ours.send((name, arguments))
            return self._ours.recv()

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self._ours.close()


def _live(listen: Callable[[Callable[[str, Deeds], None]], None], ours: Connection, theirs: Connection) -> None:
    """Be the other process, until nobody is at the other end any more."""
    ours.close()

    def obey(url: str, deeds: Deeds) -> None:
        theirs.send(url)
        while True:
            name, arguments = theirs.recv()
            theirs.send(deeds[name](*arguments))

    with suppress(EOFError):
        listen(obey)


@dataclass(frozen=True)
class NodeApart:
    """Serves a scene's chain; what happens to the scene from here on has to happen by way of this."""

    scene: Scene
    process: _Process

    @property
    def url(self) -> str:
        """Where it listens."""
        return self.process.url

    def reorg(self, depth: int, length: int) -> None:
        """Drop blocks and mine others, here and there: the same, since both have the same luck."""
        self.scene.reorg(depth, length)
        assert self.process.tell("reorg", depth, length) == self.scene.chain.head.hash


@contextmanager
def served_apart(scene: Scene) -> Iterator[NodeApart]:
    """Serve a scene as it is now."""

    def listen(obey: Callable[[str, Deeds], None]) -> None:
        def reorg(depth: int, length: int) -> str:
            scene.reorg(depth, length)
            return scene.chain.head.hash

        with served(scene) as url:
            obey(url, {"reorg": reorg})

    process = _Process(listen)
    try:
        yield NodeApart(scene, process)
    finally:
        process.end()


@dataclass(frozen=True)
class ProxyApart:
    """A `FaultyProxy`."""

    process: _Process

    @property
    def url(self) -> str:
        """Where it listens."""
        return self.process.url

    @property
    def requests(self) -> int:
        """How many requests came so far."""
        told: int = self.process.tell("requests")
        return told

    def happened(self, kind: FaultKind | None = None) -> int:
        """Return how many faults there were so far, of one kind or of all."""
        told: int = self.process.tell("happened", kind)
        return told

    def drop_all(self, seconds: float) -> None:
        """Let nothing answer for a while."""
        self.process.tell("drop_all", seconds)


@contextmanager
def faulty_apart(upstream: str, faults: Sequence[Fault], seed: int) -> Iterator[ProxyApart]:
    """Put a faulty proxy before a node."""

    def listen(obey: Callable[[str, Deeds], None]) -> None:
        with FaultyProxy(upstream, FaultPlan(faults, seed=seed)) as proxy:
            proxy.keeps_calls = False

            def drop_all(seconds: float) -> None:
                with proxy.plan.also(Fault(FaultKind.DROP)):
                    sleep(seconds)

            def happened(kind: FaultKind | None) -> int:
                return proxy.plan.happened.total() if kind is None else proxy.plan.happened[kind]

            obey(proxy.url, {"requests": lambda: proxy.requests, "happened": happened, "drop_all": drop_all})

    process = _Process(listen)
    try:
        yield ProxyApart(process)
    finally:
        process.end()
