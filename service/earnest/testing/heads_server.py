"""A node's WebSocket door, for tests over real sockets: it tells of heads, or anything else, or nothing at all."""

from __future__ import annotations

import logging
from threading import Condition, Thread
from types import TracebackType
from typing import Final

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

from earnest.payment.primitives import Hash32
from earnest.testing.fake_heads import answer_to, head_message
from earnest.testing.fault_plans import FaultPlan
from earnest.testing.faulty_heads import heads_told

_SILENT: Final = logging.getLogger(f"{__name__}.library")
_SILENT.setLevel(logging.CRITICAL + 1)


class HeadsServer:
    """Listens on 127.0.0.1.

        with HeadsServer(chain_id=31337) as door:
            subscription = Subscription([door.url], chain_id=31337)

    Args:
        chain_id: what it says that it is on.
        refusal: what it answers to a subscription, if not with one.
        port: 0 picks a free one.
        plan: which faults befall what is told; none by default.
    """

    def __init__(
        self, chain_id: int, *, refusal: str | None = None, port: int = 0, plan: FaultPlan | None = None
    ) -> None:
        self.plan = plan or FaultPlan()
        self._chain_id, self._refusal = chain_id, refusal
        self._changed = Condition()
        self._open: list[ServerConnection] = []
        self.opened = 0
        """How many subscriptions were made so far."""
        self._server: Server = serve(
            self._attend, "127.0.0.1", port, ping_interval=None, close_timeout=0.2, logger=_SILENT
        )
        self.port: int = self._server.socket.getsockname()[1]
        self._thread = Thread(target=self._server.serve_forever, name="heads-server", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"ws://127.0.0.1:{self.port}"

    def tell(self, number: int, block_hash: Hash32) -> None:
        """Tell everyone who subscribed of a block, as the plan has it."""
        for told in heads_told(self.plan, number, block_hash):
            if told is None:
                self.kill()
            else:
                self.send(head_message(*told) if isinstance(told, tuple) else told)

    def send(self, message: str | bytes) -> None:
        """Send anything to everyone who subscribed."""
        for connection in self._listening():
            try:
                connection.send(message)
            except ConnectionClosed:
                continue

    def kill(self) -> None:
        """Close the sockets of all who subscribed, without a word."""
        for connection in self._listening():
            connection.close_socket()

    def wait_for(self, opened: int, seconds: float = 10.0) -> None:
        """Wait until so many subscriptions were made; raises `TimeoutError`."""
        with self._changed:
            if not self._changed.wait_for(lambda: self.opened >= opened, seconds):
                raise TimeoutError(f"{self.opened} subscriptions were made in {seconds:g} s")

    def close(self) -> None:
        """Stop listening."""
        self.kill()
        self._server.shutdown()
        self._thread.join(5)

    def __enter__(self) -> HeadsServer:
        """Return itself; it listens already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening."""
        self.close()

    def _listening(self) -> list[ServerConnection]:
        with self._changed:
            return list(self._open)

    def _attend(self, connection: ServerConnection) -> None:
        try:
            for question in connection:
                connection.send(answer_to(str(question), self._chain_id, self._refusal))
                if "eth_subscribe" in str(question):
                    with self._changed:
                        self._open.append(connection)
                        self.opened += 1
                        self._changed.notify_all()
        except ConnectionClosed:
            pass
        finally:
            with self._changed:
                if connection in self._open:
                    self._open.remove(connection)
