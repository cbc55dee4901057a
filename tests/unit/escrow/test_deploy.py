"""Deploying to a chain in this process: once, twice, killed in between, without money, on the wrong chain."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_tester import EthereumTester, PyEVMBackend
from eth_typing import HexStr
from web3 import EthereumTesterProvider, Web3
from web3.types import Wei

from earnest.escrow.artifact import load
from earnest.escrow.create2 import PROXY, PROXY_RAW_TX, PROXY_RUNTIME, PROXY_TX_SENDER, create2_address, create_address
from earnest.escrow.deploy import DeployPlan, deploy
from earnest.escrow.deployment import Method, load_deployment, save_deployment
from earnest.escrow.errors import (
    AnotherGenesis,
    ChainMismatch,
    CodeMismatch,
    DeploymentRecordBroken,
    DeploymentRefused,
    InsufficientFunds,
    NothingAtAddress,
)
from earnest.payment.primitives import Address
from tests.support.web3_words import as_web3

COIN = 10**18
SIGNER: LocalAccount = Account.from_key("0x" + "51" * 32)


class Person:
    """Answers the question whether to spend, and remembers what was asked."""

    def __init__(self, answer: bool = True) -> None:
        self.answer = answer
        self.plans: list[DeployPlan] = []

    def __call__(self, plan: DeployPlan) -> bool:
        self.plans.append(plan)
        return self.answer


def new_chain(signer_balance: int = COIN) -> Web3:
    web3 = Web3(EthereumTesterProvider(EthereumTester(PyEVMBackend())))
    if signer_balance:
        web3.eth.send_transaction({"from": web3.eth.accounts[0], "to": SIGNER.address, "value": Wei(signer_balance)})
    return web3


@pytest.fixture
def chain() -> Web3:
    return new_chain()


def code_at(chain: Web3, address: Address) -> bytes:
    return bytes(chain.eth.get_code(as_web3(address)))


def test_deploy_puts_the_escrow_at_its_deterministic_address(chain: Web3, tmp_path: Path) -> None:
    person = Person()
    deployment = deploy(chain, SIGNER, chain.eth.chain_id, person, tmp_path)
    assert deployment.address == create2_address(load("Escrow").bytecode)
    assert deployment.method is Method.CREATE2
    assert load("Escrow").matches_runtime(code_at(chain, deployment.address))
    assert load_deployment(tmp_path, chain.eth.chain_id) == deployment
    assert deployment.tx_hash is not None
    receipt = chain.eth.get_transaction_receipt(HexStr(deployment.tx_hash))
    assert (receipt["blockNumber"], receipt["blockHash"].to_0x_hex()) == (
        deployment.block_number,
        deployment.block_hash,
    )


def test_deploy_shows_a_plan_that_covers_what_it_costs(chain: Web3, tmp_path: Path) -> None:
    person = Person()
    deploy(chain, SIGNER, chain.eth.chain_id, person, tmp_path)
    (plan,) = person.plans
    assert plan.deploys_proxy
    assert plan.balance_wei == COIN
    assert 0 < COIN - chain.eth.get_balance(SIGNER.address) <= plan.cost_wei


def test_deploy_sends_nothing_when_refused(chain: Web3, tmp_path: Path) -> None:
    head = chain.eth.block_number
    with pytest.raises(DeploymentRefused):
        deploy(chain, SIGNER, chain.eth.chain_id, Person(answer=False), tmp_path)
    assert chain.eth.block_number == head
    assert list(tmp_path.iterdir()) == []


def test_deploy_twice_spends_once(chain: Web3, tmp_path: Path) -> None:
    first = deploy(chain, SIGNER, chain.eth.chain_id, Person(), tmp_path)
    balance, again = chain.eth.get_balance(SIGNER.address), Person()
    assert deploy(chain, SIGNER, chain.eth.chain_id, again, tmp_path) == first
    assert again.plans == []
    assert chain.eth.get_balance(SIGNER.address) == balance


def test_deploy_finds_the_escrow_when_only_the_record_is_lost(chain: Web3, tmp_path: Path) -> None:
    first = deploy(chain, SIGNER, chain.eth.chain_id, Person(), tmp_path / "one")
    chain.provider.ethereum_tester.mine_blocks(5)  # type: ignore[attr-defined]
    again = Person()
    assert deploy(chain, SIGNER, chain.eth.chain_id, again, tmp_path / "two") == first
    assert again.plans == []


class Killed(BaseException):
    """Stands for kill -9: nothing may catch it."""


class DyingChain:
    """A chain in this process whose client is killed at its n-th `eth_sendRawTransaction`, before or after it works."""

    def __init__(self, web3: Web3, at_send: int, after: bool) -> None:
        provider, sends = web3.provider, 0
        alive = provider.make_request

        def make_request(method: str, params: object) -> object:
            nonlocal sends
            if method != "eth_sendRawTransaction":
                return alive(method, params)  # type: ignore[arg-type]
            sends += 1
            if sends == at_send and not after:
                raise Killed
            try:
                return alive(method, params)  # type: ignore[arg-type]
            finally:
                if sends == at_send:
                    raise Killed

        dying = EthereumTesterProvider(provider.ethereum_tester)  # type: ignore[attr-defined]
        dying.make_request = make_request  # type: ignore[method-assign, assignment]
        self.web3 = Web3(dying)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at_send", [1, 2, 3, 4])
def test_deploy_goes_on_where_it_was_killed(chain: Web3, tmp_path: Path, at_send: int, after: bool) -> None:
    # The sends: the probe of the proxy's tx, its sender's money, the proxy, the escrow.
    with pytest.raises(Killed):
        deploy(DyingChain(chain, at_send, after).web3, SIGNER, chain.eth.chain_id, Person(), tmp_path)
    nonce_if_clean = 2
    deployment = deploy(chain, SIGNER, chain.eth.chain_id, Person(), tmp_path)
    assert deployment.deployer == Address(SIGNER.address)
    assert deployment.tx_hash is not None
    assert chain.eth.get_transaction_count(SIGNER.address) == nonce_if_clean
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{chain.eth.chain_id}.json"]


def test_deploy_reverts_to_plain_create_where_the_proxy_cannot_be(chain: Web3, tmp_path: Path) -> None:
    class RefusesOldTxs(EthereumTesterProvider):
        def make_request(self, method, params):  # type: ignore[no-untyped-def]
            if method == "eth_sendRawTransaction" and params[0] == PROXY_RAW_TX:
                raise ValueError("only replay-protected (EIP-155) transactions allowed over RPC")
            return super().make_request(method, params)

    person = Person()
    web3 = Web3(RefusesOldTxs(chain.provider.ethereum_tester))  # type: ignore[attr-defined]
    deployment = deploy(web3, SIGNER, chain.eth.chain_id, person, tmp_path)
    assert deployment.method is Method.CREATE
    assert deployment.address == create_address(Address(SIGNER.address), 0)
    assert person.plans[0].address == deployment.address
    assert "replay-protected" in str(person.plans[0].why_not_create2)
    assert deploy(chain, SIGNER, chain.eth.chain_id, Person(), tmp_path) == deployment


def test_deploy_uses_a_proxy_that_is_there(chain: Web3, tmp_path: Path) -> None:
    chain.eth.send_transaction({"from": chain.eth.accounts[0], "to": PROXY_TX_SENDER, "value": Wei(COIN)})
    chain.eth.send_raw_transaction(PROXY_RAW_TX)  # type: ignore[arg-type]
    assert code_at(chain, PROXY) == PROXY_RUNTIME
    person = Person()
    assert deploy(chain, SIGNER, chain.eth.chain_id, person, tmp_path).method is Method.CREATE2
    assert not person.plans[0].deploys_proxy


def test_deploy_stops_on_another_chain(chain: Web3, tmp_path: Path) -> None:
    with pytest.raises(ChainMismatch, match="chain 1 was asked for") as caught:
        deploy(chain, SIGNER, 1, Person(), tmp_path)
    assert (caught.value.expected, caught.value.actual) == (1, chain.eth.chain_id)


@pytest.mark.parametrize("balance", [0, 10**15])
def test_deploy_stops_without_money_before_asking(tmp_path: Path, balance: int) -> None:
    chain, person = new_chain(balance), Person()
    with pytest.raises(InsufficientFunds, match="send it") as caught:
        deploy(chain, SIGNER, chain.eth.chain_id, person, tmp_path)
    assert caught.value.balance == balance < caught.value.needed
    assert person.plans == []


def test_recorded_deployment_on_a_wiped_chain_is_refused(chain: Web3, tmp_path: Path) -> None:
    deploy(chain, SIGNER, chain.eth.chain_id, Person(), tmp_path)
    wiped = new_chain()
    with pytest.raises(NothingAtAddress, match="remove the record"):
        deploy(wiped, SIGNER, wiped.eth.chain_id, Person(), tmp_path)


def test_recorded_deployment_on_another_chain_with_the_same_id_is_refused(chain: Web3, tmp_path: Path) -> None:
    deploy(chain, SIGNER, chain.eth.chain_id, Person(), tmp_path)
    record = tmp_path / f"{chain.eth.chain_id}.json"
    raw = json.loads(record.read_text())
    record.write_text(json.dumps(raw | {"genesis_hash": "0x" + "12" * 32}))
    with pytest.raises(AnotherGenesis, match="another chain, same id"):
        deploy(chain, SIGNER, chain.eth.chain_id, Person(), tmp_path)


def test_recorded_deployment_with_other_code_is_refused(chain: Web3, tmp_path: Path) -> None:
    deployment = deploy(chain, SIGNER, chain.eth.chain_id, Person(), tmp_path)
    fields = {name: getattr(deployment, name) for name in deployment.__dataclass_fields__}
    save_deployment(tmp_path, type(deployment)(**fields | {"address": PROXY}))
    with pytest.raises(CodeMismatch, match="is not the escrow of this version"):
        deploy(chain, SIGNER, chain.eth.chain_id, Person(), tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"chain_id": 1}'])
def test_broken_record_is_named(chain: Web3, tmp_path: Path, text: str) -> None:
    (tmp_path / f"{chain.eth.chain_id}.json").write_text(text)
    with pytest.raises(DeploymentRecordBroken, match=f"{chain.eth.chain_id}.json"):
        deploy(chain, SIGNER, chain.eth.chain_id, Person(), tmp_path)


def test_no_record_is_none(tmp_path: Path) -> None:
    assert load_deployment(tmp_path, 1) is None
