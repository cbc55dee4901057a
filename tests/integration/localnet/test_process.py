"""One owner, one port, and clear words when something is in the way."""

from __future__ import annotations

import os
import socket
import sqlite3
import threading
from pathlib import Path

import httpx
import pytest

from earnest.localnet.errors import ChainInUse, PortInUse
from earnest.localnet.inprocess import EmbeddedChain
from earnest.localnet.server import ChainServer, run_chain
from tests.integration.localnet.nodes import ChainProcess, free_port, run_to_end


def test_a_second_owner_is_refused_with_the_file_and_the_first_ones_pid(embedded_process: ChainProcess) -> None:
    folder = embedded_process.data_dir
    done = run_to_end("--data-dir", str(folder), "--port", "0")
    assert done.returncode == 1
    assert f"{folder / 'chain.db'} is in use by process {embedded_process.process.pid}" in done.stderr
    assert "Traceback" not in done.stderr
    with pytest.raises(ChainInUse) as caught:
        EmbeddedChain(folder / "chain.db")
    assert caught.value.pid == embedded_process.process.pid
    assert embedded_process.calls.height() >= 1


def test_a_port_in_use_is_named_and_the_file_left_alone(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run_to_end("--data-dir", str(tmp_path), "--port", str(port))
    assert done.returncode == 1
    assert f"port {port} on 127.0.0.1 is in use" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_file_of_another_program_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "chain.db") as other:
        other.execute("CREATE TABLE theirs (x)")
    other.close()
    done = run_to_end("--data-dir", str(tmp_path), "--port", "0")
    assert (done.returncode, "another program's database" in done.stderr) == (1, True)
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="MISSING: /proc, a folder nobody can write to")
def test_a_folder_that_cannot_be_written_is_refused() -> None:
    done = run_to_end("--data-dir", "/proc/earnest", "--port", "0")
    assert done.returncode == 1
    assert "cannot use /proc/earnest/chain.db" in done.stderr
    assert "Traceback" not in done.stderr


def test_two_threads_of_one_process_cannot_own_one_file(tmp_path: Path) -> None:
    with EmbeddedChain(tmp_path / "chain.db", test_tokens=False), pytest.raises(ChainInUse) as caught:
        EmbeddedChain(tmp_path / "chain.db", test_tokens=False)
    assert caught.value.pid == os.getpid()
    EmbeddedChain(tmp_path / "chain.db", test_tokens=False).close()


def test_the_port_is_free_again_after_closing(tmp_path: Path) -> None:
    port = free_port()
    for _ in range(2):
        with ChainServer(tmp_path, port=port, test_tokens=False) as server:
            assert server.url == f"http://127.0.0.1:{port}"
            with pytest.raises(PortInUse):
                ChainServer(None, port=port)


def test_run_chain_says_when_it_is_ready_and_ends_when_told(tmp_path: Path) -> None:
    port, ready, stop = free_port(), threading.Event(), threading.Event()
    arguments = {"port": port, "test_tokens": False, "ready": ready.set, "stop": stop}
    thread = threading.Thread(target=run_chain, args=(tmp_path,), kwargs=arguments)
    thread.start()
    assert ready.wait(30)
    body = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber"}
    assert httpx.post(f"http://127.0.0.1:{port}", json=body, trust_env=False).json()["result"] == "0x0"
    stop.set()
    thread.join(30)
    assert not thread.is_alive()
