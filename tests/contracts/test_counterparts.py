"""What the service has wallets sign is what the true USDC and the true Permit2 accept; on both of the tests' chains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from earnest.escrow import txs, views
from earnest.escrow.artifact import load
from earnest.payment import typed_data
from earnest.payment.primitives import ZERO_ADDRESS, Address, Hash32, to_bytes
from earnest.payment.status import Status
from earnest.payment.terms import Terms, payment_id
from tests.support import evm_mined, evm_revm
from tests.support.counterparts import Usdc, deploy_permit2, deploy_usdc
from tests.support.evm import Evm, Outcome, Signer, call_data

START = 1_800_000_000
AMOUNT = 100_000_000
INFINITE = 2**256 - 1
OFFICE, PAYER, MERCHANT, RELAYER = (Signer(number) for number in range(4))


@dataclass
class Scene:
    """The escrow with the true USDC and Permit2; the payer has money and no allowance."""

    evm: Evm
    usdc: Usdc
    escrow: Address

    @property
    def where(self) -> tuple[Address, int]:
        return self.escrow, self.evm.chain_id

    def terms(self) -> Terms:
        return Terms(
            buyer=ZERO_ADDRESS,
            merchant=MERCHANT.address,
            operator=ZERO_ADDRESS,
            arbiter=ZERO_ADDRESS,
            token=self.usdc.address,
            amount=AMOUNT,
            fee_recipient=ZERO_ADDRESS,
            fee_bps=0,
            pay_by=START + 86_400,
            delivery_period=86_400,
            dispute_window=0,
            arbitration_period=0,
            order_hash=Hash32("0x" + "ab" * 32),
        )

    def id(self) -> Hash32:
        return payment_id(self.terms(), self.evm.chain_id, self.escrow)

    def send(self, sender: Signer, tx: txs.UnsignedTx) -> Outcome:
        return self.evm.transact(sender, tx.to, bytes.fromhex(tx.data.removeprefix("0x")))

    def assert_funded(self) -> None:
        data = bytes.fromhex(views.state_of(self.id()).removeprefix("0x"))
        state = views.decode_state_of(self.evm.call(RELAYER.address, self.escrow, data).output)
        assert (state.buyer, state.status) == (PAYER.address, Status.FUNDED)
        assert self.usdc.balance(self.escrow) == AMOUNT
        assert self.usdc.balance(PAYER.address) == 0


@pytest.fixture(params=[evm_revm.RevmChain, evm_mined.MinedChain], ids=["revm", "eth-tester"])
def scene(request: pytest.FixtureRequest) -> Scene:
    chain: Callable[[int], Evm] = request.param
    evm = chain(START)
    for signer in (OFFICE, PAYER, MERCHANT, RELAYER):
        evm.give_coin(signer.address, 10**20)
    deploy_permit2(evm, OFFICE)
    usdc = deploy_usdc(evm, OFFICE)
    usdc.mint(PAYER.address, AMOUNT)
    return Scene(evm, usdc, evm.deploy(OFFICE, load("Escrow").bytecode))


def sign(message: typed_data.TypedData) -> bytes:
    return PAYER.sign(message.digest)


def authorization(scene: Scene) -> txs.UnsignedTx:
    until = START + 3600
    message = typed_data.receive_with_authorization(
        scene.usdc.domain, PAYER.address, scene.escrow, AMOUNT, scene.id(), valid_after=0, valid_before=until
    )
    return txs.fund_with_authorization(
        *scene.where, scene.terms(), PAYER.address, valid_after=0, valid_before=until, signature=sign(message)
    )


def test_usdc_and_permit2_tell_the_domains_that_the_service_computes(scene: Scene) -> None:
    for domain in (scene.usdc.domain, typed_data.Domain("Permit2", None, scene.evm.chain_id, typed_data.PERMIT2)):
        told = scene.evm.call(RELAYER.address, domain.verifying_contract, call_data("DOMAIN_SEPARATOR()"))
        assert told.output == to_bytes(domain.separator)


def test_authorization_pays_with_usdc_without_the_payers_gas(scene: Scene) -> None:
    assert scene.send(RELAYER, authorization(scene)).succeeded
    scene.assert_funded()


def test_permit2_pays_with_usdc_without_the_payers_gas(scene: Scene) -> None:
    scene.usdc.approve(PAYER, typed_data.PERMIT2, INFINITE)
    message = typed_data.permit_witness_transfer_from(
        scene.evm.chain_id,
        scene.escrow,
        scene.usdc.address,
        AMOUNT,
        scene.id(),
        PAYER.address,
        PAYER.address,
        nonce=0,
        deadline=START + 3600,
    )
    tx = txs.fund_with_permit2(
        *scene.where, scene.terms(), PAYER.address, nonce=0, deadline=START + 3600, signature=sign(message)
    )
    assert scene.send(RELAYER, tx).succeeded
    scene.assert_funded()


def test_permit_pays_with_usdc_in_the_payers_one_tx(scene: Scene) -> None:
    nonce = scene.usdc.permit_nonce(PAYER.address)
    message = typed_data.permit(scene.usdc.domain, PAYER.address, scene.escrow, AMOUNT, nonce, START + 3600)
    tx = txs.fund_with_permit(
        *scene.where, scene.terms(), PAYER.address, deadline=START + 3600, signature=sign(message)
    )
    assert not scene.send(RELAYER, tx).succeeded
    assert scene.send(PAYER, tx).succeeded
    scene.assert_funded()


def test_blocked_buyers_refund_becomes_his_credit_until_he_is_unblocked(scene: Scene) -> None:
    assert scene.send(RELAYER, authorization(scene)).succeeded
    scene.usdc.block(PAYER.address)
    assert scene.send(MERCHANT, txs.refund(*scene.where, scene.terms())).succeeded
    withdrawal = txs.withdraw(*scene.where, PAYER.address, scene.usdc.address)
    assert not scene.send(RELAYER, withdrawal).succeeded
    scene.usdc.unblock(PAYER.address)
    assert scene.send(RELAYER, withdrawal).succeeded
    assert scene.usdc.balance(PAYER.address) == AMOUNT


def test_pause_only_delays_an_authorization(scene: Scene) -> None:
    scene.usdc.pause()
    assert not scene.send(RELAYER, authorization(scene)).succeeded
    scene.usdc.unpause()
    assert scene.send(RELAYER, authorization(scene)).succeeded
    scene.assert_funded()


def test_permit2_is_deployed_once(scene: Scene) -> None:
    assert deploy_permit2(scene.evm, OFFICE) == typed_data.PERMIT2
