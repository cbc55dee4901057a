"""The local stack on a machine where something runs already."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from earnest.testing.processes import ChildFailed
from earnest.testing.stack import LocalStack


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_stack_never_takes_a_stranger_for_its_chain(tmp_path: Path, taken_port: int) -> None:
    with pytest.raises(ChildFailed, match=f"port {taken_port} is in use.*--chain-port"):
        LocalStack(tmp_path, chain_port=taken_port).start()


def test_stack_never_takes_a_stranger_for_its_service(tmp_path: Path, taken_port: int) -> None:
    with pytest.raises(ChildFailed, match=f"port {taken_port} is in use.*--api-port"):
        LocalStack(tmp_path, api_port=taken_port).start_service()


def test_stack_says_which_of_its_processes_ended(tmp_path: Path) -> None:
    stack = LocalStack(tmp_path)
    with pytest.raises(ChildFailed, match="the chain ended"):
        stack.check_running()
