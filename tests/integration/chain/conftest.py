"""A real escrow on a real node behind HTTP: the embedded chain as its own process, and anvil."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from earnest.chain.follower import Follower
from earnest.chain.node import Receipt
from earnest.chain.rpc import Rpc
from earnest.chain.sender import Sender
from earnest.chain.sending import TxIntent, TxJournal, UnsignedTx
from earnest.chain.signer import LocalSigner
from earnest.escrow import txs
from earnest.escrow.deploy import deploy
from earnest.escrow.reverts import explain_revert
from earnest.localnet.accounts import dev_accounts
from earnest.payment.primitives import ZERO_ADDRESS, Address, hash32, parse_address
from earnest.payment.primitives import keccak as keccak256
from earnest.payment.terms import Terms, payment_id
from earnest.settings import FinalityRule
from earnest.testing.fake_mirror import FakeMirror
from tests.integration.localnet.nodes import ChainProcess
from tests.support.anvil import find_anvil, running_anvil

CHAIN_ID = 31_337
FINALITY = FinalityRule(tag="finalized")
DAY = 86_400
DEPLOYER, OPERATOR, BUYER, MERCHANT = range(4)


def account(index: int) -> LocalSigner:
    return LocalSigner.from_key(dev_accounts()[index].private_key)


def address(index: int) -> Address:
    return parse_address(dev_accounts()[index].address)


@dataclass
class Town:
    """One node with an escrow on it, and the people who use it."""

    url: str
    rpc: Rpc
    escrow: Address
    deployed_at_block: int

    def follower(self, mirror: FakeMirror) -> Follower:
        return Follower(
            self.rpc,
            mirror,
            chain_id=CHAIN_ID,
            escrow=self.escrow,
            deployed_at_block=self.deployed_at_block,
            finality=FINALITY,
            poll_seconds=0.02,
        )

    def sender(self, journal: TxJournal, **options: Any) -> Sender:
        return Sender(
            self.rpc,
            journal,
            account(OPERATOR),
            chain_id=CHAIN_ID,
            finality=FINALITY,
            explain=explain_revert,
            poll_seconds=0.02,
            **options,
        )

    def terms(self, number: int) -> Terms:
        head = self.rpc.header("latest")
        assert head is not None
        return Terms(
            buyer=address(BUYER),
            merchant=address(MERCHANT),
            operator=address(OPERATOR),
            arbiter=ZERO_ADDRESS,
            token=ZERO_ADDRESS,
            amount=1_000 + number,
            fee_recipient=ZERO_ADDRESS,
            fee_bps=0,
            pay_by=head.block.timestamp + 30 * DAY,
            delivery_period=30 * DAY,
            dispute_window=0,
            arbitration_period=0,
            order_hash=hash32(keccak256(f"{number}".encode())),
        )

    def intent(self, terms: Terms, verb: str) -> TxIntent:
        make = txs.confirm_delivery if verb == "confirm_delivery" else txs.refund
        data = bytes.fromhex(make(self.escrow, CHAIN_ID, terms).data[2:])
        named = payment_id(terms, CHAIN_ID, self.escrow)
        return TxIntent(verb, named, self.escrow, data, 0, None, f"{verb}:{named}")

    def fund(self, terms: Terms) -> Receipt | None:
        """The buyer pays; mined at once where the node mines by itself."""
        call = txs.fund(self.escrow, CHAIN_ID, terms, address(BUYER))
        nonce = self.rpc.tx_count(address(BUYER), "pending")
        data = bytes.fromhex(call.data[2:])
        unsigned = UnsignedTx(CHAIN_ID, nonce, self.escrow, data, call.value, 300_000, 10**11, 10**9)
        signed = account(BUYER).sign(unsigned, 0)
        self.rpc.send_raw(signed.raw)
        return self.rpc.receipts([signed.hash])[0]

    def mine(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            self.rpc.call("evm_mine")

    def reorg(self, depth: int) -> None:
        """Replace the newest blocks by as many empty ones."""
        self.rpc.call("anvil_reorg", (depth, []))


def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait for something that other threads bring about."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.01)


def catch_up(follower: Follower) -> None:
    while follower.step():
        pass


@contextmanager
def town_at(url: str, folder: Path) -> Iterator[Town]:
    deployer = Account.from_key(dev_accounts()[DEPLOYER].private_key)
    deployment = deploy(url, deployer, CHAIN_ID, lambda _plan: True, folder / "deployments")
    rpc = Rpc(url)
    try:
        yield Town(url, rpc, parse_address(deployment.address), deployment.block_number)
    finally:
        rpc.close()


@pytest.fixture(scope="module", params=["embedded", "anvil"])
def shared_town(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("town")
    with ExitStack() as stack:
        if request.param == "embedded":
            process = ChainProcess(folder)
            stack.callback(process.stop)
            url = process.url
        else:
            program = find_anvil()
            if program is None:
                pytest.skip("MISSING: anvil (npm ci in contracts/)")
            url = stack.enter_context(running_anvil(program))
        yield stack.enter_context(town_at(url, folder))


@pytest.fixture
def town(shared_town: Town) -> Iterator[Town]:
    """The town as it was built; what a test does to it is undone."""
    snapshot = shared_town.rpc.call("evm_snapshot")
    yield shared_town
    shared_town.rpc.call("evm_setAutomine", (True,))
    assert shared_town.rpc.call("evm_revert", (snapshot,))
