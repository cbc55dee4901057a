"""Two who deploy to one chain at once: the address is the same for both, and only one tx makes the contract."""

from __future__ import annotations

from pathlib import Path

from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3.types import Wei

from earnest.escrow.deploy import DeployPlan, deploy
from earnest.escrow.deployment import load_deployment
from tests.unit.escrow.test_deploy import COIN, SIGNER, Person, new_chain

OTHER: LocalAccount = Account.from_key("0x" + "52" * 32)


def test_whoever_comes_second_records_the_block_in_which_the_escrow_really_appeared(tmp_path: Path) -> None:
    """Its own tx reverts, in a later block; logs that are read only from there on miss the payments before it."""
    chain = new_chain()
    chain.eth.send_transaction({"from": chain.eth.accounts[0], "to": OTHER.address, "value": Wei(COIN)})

    def overtaken(_plan: DeployPlan) -> bool:
        deploy(chain, OTHER, chain.eth.chain_id, Person(), tmp_path / "first")
        chain.provider.ethereum_tester.mine_blocks(3)  # type: ignore[attr-defined]
        return True

    second = deploy(chain, SIGNER, chain.eth.chain_id, overtaken, tmp_path / "second")
    first = load_deployment(tmp_path / "first", chain.eth.chain_id)
    assert first is not None
    assert second == first
    assert load_deployment(tmp_path / "second", chain.eth.chain_id) == first
    assert not list((tmp_path / "second").glob(".*sent*"))
