"""A payment's life for each verb: unsigned txs in, states, balances and events out, on the compiled artifact."""

from __future__ import annotations

import ast
from collections.abc import Callable

import pytest
from eth_tester.exceptions import TransactionFailed
from web3.types import TxReceipt

from earnest.escrow import txs, views
from earnest.escrow.reverts import explain_revert
from earnest.payment.events import TOPICS, EventKind
from earnest.payment.primitives import ZERO_ADDRESS, Address, Hash32
from earnest.payment.status import Status, Verb
from earnest.payment.terms import Terms
from tests.contracts.conftest import AMOUNT, DAY, Stage

Build = Callable[[Stage, Terms], txs.UnsignedTx]


def kinds(stage: Stage, receipt: TxReceipt) -> list[EventKind]:
    own = [log for log in receipt["logs"] if log["address"] == stage.escrow.address]
    return [TOPICS[Hash32(log["topics"][0].to_0x_hex())] for log in own]


def refusal(stage: Stage, sender: Address, tx: txs.UnsignedTx) -> str | None:
    """Return the sentence for why the chain refuses a tx."""
    call = {"from": sender, "to": tx.to, "data": tx.data, "value": tx.value}
    with pytest.raises(TransactionFailed, match="execution reverted: ") as caught:
        stage.web3.eth.call(call)  # type: ignore[arg-type]
    # The chain in this process writes the revert's bytes as Python does.
    data: bytes = ast.literal_eval(str(caught.value.args[0]).removeprefix("execution reverted: "))
    return explain_revert("0x" + data.hex())


@pytest.mark.parametrize("coin", [False, True], ids=["token", "coin"])
def test_paid_delivered_and_released_by_anyone_after_the_window(stage: Stage, coin: bool) -> None:
    terms = stage.terms(coin=coin)
    balance = stage.coins if coin else stage.tokens
    merchant, fee_recipient = balance(stage.merchant), balance(stage.fee_recipient)
    assert kinds(stage, stage.fund(terms)) == [EventKind.PAYMENT_FUNDED]
    assert stage.state(terms) == views.EscrowState(stage.buyer, Status.FUNDED, stage.now(), 1)
    assert kinds(stage, stage.send(stage.operator, txs.confirm_delivery(*stage.where, terms))) == [
        EventKind.DELIVERY_CONFIRMED
    ]
    assert stage.held(terms) == AMOUNT
    stage.wait(3 * DAY)
    receipt = stage.send(stage.stranger, txs.release(*stage.where, terms))
    assert kinds(stage, receipt) == [EventKind.PAYMENT_RELEASED]
    assert balance(stage.merchant) - merchant == 97_500_000
    assert balance(stage.fee_recipient) - fee_recipient == 2_500_000
    assert stage.state(terms).status is Status.RELEASED
    assert stage.held(terms) == 0


def test_delivery_without_a_dispute_window_releases_at_once(stage: Stage) -> None:
    terms = stage.terms(arbiter=ZERO_ADDRESS, dispute_window=0, arbitration_period=0)
    stage.fund(terms)
    receipt = stage.send(stage.merchant, txs.confirm_delivery(*stage.where, terms))
    assert kinds(stage, receipt) == [EventKind.DELIVERY_CONFIRMED, EventKind.PAYMENT_RELEASED]
    assert stage.state(terms).seq == 3


@pytest.mark.parametrize("coin", [False, True], ids=["token", "coin"])
def test_refunded_in_part_then_wholly(stage: Stage, coin: bool) -> None:
    terms = stage.terms(coin=coin)
    balance = stage.coins if coin else stage.tokens
    stage.fund(terms)
    before = balance(stage.buyer)
    stage.send(stage.merchant, txs.refund(*stage.where, terms, 1))
    assert (stage.state(terms).status, stage.held(terms)) == (Status.FUNDED, AMOUNT - 1)
    assert kinds(stage, stage.send(stage.operator, txs.refund(*stage.where, terms))) == [EventKind.PAYMENT_REFUNDED]
    assert stage.state(terms).status is Status.REFUNDED
    assert balance(stage.buyer) - before == AMOUNT


def test_reclaimed_after_the_delivery_period(stage: Stage) -> None:
    terms = stage.terms()
    before = stage.tokens(stage.buyer)
    stage.fund(terms)
    tx = txs.reclaim(*stage.where, terms)
    assert "can be reclaimed from" in str(refusal(stage, stage.stranger, tx))
    stage.wait(7 * DAY)
    assert kinds(stage, stage.send(stage.stranger, tx)) == [EventKind.PAYMENT_RECLAIMED]
    assert stage.tokens(stage.buyer) == before


def test_disputed_and_resolved(stage: Stage) -> None:
    terms = stage.terms()
    stage.fund(terms)
    stage.send(stage.merchant, txs.confirm_delivery(*stage.where, terms))
    assert kinds(stage, stage.send(stage.buyer, txs.dispute(*stage.where, terms))) == [EventKind.PAYMENT_DISPUTED]
    receipt = stage.send(stage.arbiter, txs.resolve(*stage.where, terms, 60_000_000, 40_000_000))
    assert kinds(stage, receipt) == [EventKind.DISPUTE_RESOLVED]
    assert stage.tokens(stage.merchant) == 39_000_000
    assert stage.state(terms).status is Status.RESOLVED


def test_credited_and_withdrawn(stage: Stage) -> None:
    # A token contract takes no coin, as many a shop's contract does not.
    shop = Address(stage.token.address)
    terms = stage.terms(coin=True, merchant=shop, operator=stage.operator)
    stage.fund(terms)
    stage.send(stage.buyer, txs.release(*stage.where, terms))
    assert stage.credit(shop, ZERO_ADDRESS) == 97_500_000
    tx = txs.withdraw(*stage.where, shop, ZERO_ADDRESS)
    assert "the credit stays" in str(refusal(stage, stage.stranger, tx))


def test_the_terms_id_is_the_contracts(stage: Stage) -> None:
    for terms in (stage.terms(), stage.terms(coin=True, buyer=ZERO_ADDRESS, amount=2**128 - 1)):
        assert "0x" + stage.escrow.functions.idOf(terms.as_tuple()).call().hex() == stage.id_of(terms)


def test_states_of_a_thousand_payments_by_one_call(stage: Stage) -> None:
    terms = stage.terms()
    stage.fund(terms)
    ids = [stage.id_of(terms)] + [Hash32(f"0x{number:064x}") for number in range(999)]
    states = views.decode_states_of(stage.ask(views.states_of(ids)))
    assert len(states) == 1000
    assert states[0].status is Status.FUNDED
    assert {state.status for state in states[1:]} == {Status.CREATED}


REFUSALS: list[tuple[str, Build, str]] = [
    ("stranger", lambda s, t: txs.confirm_delivery(*s.where, t), "neither"),
    ("merchant", lambda s, t: txs.release(*s.where, t), "only the buyer"),
    ("buyer", lambda s, t: txs.release(*s.where, t, AMOUNT + 1), "only 100000000 are held"),
    ("buyer", lambda s, t: txs.dispute(*s.where, t), "is funded, and this is not possible there"),
    ("buyer", lambda s, t: txs.fund(*s.where, t, s.buyer), "was funded before"),
    ("stranger", lambda s, t: txs.fund(*s.where, s.terms(pay_by=1), s.buyer), "could be funded before 1;"),
    ("stranger", lambda s, t: txs.fund(*s.where, s.terms(amount=7), s.buyer), "approve it first"),
    ("stranger", lambda s, t: txs.reclaim(*s.where, s.terms(amount=7)), "nothing was ever funded"),
    ("stranger", lambda s, t: txs.withdraw(*s.where, s.buyer, ZERO_ADDRESS), "owes"),
]


@pytest.mark.parametrize(("sender", "build", "sentence"), REFUSALS)
def test_refusals_are_sentences(stage: Stage, sender: str, build: Build, sentence: str) -> None:
    terms = stage.terms()
    stage.fund(terms)
    assert sentence in str(refusal(stage, getattr(stage, sender), build(stage, terms)))


def test_a_tx_by_verb_is_the_verbs_own_tx(stage: Stage) -> None:
    terms: Terms = stage.terms()
    where = stage.where
    assert txs.unsigned_tx(Verb.FUND, *where, terms) == txs.fund(*where, terms, stage.buyer)
    assert txs.unsigned_tx(Verb.RELEASE, *where, terms, amount=5) == txs.release(*where, terms, 5)
    assert txs.unsigned_tx(Verb.RESOLVE, *where, terms, to_buyer=1, to_merchant=2) == txs.resolve(*where, terms, 1, 2)
