"""The embedded chain inside this process: one worker thread owns it, any thread may ask it."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from earnest.localnet.errors import ConnectionDropped, LocalnetError
from earnest.localnet.extra import require_local_extra
from earnest.localnet.faults import METHOD as FAULTS_METHOD
from earnest.localnet.faults import Faults
from earnest.localnet.lock import FileLock

if TYPE_CHECKING:
    from earnest.localnet.node import Node

CHAIN_FILE = "chain.db"

_STACK_BYTES = 64 * 1024 * 1024
"""For the worker: the EVM nests calls up to 1024 deep, and each is several Python frames."""

_Job = tuple[Callable[["Node"], Any], "Future[Any]"]


class EmbeddedChain:
    """A chain in `<path>`, or in memory only if `path` is None.

    `settle_seconds` is the pace of the empty blocks that bring the newest tx to finality; None mines none, which
    is what tests that count blocks want. `test_tokens` puts the test tokens into a fresh chain.
    Raises `ChainInUse`, `ChainFileUnusable` or `LocalExtraMissing`.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        settle_seconds: float | None = None,
        test_tokens: bool = True,
    ) -> None:
        require_local_extra()
        self._path = path
        self._settle_seconds = settle_seconds
        self._test_tokens = test_tokens
        self._faults = Faults()
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closed = False
        self._lock = FileLock(path) if path is not None else None
        if self._lock is not None:
            self._lock.acquire()
        self._thread = self._start()

    def request(self, method: str, params: list[Any] | tuple[Any, ...] = ()) -> Any:
        """Answer one JSON-RPC call. Raises `RpcError`, or `ConnectionDropped` if that fault was ordered."""
        if method == FAULTS_METHOD:
            return self._faults.order(list(params))
        lose_answer = self._faults.before(method)
        result = self._run(lambda node: _answer(node, method, list(params)))
        if lose_answer:
            raise ConnectionDropped(f"injected fault: the answer to {method} was lost")
        return result

    def close(self) -> None:
        """End the worker, close the file and give up its lock. What waits unmined is gone."""
        self._closed = True
        self._jobs.put(None)
        self._thread.join()
        self._refuse_rest()
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> "EmbeddedChain":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, task: Callable[["Node"], Any]) -> Any:
        if self._closed:
            raise LocalnetError("the embedded chain is closed")
        future: Future[Any] = Future()
        self._jobs.put((task, future))
        if not self._thread.is_alive():
            self._refuse_rest()
        return future.result()

    def _start(self) -> threading.Thread:
        opened: Future[None] = Future()
        previous = threading.stack_size(_STACK_BYTES)
        try:
            thread = threading.Thread(target=self._work, args=(opened,), name="earnest-chain", daemon=True)
            thread.start()
        finally:
            threading.stack_size(previous)
        try:
            opened.result()
        except BaseException:
            if self._lock is not None:
                self._lock.release()
            raise
        return thread

    def _work(self, opened: "Future[None]") -> None:
        try:
            node = _open_node(self._path, self._settle_seconds, self._test_tokens)
        except BaseException as error:
            opened.set_exception(error)
            return
        opened.set_result(None)
        try:
            while self._serve_one(node):
                node.tick()
        finally:
            # Whatever ended the loop, nobody may wait for ever, and a chain that cannot mine takes no more jobs.
            self._closed = True
            node.close()
            self._refuse_rest()

    def _serve_one(self, node: "Node") -> bool:
        """Run the next job, or none if the node has something to do first. False when there is to be no other."""
        try:
            job = self._jobs.get(timeout=node.seconds_until_tick())
        except queue.Empty:
            return True
        if job is None:
            return False
        task, future = job
        try:
            future.set_result(task(node))
        except BaseException as error:
            future.set_exception(error)
        return True

    def _refuse_rest(self) -> None:
        while not self._jobs.empty():
            job = self._jobs.get()
            if job is not None:
                job[1].set_exception(LocalnetError("the embedded chain is closed"))


def _open_node(path: Path | None, settle_seconds: float | None, test_tokens: bool) -> "Node":
    # py-evm takes a second to import, so only the thread that runs it does.
    from earnest.localnet.fresh import open_node  # noqa: PLC0415

    return open_node(path, settle_seconds, test_tokens)


def _answer(node: "Node", method: str, params: list[Any]) -> Any:
    from earnest.localnet.rpc import answer  # noqa: PLC0415 (loaded with the node)

    return answer(node, method, params)
