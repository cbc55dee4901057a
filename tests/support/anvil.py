"""A real anvil for the tests that must hold on any node, not on our embedded chain alone."""

from __future__ import annotations

import platform
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from earnest.testing.processes import free_port

START_SECONDS = 20.0
MODULES = Path(__file__).parents[2] / "contracts" / "node_modules" / "@foundry-rs"


def find_anvil() -> Path | None:
    """Return the native program; the shims in node_modules/.bin always end with status 0, whatever happened."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    program = MODULES / f"anvil-{platform.system().lower()}-{machine}" / "bin" / "anvil"
    return program if program.exists() else None


@contextmanager
def running_anvil(program: Path, *options: str) -> Generator[str]:
    """Run a fresh chain of anvil's on a free port and give its URL; two blocks make an epoch, so finality is near."""
    port = free_port()
    command = [str(program), "--port", str(port), "--silent", "--slots-in-an-epoch", "2", "--hardfork", "prague"]
    command += options
    with subprocess.Popen(command) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(url, process)
            yield url
        finally:
            process.terminate()


@pytest.fixture
def anvil_url() -> Generator[str]:
    """The URL of an anvil that is this test's alone."""
    program = find_anvil()
    if program is None:
        pytest.skip("MISSING: anvil (npm ci in contracts/)")
    with running_anvil(program) as url:
        yield url


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    ask = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            httpx.post(url, json=ask, trust_env=False).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("anvil did not start")
