"""What the host sends for buyers: one tx for one deed, with gas enough and not too much, and not without end."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from earnest.chain.sending import OutgoingTx, TxState
from earnest.commands.errors import RelaysUsedUp
from earnest.commands.ports import Place
from earnest.commands.prepare_tx import COLLECT_GAS_FLOOR
from earnest.commands.relay import MOST_RELAYS, relay
from earnest.escrow.txs import Signed
from earnest.payment.errors import InvalidInput
from earnest.payment.events import EventKind
from earnest.payment.primitives import Address, Hash32
from earnest.payment.record import Payment
from earnest.payment.status import Status, Verb
from tests.support.ledger import BUYER, ESCROW, address
from tests.unit.api.house import LOCAL, House, open_house

MAGIC = "0x1626ba7e" + "00" * 28


@pytest.fixture
def house() -> Iterator[House]:
    with open_house() as opened:
        yield opened


@pytest.fixture
def payment(house: House) -> Payment:
    return house.payment(Hash32(house.create(buyer=BUYER)["id"]))


def send(house: House, payment: Payment, verb: Verb, signed: Signed | None = None) -> OutgoingTx:
    return relay(house.store, Place(LOCAL, ESCROW, house.node), house.sender, payment.id, verb, signed=signed)


def by(payer: Address) -> Signed:
    return Signed(b"\x11" * 65, payer=payer, nonce=1, deadline=99_999_999_999, valid_before=99_999_999_999)


def becomes(house: House, sent: OutgoingTx, state: TxState, error: str | None = None) -> None:
    house.sender.journal.set_state(sent.id, state, error=error)


@pytest.mark.parametrize("verb", [Verb.COLLECT, Verb.RECLAIM])
def test_what_nobody_signs_takes_no_signature(house: House, payment: Payment, verb: Verb) -> None:
    for payer in (address(1), address(2)):
        with pytest.raises(InvalidInput, match="needs no signature"):
            send(house, payment, verb, by(payer))
    assert house.sender.submitted == []


def test_one_receipt_is_one_tx_whatever_payer_is_written_beside_it(house: House, payment: Payment) -> None:
    house.happen(payment.id, EventKind.PAYMENT_FUNDED, Status.FUNDED)
    house.node.answers["eth_call"] = MAGIC
    sent = [send(house, payment, Verb.RELEASE_WITH_RECEIPT, by(address(n))).id for n in (1, 2, 3)]
    assert len(set(sent)) == 1
    assert len(house.sender.submitted) == 1


@pytest.mark.parametrize("verb", [Verb.FUND_WITH_AUTHORIZATION, Verb.FUND_WITH_PERMIT2])
def test_each_payer_has_a_tx_of_his_own(house: House, payment: Payment, verb: Verb) -> None:
    assert send(house, payment, verb, by(address(1))).id != send(house, payment, verb, by(address(2))).id


def test_a_collect_is_signed_with_gas_for_a_second_push(house: House, payment: Payment) -> None:
    send(house, payment, Verb.COLLECT)
    (intent,) = house.sender.submitted
    assert (intent.least_gas, intent.most_gas) == (COLLECT_GAS_FLOOR, 1_000_000)


@pytest.mark.parametrize("verb", [Verb.COLLECT, Verb.FUND_WITH_PERMIT2])
def test_what_reverted_in_a_block_is_tried_again_before_that_is_final(
    house: House, payment: Payment, verb: Verb
) -> None:
    signed = by(BUYER) if verb is Verb.FUND_WITH_PERMIT2 else None
    first = send(house, payment, verb, signed)
    becomes(house, first, TxState.INCLUDED)
    assert send(house, payment, verb, signed).id == first.id
    becomes(house, first, TxState.INCLUDED, "the contract refused it when it was mined")
    assert send(house, payment, verb, signed).id != first.id


@pytest.mark.parametrize("verb", [Verb.FUND_WITH_AUTHORIZATION, Verb.FUND_WITH_PERMIT2])
def test_a_payment_does_not_cost_the_host_without_end(house: House, payment: Payment, verb: Verb) -> None:
    most = MOST_RELAYS[verb]
    for number in range(most):
        last = send(house, payment, verb, by(address(number + 1)))
    with pytest.raises(RelaysUsedUp):
        send(house, payment, verb, by(address(0xABC)))
    assert send(house, payment, verb, by(address(most))).id == last.id
    other = house.payment(Hash32(house.create(buyer=BUYER)["id"]))
    assert send(house, other, verb, by(address(1))).payment_id == other.id


def test_useless_signatures_use_up_nothing_of_what_another_verb_may_cost(house: House, payment: Payment) -> None:
    for verb in (Verb.FUND_WITH_AUTHORIZATION, Verb.FUND_WITH_PERMIT2):
        for number in range(MOST_RELAYS[verb]):
            send(house, payment, verb, by(address(number + 1)))
    for _ in range(MOST_RELAYS[Verb.COLLECT]):
        becomes(house, send(house, payment, Verb.COLLECT), TxState.INCLUDED, "reverted")
    with pytest.raises(RelaysUsedUp):
        send(house, payment, Verb.COLLECT)
    house.happen(payment.id, EventKind.PAYMENT_FUNDED, Status.FUNDED)
    house.node.answers["eth_call"] = MAGIC
    assert send(house, payment, Verb.RELEASE_WITH_RECEIPT, by(BUYER)).verb == Verb.RELEASE_WITH_RECEIPT


def test_fifty_at_once_do_not_get_past_the_budget(house: House, payment: Payment) -> None:
    verb, start = Verb.FUND_WITH_PERMIT2, Barrier(50)

    def ask(number: int) -> str:
        start.wait()
        try:
            return send(house, payment, verb, by(address(number + 1))).id
        except RelaysUsedUp:
            return ""

    with ThreadPoolExecutor(50) as pool:
        sent = {*pool.map(ask, range(50))} - {""}
    with house.store.read() as tx:
        assert len(tx.txs.find("mer_1", payment.id)) == len(sent) == MOST_RELAYS[verb]
