"""Nodes as real processes: the embedded chain, and anvil where it is installed."""

from __future__ import annotations

import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from earnest.localnet.errors import RpcError
from tests.unit.localnet.calls import ChainCalls

ANVIL = Path(__file__).parents[3] / "contracts" / "node_modules" / "@foundry-rs" / "anvil-linux-amd64" / "bin" / "anvil"
START_SECONDS = 60.0
MINING_SECONDS = 10.0


@dataclass
class HttpCalls:
    """JSON-RPC over HTTP, with errors as `RpcError`."""

    url: str
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=60.0, trust_env=False))

    def request(self, method: str, params: list[Any]) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        response = self.http.post(self.url, json=body)
        assert response.status_code == 200, response.text
        answer = response.json()
        assert answer["id"] == 1
        if "error" in answer:
            error = answer["error"]
            raise RpcError(error["code"], error["message"], error.get("data"))
        return answer["result"]


@dataclass
class AnvilCalls(HttpCalls):
    """Anvil answers a sent tx before it has mined it; the tests mean what comes after."""

    automine: bool = True

    def request(self, method: str, params: list[Any]) -> Any:
        result = super().request(method, params)
        if method == "evm_setAutomine":
            self.automine = bool(params[0])
        if self.automine and method in ("eth_sendRawTransaction", "eth_sendTransaction"):
            deadline = time.monotonic() + MINING_SECONDS
            while super().request("eth_getTransactionReceipt", [result]) is None:
                assert time.monotonic() < deadline, f"anvil did not mine {result}"
                time.sleep(0.002)
        return result


@dataclass
class ChainProcess:
    """`python -m earnest.localnet` as a child, which listens when the constructor returns."""

    data_dir: Path
    arguments: tuple[str, ...] = ("--settle-seconds", "0")
    port: int = 0
    process: subprocess.Popen[str] = field(init=False)
    url: str = field(init=False)
    calls: ChainCalls = field(init=False)
    _http: HttpCalls = field(init=False)

    def __post_init__(self) -> None:
        self.process = start_chain("--data-dir", str(self.data_dir), "--port", str(self.port), *self.arguments)
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], START_SECONDS)
        line = self.process.stdout.readline() if ready else ""
        if not line.startswith("listening on "):
            self.kill()
            raise AssertionError(f"the chain did not start: {line!r}")
        self.url = line.split()[-1]
        self._http = HttpCalls(self.url)
        self.calls = ChainCalls(self._http.request)

    def kill(self) -> None:
        """End it as a power cut would (kill -9)."""
        self.process.kill()
        self._reap()

    def stop(self) -> int:
        """End it in good order; returns the exit status."""
        self.process.terminate()
        return self._reap()

    def _reap(self) -> int:
        status = self.process.wait(timeout=30)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        if hasattr(self, "_http"):
            self._http.http.close()
        return status


def start_chain(*arguments: str) -> subprocess.Popen[str]:
    """Start the chain's program without waiting for it."""
    command = [sys.executable, "-m", "earnest.localnet", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run_to_end(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the chain's program, which is expected to end by itself."""
    process = start_chain(*arguments)
    try:
        out, err = process.communicate(timeout=START_SECONDS)
    finally:
        process.kill()
        process.wait()
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def anvil() -> Iterator[ChainCalls]:
    """Anvil with the same depths: safe two, final four blocks deep."""
    if not ANVIL.exists():
        pytest.skip("MISSING: anvil (npm ci in contracts/ installs it)")
    port = free_port()
    command = [str(ANVIL), "--port", str(port), "--slots-in-an-epoch", "2", "--silent"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    http = AnvilCalls(f"http://127.0.0.1:{port}")
    try:
        _wait_for(http)
        yield ChainCalls(http.request)
    finally:
        http.http.close()
        process.kill()
        process.wait()


def _wait_for(http: HttpCalls) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            http.request("eth_chainId", [])
            return
        except httpx.TransportError:
            assert time.monotonic() < deadline, "anvil does not answer"
            time.sleep(0.02)
