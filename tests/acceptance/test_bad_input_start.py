"""Ports and files that others have: `earnest` refuses to start, says what to do, and disturbs nobody."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.bad_input import Shop, earnest, good_settings


@pytest.fixture
def busy_port() -> Iterator[int]:
    """A port of the loopback address on which somebody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.mark.parametrize("command", ["serve", "chain"])
def test_a_port_in_use_is_told_before_any_file_is_touched(tmp_path: Path, busy_port: int, command: str) -> None:
    settings = good_settings(tmp_path)
    before = sorted(tmp_path.iterdir())
    said = earnest(command, "--port", str(busy_port), env=settings)
    said.refuses(1, f"port {busy_port} on 127.0.0.1 is in use", "another with --port")
    assert sorted(tmp_path.iterdir()) == before


def test_a_second_serve_on_one_file_points_to_postgresql(shop: Shop, tmp_path: Path) -> None:
    folder = shop.stack.data_dir
    taken = {"EARNEST_DATA_DIR": str(folder), "EARNEST_RPC_URL": shop.stack.node_url}
    said = earnest("serve", env=good_settings(tmp_path) | taken)
    said.refuses(1, f"another process already works on {folder / 'earnest.db'}", "stop that one, or use PostgreSQL")


def test_a_second_chain_on_one_file_names_the_first(shop: Shop) -> None:
    assert shop.stack.chain is not None
    said = earnest("chain", "--port", "0", "--data-dir", str(shop.stack.data_dir))
    said.refuses(1, f"{shop.stack.data_dir / 'chain.db'} is in use by process {shop.stack.chain.pid}", "stop that one")


def test_send_without_a_key_names_what_is_missing_before_any_file_is_touched(tmp_path: Path) -> None:
    settings = {name: value for name, value in good_settings(tmp_path).items() if "OPERATOR" not in name}
    before = sorted(tmp_path.iterdir())
    said = earnest("send", env=settings)
    said.refuses(1, "no operator's key is set", "EARNEST_OPERATOR_KEYSTORE")
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("command", ["follow", "deliver"])
def test_one_job_alone_points_to_postgresql_where_serve_has_the_file(shop: Shop, tmp_path: Path, command: str) -> None:
    folder = shop.stack.data_dir
    taken = {"EARNEST_DATA_DIR": str(folder), "EARNEST_RPC_URL": shop.stack.node_url}
    said = earnest(command, env=good_settings(tmp_path) | taken)
    said.refuses(1, f"another process already works on {folder / 'earnest.db'}", "stop that one, or use PostgreSQL")
