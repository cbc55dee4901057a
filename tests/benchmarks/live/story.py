"""What happens on the chain: payments that are funded, delivered and released, a few of them in each block."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import msgspec
from eth_account import Account

from earnest.chain.rpc import Rpc
from earnest.chain.sending import UnsignedTx
from earnest.chain.signer import LocalSigner
from earnest.escrow import txs
from earnest.escrow.deploy import deploy
from earnest.localnet.accounts import dev_accounts
from earnest.localnet.tokens import install_test_tokens
from earnest.payment.primitives import ZERO_ADDRESS, Address, hash32, keccak, parse_address
from earnest.payment.terms import DAY, HOUR, Terms
from earnest.settings import load_network
from tests.support.evm import call_data

CHAIN_ID: Final = 31_337
DEPLOYER, OPERATOR, BUYER, SHOP, ARBITER = range(5)
DELIVERED_AFTER: Final = 4
RELEASED_AFTER: Final = 8
"""Blocks after a payment's funding."""
WARM_UP: Final = 25
"""Blocks that are not counted: imports, first connections and empty caches are not what is measured."""
STEPS: Final = 3
"""In each block, once things have begun: one payment is funded, one is delivered, one is released."""
_GAS: Final = 2_000_000
"""The escrow passes much gas on to a token, and refuses to begin with less; what is not used is given back."""


class Story(msgspec.Struct, frozen=True):
    """A node with an escrow on it, and the terms of the payments to come."""

    url: str
    escrow: str
    deployed_at_block: int
    terms: list[dict[str, Any]]

    @property
    def every(self) -> list[Terms]:
        """The terms of all payments, in order of their funding."""
        return [Terms(**each) for each in self.terms]


def account(index: int) -> LocalSigner:
    return LocalSigner.from_key(dev_accounts()[index].private_key)


def address(index: int) -> Address:
    return parse_address(dev_accounts()[index].address)


def begin(url: str, payments: int, folder: Path) -> Story:
    """Deploy the escrow and the test tokens on a fresh node, and make up payments."""
    install_test_tokens(url)
    deployer = Account.from_key(dev_accounts()[DEPLOYER].private_key)
    deployment = deploy(url, deployer, CHAIN_ID, lambda _plan: True, folder)
    token = load_network("local").tokens[0].address
    pay_by = int(time.time()) + 30 * DAY
    terms = [_terms(number, token, pay_by) for number in range(payments)]
    return Story(url, deployment.address, deployment.block_number, [asdict(each) for each in terms])


def blocks_of_txs(story: Story, rpc: Rpc) -> Iterator[list[bytes]]:
    """Give, for each block to come, the raw txs in it. The buyer's allowance is sent at once."""
    escrow, every = parse_address(story.escrow), story.every
    buyer, operator = _Sender(rpc, BUYER), _Sender(rpc, OPERATOR)
    approval = call_data("approve(address,uint256)", escrow, 2**256 - 1)
    rpc.send_raw(buyer.sign(txs.UnsignedTx(every[0].token, "0x" + approval.hex(), 0, CHAIN_ID)))
    rpc.call("evm_mine")
    for number in range(len(every) + RELEASED_AFTER):
        raws = []
        if number < len(every):
            raws.append(buyer.sign(txs.fund(escrow, CHAIN_ID, every[number], address(BUYER))))
        if 0 <= number - DELIVERED_AFTER < len(every):
            raws.append(operator.sign(txs.confirm_delivery(escrow, CHAIN_ID, every[number - DELIVERED_AFTER])))
        if number - RELEASED_AFTER >= 0:
            raws.append(buyer.sign(txs.release(escrow, CHAIN_ID, every[number - RELEASED_AFTER])))
        yield raws


class _Sender:
    def __init__(self, rpc: Rpc, index: int) -> None:
        self._signer = account(index)
        self._nonce = rpc.tx_count(self._signer.address)

    def sign(self, tx: txs.UnsignedTx) -> bytes:
        data = bytes.fromhex(tx.data[2:])
        unsigned = UnsignedTx(CHAIN_ID, self._nonce, tx.to, data, tx.value, _GAS, 10**11, 10**9)
        self._nonce += 1
        return self._signer.sign(unsigned, 0).raw


def _terms(number: int, token: Address, pay_by: int) -> Terms:
    return Terms(
        buyer=ZERO_ADDRESS,
        merchant=address(SHOP),
        operator=address(OPERATOR),
        arbiter=address(ARBITER),
        token=token,
        amount=1_000 + number,
        fee_recipient=ZERO_ADDRESS,
        fee_bps=0,
        pay_by=pay_by,
        delivery_period=7 * DAY,
        dispute_window=HOUR,
        arbitration_period=DAY,
        order_hash=hash32(keccak(f"order {number}".encode())),
    )
