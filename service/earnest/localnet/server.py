"""The embedded chain as a process: owner of its file, JSON-RPC over HTTP, until it is told to stop."""

import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from earnest.localnet.http import ChainHttpServer
from earnest.localnet.inprocess import CHAIN_FILE, EmbeddedChain

DEFAULT_PORT = 8545
"""Where wallets and tools look for a development chain."""
_SHUTDOWN_POLL_SECONDS = 0.05


class ChainServer:
    """A chain in `<data_dir>/chain.db` (None: in memory), served on `host:port` as long as the context is open.

    The port is taken first: a server that cannot listen must not touch the file.
    Raises `PortInUse`, `ChainInUse`, `ChainFileUnusable` or `LocalExtraMissing`.
    """

    def __init__(
        self,
        data_dir: Path | None,
        host: str = "127.0.0.1",
        port: int = DEFAULT_PORT,
        *,
        settle_seconds: float | None = 1.0,
        test_tokens: bool = True,
    ) -> None:
        self._http = ChainHttpServer(host, port, self._request)
        try:
            path = None if data_dir is None else data_dir / CHAIN_FILE
            self.chain = EmbeddedChain(path, settle_seconds=settle_seconds, test_tokens=test_tokens)
        except BaseException:
            self._http.server_close()
            raise
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(_SHUTDOWN_POLL_SECONDS,), name="earnest-chain-http", daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens, with the port it got."""
        return self._http.url

    def _request(self, method: str, params: list[Any]) -> Any:
        return self.chain.request(method, params)

    def close(self) -> None:
        """Stop listening, finish what was asked, close the file."""
        self._http.shutdown()
        self._thread.join()
        self.chain.close()
        self._http.server_close()

    def __enter__(self) -> "ChainServer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def run_chain(
    data_dir: Path,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    *,
    settle_seconds: float | None = 1.0,
    test_tokens: bool = True,
    ready: Callable[[], None] | None = None,
    stop: threading.Event | None = None,
) -> None:
    """Serve the chain in `<data_dir>/chain.db` until `stop` is set, calling `ready` once it listens.

    `settle_seconds` is the pace of the empty blocks that bring the newest tx to finality; None mines none.
    Raises `PortInUse`, `ChainInUse`, `ChainFileUnusable` or `LocalExtraMissing`.
    """
    stop = stop or threading.Event()
    with ChainServer(data_dir, host, port, settle_seconds=settle_seconds, test_tokens=test_tokens):
        if ready is not None:
            ready()
        stop.wait()
