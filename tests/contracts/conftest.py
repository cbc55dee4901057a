"""One chain a worker, in this process, with the compiled escrow and the test token on it; each test undoes its own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

import pytest
from eth_tester import EthereumTester, PyEVMBackend
from eth_typing import ChecksumAddress
from web3 import EthereumTesterProvider, Web3
from web3.contract import Contract
from web3.types import TxReceipt

from earnest.escrow import txs, views
from earnest.escrow.artifact import from_json, load
from earnest.payment.primitives import ZERO_ADDRESS, Address, Hash32
from earnest.payment.terms import Terms, payment_id
from tests.support.web3_words import as_web3

DAY = 86_400
AMOUNT = 100_000_000


@dataclass
class Stage:
    """The chain, the contracts and the parties, with a payment's verbs as they go over the wire."""

    web3: Web3
    tester: EthereumTester
    escrow: Contract
    token: Contract
    buyer: Address
    merchant: Address
    operator: Address
    arbiter: Address
    fee_recipient: Address
    stranger: Address

    def terms(self, *, coin: bool = False, **changes: Any) -> Terms:
        """Terms with every role filled, payable for a day from now."""
        terms = Terms(
            buyer=self.buyer,
            merchant=self.merchant,
            operator=self.operator,
            arbiter=self.arbiter,
            token=ZERO_ADDRESS if coin else Address(self.token.address),
            amount=AMOUNT,
            fee_recipient=self.fee_recipient,
            fee_bps=250,
            pay_by=self.now() + DAY,
            delivery_period=7 * DAY,
            dispute_window=3 * DAY,
            arbitration_period=14 * DAY,
            order_hash=Hash32("0x" + "ab" * 32),
        )
        return replace(terms, **changes)

    def now(self) -> int:
        return int(self.web3.eth.get_block("latest")["timestamp"])

    def wait(self, seconds: int) -> None:
        self.tester.time_travel(self.now() + seconds)

    @property
    def where(self) -> tuple[Address, int]:
        return Address(self.escrow.address), self.web3.eth.chain_id

    def id_of(self, terms: Terms) -> Hash32:
        return payment_id(terms, self.web3.eth.chain_id, Address(self.escrow.address))

    def send(self, sender: Address, tx: txs.UnsignedTx) -> TxReceipt:
        """Send an unsigned tx from an account of the chain; returns its receipt."""
        assert tx.chain_id == self.web3.eth.chain_id
        sent = self.web3.eth.send_transaction(
            {"from": sender, "to": tx.to, "data": tx.data, "value": tx.value, "gas": 1_500_000}  # type: ignore[typeddict-item]
        )
        return self.web3.eth.get_transaction_receipt(sent)

    def ask(self, data: str) -> bytes:
        return bytes(self.web3.eth.call({"to": self.escrow.address, "data": data}))  # type: ignore[typeddict-item]

    def state(self, terms: Terms) -> views.EscrowState:
        return views.decode_state_of(self.ask(views.state_of(self.id_of(terms))))

    def held(self, terms: Terms) -> int:
        return views.decode_held_of(self.ask(views.held_of(terms)))

    def credit(self, account: Address, token: Address) -> int:
        return views.decode_credit_of(self.ask(views.credit_of(account, token)))

    def tokens(self, account: Address) -> int:
        return int(self.token.functions.balanceOf(account).call())

    def coins(self, account: Address) -> int:
        return int(self.web3.eth.get_balance(as_web3(account)))

    def fund(self, terms: Terms) -> TxReceipt:
        return self.send(self.buyer, txs.fund(*self.where, terms, self.buyer))


def _deployed(web3: Web3, abi: Any, bytecode: bytes) -> Contract:
    sent = web3.eth.contract(abi=abi, bytecode=bytecode).constructor().transact({"from": web3.eth.accounts[0]})
    address = web3.eth.get_transaction_receipt(sent)["contractAddress"]
    assert address is not None
    return web3.eth.contract(address=address, abi=abi)


@pytest.fixture(scope="session")
def built_stage() -> Stage:
    tester = EthereumTester(PyEVMBackend())
    web3 = Web3(EthereumTesterProvider(tester))
    escrow = load("Escrow")
    token = from_json((files("earnest.localnet") / "artifacts" / "TestToken.json").read_text("utf-8"))
    accounts: Sequence[ChecksumAddress] = web3.eth.accounts  # declared as a tuple of one
    parties = [Address(account) for account in accounts[1:7]]
    stage = Stage(
        web3,
        tester,
        _deployed(web3, escrow.abi, escrow.bytecode),
        _deployed(web3, token.abi, token.bytecode),
        *parties,
    )
    stage.token.functions.mint(stage.buyer, 10 * AMOUNT).transact({"from": stage.stranger})
    stage.send(stage.buyer, txs.approve(Address(stage.token.address), web3.eth.chain_id, stage.where[0], 10 * AMOUNT))
    return stage


@pytest.fixture
def stage(built_stage: Stage) -> Iterator[Stage]:
    before = built_stage.tester.take_snapshot()
    yield built_stage
    built_stage.tester.revert_to_snapshot(before)


@pytest.fixture(scope="session")
def escrow_abi() -> list[dict[str, Any]]:
    """The artifact's ABI as plain JSON."""
    abi: list[dict[str, Any]] = json.loads(json.dumps(load("Escrow").abi))
    return abi
