"""Deploying the escrow: once a chain, at the same address on all of them, and never paid for twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from eth_account.signers.local import LocalAccount
from web3 import Web3

from earnest.escrow.artifact import Artifact, load
from earnest.escrow.create2 import (
    PROXY,
    PROXY_RAW_TX,
    PROXY_RUNTIME,
    PROXY_TX_SENDER,
    SALT,
    create2_address,
    create_address,
)
from earnest.escrow.deployment import (
    Deployment,
    Method,
    SentDeployment,
    forget_sent,
    load_deployment,
    load_sent,
    save_deployment,
    save_sent,
)
from earnest.escrow.errors import (
    ChainMismatch,
    DeploymentFailed,
    DeploymentRefused,
    InsufficientFunds,
)
from earnest.escrow.node import Fees, Mined, Node, Refused
from earnest.escrow.plan import TRANSFER_GAS, DeployPlan, Planner, proxy_funding
from earnest.escrow.verify import check_code, find_creation, verify_deployment
from earnest.payment.primitives import Address, Hash32, hash32, keccak, parse_address, to_bytes

_MINE_TIMEOUT_SECONDS = 300.0
__all__ = ["Confirm", "DeployPlan", "deploy"]

Confirm = Callable[[DeployPlan], bool]


def deploy(
    node: str | Web3,
    signer: LocalAccount,
    expected_chain_id: int,
    confirm: Confirm,
    deployments_dir: Path,
    *,
    mine_timeout_seconds: float = _MINE_TIMEOUT_SECONDS,
) -> Deployment:
    """Deploy the escrow, or find it where it already is; run it as often as you like.

    What is recorded is verified; what stands at the deterministic address is recorded; what an earlier run sent and
    did not see through is waited for. Only otherwise `confirm` is asked and money is spent.

    Args:
        node: an RPC address, or a Web3 of a chain in this process.
        signer: pays and signs.
        expected_chain_id: the chain that is meant; nothing happens on another one.
        confirm: is shown the plan; returns whether to go ahead.
        deployments_dir: where `<chain id>.json` is.

    Raises:
        ChainMismatch, InsufficientFunds, DeploymentRefused: nothing was sent.
        NothingAtAddress, CodeMismatch, AnotherGenesis: what is recorded is not what the chain has.
        DeploymentFailed, NodeUnreachable: run it again; it goes on where it stopped.
        DeploymentRecordBroken: a file in `deployments_dir` cannot be read.
    """
    return _Deployer(Node(node), signer, expected_chain_id, deployments_dir, mine_timeout_seconds).run(confirm)


class _Deployer:
    def __init__(
        self, node: Node, signer: LocalAccount, expected_chain_id: int, deployments_dir: Path, mine_timeout: float
    ) -> None:
        self._node, self._signer, self._dir, self._mine_timeout = node, signer, deployments_dir, mine_timeout
        self._payer = parse_address(signer.address)
        self._artifact: Artifact = load("Escrow")
        self._chain_id = node.chain_id()
        if self._chain_id != expected_chain_id:
            raise ChainMismatch(expected_chain_id, self._chain_id)
        self._genesis, _ = node.block(0)

    def run(self, confirm: Confirm) -> Deployment:
        recorded = load_deployment(self._dir, self._chain_id)
        if recorded is not None:
            verify_deployment(self._node, recorded, self._dir)
            return recorded
        return self._taken_up() or self._found() or self._deployed(confirm)

    def _taken_up(self) -> Deployment | None:
        """Finish what an earlier run signed: the same bytes again, never a second tx beside them."""
        sent = load_sent(self._dir, self._chain_id)
        if sent is None:
            return None
        if sent.genesis_hash == self._genesis and sent.artifact_hash == self._artifact.bytecode_hash:
            mined = self._node.mined(sent.tx_hash) or self._send_again(sent)
            if mined is not None and mined.succeeded:
                return self._record(sent, mined)
        forget_sent(self._dir, self._chain_id)
        return None

    def _send_again(self, sent: SentDeployment) -> Mined | None:
        try:
            self._node.send(sent.raw_tx)
        except Refused:
            # It was mined meanwhile, or its nonce was used otherwise, and then it never will be.
            return self._node.mined(sent.tx_hash)
        return self._wait(sent.tx_hash)

    def _found(self) -> Deployment | None:
        """Record an escrow that stands at the deterministic address already, whoever put it there."""
        address = create2_address(self._artifact.bytecode)
        code = self._node.code(address)
        if not code:
            return None
        check_code(self._artifact, address, self._chain_id, code)
        creation = find_creation(self._node, address, to_bytes(SALT) + self._artifact.bytecode)
        deployment = Deployment(
            chain_id=self._chain_id,
            genesis_hash=self._genesis,
            address=address,
            method=Method.CREATE2,
            salt=SALT,
            constructor_args=(),
            artifact_hash=self._artifact.bytecode_hash,
            tx_hash=creation.tx_hash,
            block_number=creation.block_number,
            block_hash=creation.block_hash,
            deployer=creation.deployer,
        )
        save_deployment(self._dir, deployment)
        return deployment

    def _deployed(self, confirm: Confirm) -> Deployment:
        fees = self._node.fees()
        plan = Planner(self._node, self._payer, self._chain_id, self._artifact).plan(fees)
        if plan.balance_wei < plan.cost_wei:
            raise InsufficientFunds(self._payer, plan.balance_wei, plan.cost_wei)
        if not confirm(plan):
            raise DeploymentRefused
        if plan.deploys_proxy:
            self._deploy_proxy(fees)
        sent = self._sign(plan, fees)
        save_sent(self._dir, sent)
        self._send(sent.raw_tx)
        return self._record(sent, self._wait(sent.tx_hash))

    # -------------------------------------------------------------------------------------------------------- sending

    def _deploy_proxy(self, fees: Fees) -> None:
        funding = proxy_funding(self._node)
        if funding:
            raw_tx, tx_hash = self._signed(PROXY_TX_SENDER, b"", funding, TRANSFER_GAS, fees)
            self._send(raw_tx)
            self._wait(tx_hash)
        if self._node.code(PROXY) != PROXY_RUNTIME:
            self._send(PROXY_RAW_TX)
            self._wait(hash32(keccak(bytes.fromhex(PROXY_RAW_TX[2:]))))
        if self._node.code(PROXY) != PROXY_RUNTIME:
            raise DeploymentFailed("the deterministic deployment proxy did not come up; run it again")

    def _sign(self, plan: DeployPlan, fees: Fees) -> SentDeployment:
        if plan.method is Method.CREATE2:
            raw_tx, tx_hash = self._signed(PROXY, to_bytes(SALT) + self._artifact.bytecode, 0, plan.gas, fees)
            address, salt = plan.address, SALT
        else:
            address, salt = create_address(self._payer, self._node.nonce(self._payer)), None
            raw_tx, tx_hash = self._signed(None, self._artifact.bytecode, 0, plan.gas, fees)
        return SentDeployment(
            chain_id=self._chain_id,
            genesis_hash=self._genesis,
            address=address,
            method=plan.method,
            salt=salt,
            artifact_hash=self._artifact.bytecode_hash,
            deployer=self._payer,
            tx_hash=tx_hash,
            raw_tx=raw_tx,
        )

    def _signed(self, to: Address | None, data: bytes, value: int, gas: int, fees: Fees) -> tuple[str, Hash32]:
        tx: dict[str, Any] = {
            "chainId": self._chain_id,
            "nonce": self._node.nonce(self._payer),
            "gas": gas,
            "value": value,
            "data": data,
        }
        if to is not None:
            tx["to"] = to
        if fees.tip_wei is None:
            tx["gasPrice"] = fees.max_fee_wei
        else:
            tx |= {"type": 2, "maxFeePerGas": fees.max_fee_wei, "maxPriorityFeePerGas": fees.tip_wei}
        signed = self._signer.sign_transaction(tx)
        return "0x" + bytes(signed.raw_transaction).hex(), hash32(bytes(signed.hash))

    def _send(self, raw_tx: str) -> None:
        try:
            self._node.send(raw_tx)
        except Refused as refusal:
            raise DeploymentFailed(f"the node did not take the tx ({refusal})") from refusal

    def _wait(self, tx_hash: Hash32) -> Mined:
        mined = self._node.wait(tx_hash, self._mine_timeout)
        if mined is None:
            raise DeploymentFailed(
                f"tx {tx_hash} is not mined after {self._mine_timeout:.0f} s; run it again to go on waiting"
            )
        return mined

    def _record(self, sent: SentDeployment, mined: Mined) -> Deployment:
        if not mined.succeeded:
            forget_sent(self._dir, self._chain_id)
            # Somebody else was first with the same bytes; logs have to be read from his block on, not from ours.
            overtaken = self._found()
            if overtaken is None:
                raise DeploymentFailed(f"tx {sent.tx_hash} was mined and reverted: the escrow is not there")
            return overtaken
        code = self._node.code(sent.address)
        check_code(self._artifact, sent.address, self._chain_id, code)
        deployment = Deployment(
            chain_id=self._chain_id,
            genesis_hash=self._genesis,
            address=sent.address,
            method=sent.method,
            salt=sent.salt,
            constructor_args=(),
            artifact_hash=sent.artifact_hash,
            tx_hash=mined.tx_hash,
            block_number=mined.block_number,
            block_hash=mined.block_hash,
            deployer=sent.deployer,
        )
        save_deployment(self._dir, deployment)
        forget_sent(self._dir, self._chain_id)
        return deployment
