"""What the service computes of deposit addresses, domains, batches and receipts is what the contract does with them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_tester.exceptions import TransactionFailed
from eth_typing import HexStr

from earnest.chain.logs import decode_log
from earnest.chain.node import RawLog
from earnest.escrow import txs, views
from earnest.escrow.artifact import load, wallet_code_hash
from earnest.escrow.reverts import error_name
from earnest.escrow.verify import check_code
from earnest.payment import typed_data
from earnest.payment.deposit import deposit_address
from earnest.payment.events import DepositReturned, EscrowEvent, EventKind, ItemSkipped, OperatorDismissed, PaymentEvent
from earnest.payment.primitives import ZERO_ADDRESS, Address, Hash32, hash32, parse_address
from earnest.payment.status import Status
from earnest.payment.terms import Terms
from earnest.payment.transitions import fold
from tests.contracts.conftest import AMOUNT, DAY, Stage
from tests.contracts.test_payment_lives import refusal
from tests.support.web3_words import as_web3

SIGNER: LocalAccount = Account.from_key("0x" + "07" * 32)
PAYER = parse_address(SIGNER.address)


def sign(message: typed_data.TypedData) -> bytes:
    return bytes(SIGNER.sign_message(encode_typed_data(full_message=message.as_json())).signature)


def told(stage: Stage, receipt: Any) -> list[EscrowEvent]:
    """Return what the escrow told in a tx, read by the follower's own decoder."""
    logs = [log for log in receipt["logs"] if log["address"] == stage.escrow.address]
    return [
        decode_log(
            RawLog(
                address=log["address"],
                topics=["0x" + bytes(topic).hex() for topic in log["topics"]],
                data="0x" + bytes(log["data"]).hex(),
                block_hash="0x" + "00" * 32,
                block_number="0x1",
                transaction_hash="0x" + "00" * 32,
                log_index=hex(log["logIndex"]),
                removed=False,
            )
        ).event
        for log in logs
    ]


def token_domain(stage: Stage) -> typed_data.Domain:
    data = stage.web3.eth.call({"to": stage.token.address, "data": views.eip712_domain()})  # type: ignore[typeddict-item]
    domain = views.decode_eip712_domain(bytes(data))
    assert domain is not None
    assert domain.separator == hash32(bytes(stage.token.functions.DOMAIN_SEPARATOR().call()))
    return domain


def give_tokens(stage: Stage, account: Address, amount: int) -> None:
    stage.token.functions.mint(account, amount).transact({"from": as_web3(stage.stranger)})


def test_the_deposit_address_is_the_contract_s(stage: Stage) -> None:
    for number in range(5):
        id_ = Hash32("0x" + f"{number:064x}")
        here = deposit_address(stage.where[0], id_, wallet_code_hash())
        assert here == views.decode_deposit_address_of(stage.ask(views.deposit_address_of(id_)))


def test_the_escrow_s_domain_is_the_one_that_receipts_are_signed_under(stage: Stage) -> None:
    escrow, chain_id = stage.where
    domain = views.decode_eip712_domain(stage.ask(views.eip712_domain()))
    assert domain == typed_data.receipt(escrow, chain_id, hash32(bytes(32)), PAYER).domain


def test_the_code_on_the_chain_is_the_artifact_s(stage: Stage) -> None:
    escrow, chain_id = stage.where
    check_code(load("Escrow"), escrow, chain_id, bytes(stage.web3.eth.get_code(as_web3(escrow))))


def test_a_surplus_at_the_deposit_address_is_told_beside_the_payment(stage: Stage) -> None:
    terms = stage.terms()
    there = deposit_address(stage.where[0], stage.id_of(terms), wallet_code_hash())
    give_tokens(stage, there, AMOUNT + 7)
    events = told(stage, stage.send(stage.stranger, txs.collect(*stage.where, terms, terms.token)))
    funded, returned = events
    assert isinstance(funded, PaymentEvent)
    assert funded.funding is not None
    assert (funded.funding.payer, funded.funding.buyer) == (there, stage.buyer)
    assert returned == DepositReturned(stage.id_of(terms), terms.token, stage.buyer, 7)


def test_an_authorization_pays_without_the_payer_s_gas(stage: Stage) -> None:
    terms, now = stage.terms(buyer=ZERO_ADDRESS), stage.now()
    give_tokens(stage, PAYER, AMOUNT)
    message = typed_data.receive_with_authorization(
        token_domain(stage), PAYER, stage.where[0], AMOUNT, stage.id_of(terms), valid_after=0, valid_before=now + DAY
    )
    tx = txs.fund_with_authorization(
        *stage.where, terms, PAYER, valid_after=0, valid_before=now + DAY, signature=sign(message)
    )
    stage.send(stage.stranger, tx)
    assert stage.state(terms).buyer == PAYER
    assert stage.held(terms) == AMOUNT


def test_a_permit_pays_in_the_payer_s_one_tx(stage: Stage) -> None:
    terms, deadline = stage.terms(buyer=ZERO_ADDRESS), stage.now() + DAY
    give_tokens(stage, PAYER, AMOUNT)
    stage.web3.eth.send_transaction({"from": as_web3(stage.stranger), "to": as_web3(PAYER), "value": 10**18})  # type: ignore[typeddict-item]
    message = typed_data.permit(token_domain(stage), PAYER, stage.where[0], AMOUNT, 0, deadline)
    tx = txs.fund_with_permit(*stage.where, terms, PAYER, deadline=deadline, signature=sign(message))
    raw = SIGNER.sign_transaction(
        {
            "to": as_web3(tx.to),
            "data": HexStr(tx.data),
            "value": 0,
            "gas": 500_000,
            "gasPrice": 10**10,
            "nonce": 0,
            "chainId": tx.chain_id,
        }
    )
    sent = stage.web3.eth.send_raw_transaction(raw.raw_transaction)
    assert stage.web3.eth.get_transaction_receipt(sent)["status"] == 1
    assert stage.state(terms).buyer == PAYER


def test_a_receipt_releases_by_anyone_and_another_s_is_named(stage: Stage) -> None:
    escrow, chain_id = stage.where
    terms = stage.terms(buyer=PAYER)
    stage.send(stage.buyer, txs.fund(*stage.where, terms, PAYER))
    wrong = sign(typed_data.receipt(escrow, chain_id + 1, stage.id_of(terms), PAYER))
    assert "no receipt of the buyer" in str(
        refusal(stage, stage.stranger, txs.release_with_receipt(*stage.where, terms, wrong))
    )
    signature = sign(typed_data.receipt(escrow, chain_id, stage.id_of(terms), PAYER))
    stage.send(stage.stranger, txs.release_with_receipt(*stage.where, terms, signature))
    assert stage.state(terms).status is Status.RELEASED


def test_repaying_in_parts_folds_to_repaid_as_the_contract_has_it(stage: Stage) -> None:
    terms = stage.terms()
    receipts = [stage.fund(terms), stage.send(stage.buyer, txs.release(*stage.where, terms))]
    give_tokens(stage, stage.merchant, AMOUNT)
    approval = txs.approve(terms.token, stage.where[1], stage.where[0], AMOUNT)
    stage.send(stage.merchant, approval)
    receipts.append(stage.send(stage.merchant, txs.repay(*stage.where, terms, AMOUNT // 4)))
    assert stage.state(terms).status is Status.RELEASED
    receipts.append(stage.send(stage.merchant, txs.repay(*stage.where, terms)))
    events = [event for receipt in receipts for event in told(stage, receipt) if isinstance(event, PaymentEvent)]
    state = fold((event, stage.now()) for event in events)
    assert [event.kind for event in events[2:]] == [EventKind.PAYMENT_REPAID] * 2
    assert (state.status, state.repaid, state.seq) == (Status.REPAID, AMOUNT, stage.state(terms).seq)


def test_a_repaid_part_of_coin_is_sent_along(stage: Stage) -> None:
    terms = stage.terms(coin=True)
    stage.fund(terms)
    stage.send(stage.buyer, txs.release(*stage.where, terms))
    before = stage.coins(stage.buyer)
    stage.send(stage.merchant, txs.repay(*stage.where, terms, 3))
    assert stage.coins(stage.buyer) == before + 3


def test_a_batch_passes_over_what_cannot_be_and_says_why(stage: Stage) -> None:
    payments = [replace(stage.terms(), order_hash=Hash32("0x" + f"{number:064x}")) for number in range(4)]
    for each in payments[:3]:
        stage.fund(each)
    confirmed = told(stage, stage.send(stage.operator, txs.confirm_delivery_many(*stage.where, payments)))
    (skipped,) = [event for event in confirmed if isinstance(event, ItemSkipped)]
    assert (skipped.payment_id, skipped.item) == (stage.id_of(payments[3]), 3)
    assert error_name(skipped.why) == "NotFunded"
    assert [stage.state(each).status for each in payments[:3]] == [Status.DELIVERED] * 3
    stage.wait(4 * DAY)
    released = told(stage, stage.send(stage.operator, txs.release_many(*stage.where, payments[:3])))
    assert len(released) == 3
    assert [stage.state(each).status for each in payments[:3]] == [Status.RELEASED] * 3


def test_a_dismissed_operator_is_told_so(stage: Stage) -> None:
    terms = stage.terms()
    stage.fund(terms)
    asked = views.is_dismissed(stage.merchant, stage.operator)
    assert not views.decode_is_dismissed(stage.ask(asked))
    events = told(stage, stage.send(stage.merchant, txs.dismiss_operator(*stage.where, stage.operator)))
    assert events == [OperatorDismissed(stage.merchant, stage.operator)]
    assert views.decode_is_dismissed(stage.ask(asked))
    assert "has dismissed the operator" in str(
        refusal(stage, stage.operator, txs.confirm_delivery(*stage.where, terms))
    )


@pytest.mark.parametrize("bad", [{"fee_bps": 0}, {"amount": 0}])
def test_terms_out_of_bounds_are_told_before_anyone_pays(stage: Stage, bad: dict[str, Any]) -> None:
    def ask(terms: Terms) -> bytes:
        return stage.ask(views.check_terms(terms, stage.buyer))

    assert ask(stage.terms()) == b""
    with pytest.raises(TransactionFailed, match="execution reverted"):
        ask(stage.terms(**bad))


def test_what_a_node_estimates_is_enough_although_pushes_must_find_more_gas_than_is_used(stage: Stage) -> None:
    """Each verb reverts unless a push could have all its gas, so the least gas that works is far above what is used."""
    terms, coin = stage.terms(), stage.terms(coin=True)
    many = [replace(terms, order_hash=Hash32(f"0x{number:064x}")) for number in range(8)]
    there = deposit_address(stage.where[0], stage.id_of(terms), wallet_code_hash())
    give_tokens(stage, there, AMOUNT + 7)
    for each in (*many, coin):
        stage.fund(each)
    for sender, tx in (
        (stage.stranger, txs.collect(*stage.where, terms, terms.token)),
        (stage.buyer, txs.release(*stage.where, terms)),
        (stage.buyer, txs.release(*stage.where, coin)),
        (stage.merchant, txs.repay(*stage.where, coin, AMOUNT)),
        (stage.operator, txs.confirm_delivery_many(*stage.where, many)),
        (stage.buyer, txs.release_many(*stage.where, many)),
    ):
        asked = {"from": as_web3(sender), "to": as_web3(tx.to), "data": HexStr(tx.data), "value": tx.value}
        gas = stage.web3.eth.estimate_gas(asked)  # type: ignore[arg-type]
        sent = stage.web3.eth.send_transaction({**asked, "gas": gas})  # type: ignore[typeddict-item]
        receipt = stage.web3.eth.get_transaction_receipt(sent)
        assert receipt["status"] == 1
        assert receipt["gasUsed"] < gas
        assert not any(isinstance(event, ItemSkipped) for event in told(stage, receipt))
    assert [stage.state(each).status for each in (terms, coin, *many)] == [
        Status.RELEASED,
        Status.REPAID,
        *[Status.RELEASED] * 8,
    ]
