"""Deploying over JSON-RPC to a real node."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from eth_account import Account

from earnest.escrow.artifact import load
from earnest.escrow.create2 import create2_address
from earnest.escrow.deploy import deploy
from earnest.escrow.errors import ChainMismatch, InsufficientFunds, NodeUnreachable

# The first of the accounts that anvil funds on every start; its key is in anvil's documentation.
ANVIL_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"


def test_deploy_and_find_again(anvil_url: str, tmp_path: Path) -> None:
    signer = Account.from_key(ANVIL_KEY)
    first = deploy(anvil_url, signer, 31337, lambda plan: plan.balance_wei > plan.cost_wei, tmp_path / "a")
    assert first.address == create2_address(load("Escrow").bytecode)
    assert deploy(anvil_url, signer, 31337, lambda _: False, tmp_path / "a") == first
    assert deploy(anvil_url, signer, 31337, lambda _: False, tmp_path / "b") == first


def test_deploy_stops_on_another_chain_or_without_money(anvil_url: str, tmp_path: Path) -> None:
    poor = Account.from_key("0x" + "71" * 32)
    with pytest.raises(ChainMismatch, match="the node is on chain 31337"):
        deploy(anvil_url, poor, 1, lambda _: True, tmp_path)
    with pytest.raises(InsufficientFunds):
        deploy(anvil_url, poor, 31337, lambda _: True, tmp_path)


def test_deploy_says_that_the_node_is_down(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(NodeUnreachable, match="check the address"):
            deploy(url, Account.from_key("0x" + "71" * 32), 1, lambda _: True, tmp_path)
