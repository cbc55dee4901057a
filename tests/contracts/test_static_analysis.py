"""Slither itself, on a project of one small contract: that the analysis can fail at all."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from deploy.tools.node import CONTRACTS
from deploy.tools.proofs import set_up_proofs
from deploy.tools.slither import SlitherFailed, analyse

PLANTED = """// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

contract Planted {
    address private immutable OWNER = msg.sender;

    receive() external payable {}

    // slither-disable-next-line reentrancy-eth
    function take(address payable thief) external {
        require(tx.origin == OWNER);
        (bool sent,) = thief.call{value: address(this).balance}("");
        require(sent);
    }
}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    shutil.copytree(CONTRACTS / "tools", tmp_path / "tools")
    for name in ("foundry.toml", "slither.config.json"):
        shutil.copy(CONTRACTS / name, tmp_path)
    (tmp_path / "node_modules").symlink_to(CONTRACTS / "node_modules")
    return tmp_path


def test_a_planted_finding_and_an_idle_switch_are_found(project: Path) -> None:
    (project / "src" / "Planted.sol").write_text(PLANTED)
    found = {(finding.detector, finding.where) for finding in analyse(set_up_proofs("slither"), project)}
    assert ("tx-origin", "src/Planted.sol:10") in found
    assert ("unused-ignore-directive", "src/Planted.sol:9") in found


def test_sources_that_do_not_compile_are_no_clean_bill(project: Path) -> None:
    (project / "src" / "Planted.sol").write_text(PLANTED.replace("OWNER);", "owner);"))
    with pytest.raises(SlitherFailed, match="do not compile"):
        analyse(set_up_proofs("slither"), project)
