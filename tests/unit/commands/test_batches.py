"""Many payments at once: grouped by what their terms share, and what is left out told with its reason."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from eth_abi.abi import decode

from earnest.api import ChainService
from earnest.chain.errors import OperatorOutOfGasMoney, TxWouldRevert
from earnest.chain.sending import TxState
from earnest.commands.batches import ManyResult
from earnest.commands.confirm_delivery_many import confirm_delivery_many
from earnest.commands.release_many import release_many
from earnest.escrow.txs import ITEMS_ABI, MAX_ITEMS, common_terms
from earnest.payment.errors import InvalidInput, Unavailable
from earnest.payment.events import EventKind, OperatorDismissed
from earnest.payment.primitives import ZERO_HASH, Hash32, to_bytes
from earnest.payment.record import Payment
from earnest.payment.terms import DAY, TERMS_ABI
from tests.support.ledger import MERCHANT, OPERATOR, PAYOUT, address, make_payment
from tests.support.stores import create
from tests.unit.api.house import House, open_house


@pytest.fixture
def house() -> Iterator[House]:
    with open_house() as opened:
        yield opened


def made(
    house: House, number: int, *kinds: EventKind, account: str | None = MERCHANT.id, fee_bps: int = 250
) -> Payment:
    """Return a payment to which these events have happened."""
    payment = make_payment(number, account, fee_bps=fee_bps)
    if account:
        create(house.store, payment)
    for kind in kinds:
        house.tell(house.chain.mine(house.chain.next(payment, kind)))
    return payment


FUNDED = (EventKind.PAYMENT_FUNDED,)
DELIVERED = (EventKind.PAYMENT_FUNDED, EventKind.DELIVERY_CONFIRMED)


def confirm(house: House, *ids: Hash32) -> ManyResult:
    return confirm_delivery_many(house.store, lambda _: house.sender, MERCHANT.id, ids)


def release(house: House, *ids: Hash32) -> ManyResult:
    return release_many(house.store, lambda _: house.sender, MERCHANT.id, ids)


def test_payments_with_the_same_terms_go_by_one_tx_and_others_by_another(house: House) -> None:
    alike = [made(house, number, *FUNDED) for number in range(3)]
    other = made(house, 9, *FUNDED, fee_bps=100)
    result = confirm(house, *(each.id for each in alike), other.id, alike[0].id)
    assert [each.payment_ids for each in result.sent] == [tuple(each.id for each in alike), (other.id,)]
    assert result.left_out == []
    common, items = decode([TERMS_ABI, ITEMS_ABI], house.sender.submitted[0].data[4:])
    assert common == tuple(
        value.lower() if isinstance(value, str) else value for value in common_terms(alike[0].terms).as_tuple()
    )
    assert [item[3] for item in items] == [to_bytes(each.terms.order_hash) for each in alike]


def test_the_tx_of_a_batch_belongs_to_no_single_payment(house: House) -> None:
    payment = made(house, 1, *FUNDED)
    (sent,) = confirm(house, payment.id).sent
    assert (sent.tx.payment_id, sent.tx.verb, sent.tx.merchant_id) == (ZERO_HASH, "confirm_delivery_many", MERCHANT.id)
    with house.store.read() as tx:
        row = tx.txs.get(sent.tx.id)
    assert row is not None
    assert row.payment_id is None


def test_what_cannot_be_confirmed_is_left_out_and_says_why(house: House) -> None:
    good, created = made(house, 1, *FUNDED), made(house, 2)
    foreign, unknown = made(house, 3, *FUNDED, account=None), make_payment(4)
    delivered = made(house, 5, *DELIVERED)
    result = confirm(house, unknown.id, created.id, good.id, foreign.id, delivered.id)
    assert [each.payment_ids for each in result.sent] == [(good.id,)]
    said = {each.payment_id: each.code for each in result.left_out}
    assert said == {unknown.id: "not_found", foreign.id: "not_found", created.id: "conflict", delivered.id: "conflict"}
    assert any("delivered" in each.reason for each in result.left_out)


def test_nothing_is_sent_where_nothing_can_be(house: House) -> None:
    result = confirm(house, make_payment(1).id)
    assert (result.sent, len(result.left_out)) == ([], 1)
    assert house.sender.submitted == []


def test_a_dismissed_operator_confirms_nothing_and_is_told_so(house: House) -> None:
    payment = made(house, 1, *FUNDED)
    house.tell(house.chain.mine(OperatorDismissed(PAYOUT, OPERATOR)))
    (left_out,) = confirm(house, payment.id).left_out
    assert left_out.code == "operator_dismissed"
    assert PAYOUT in left_out.reason


def test_releasing_waits_for_the_dispute_window_and_needs_no_operator(house: House) -> None:
    payment, funded = made(house, 1, *DELIVERED), made(house, 2, *FUNDED)
    house.sender.address = address(0xBAD)
    early = release(house, payment.id, funded.id)
    assert [each.code for each in early.left_out] == ["too_early", "conflict"]
    house.tell(house.chain.mine(seconds=DAY))
    result = release(house, payment.id, funded.id)
    assert [each.payment_ids for each in result.sent] == [(payment.id,)]
    assert [each.payment_id for each in result.left_out] == [funded.id]


def test_the_same_payments_asked_for_again_are_the_same_tx_whatever_their_order(house: House) -> None:
    one, two = made(house, 1, *FUNDED), made(house, 2, *FUNDED)
    first, again = confirm(house, one.id, two.id), confirm(house, two.id, one.id)
    assert first.sent[0].tx.id == again.sent[0].tx.id
    assert len(house.sender.submitted) == 1
    assert confirm(house, one.id).sent[0].tx.id != first.sent[0].tx.id


def test_a_batch_that_failed_is_sent_again_under_another_nonce(house: House) -> None:
    payment = made(house, 1, *FUNDED)
    (first,) = confirm(house, payment.id).sent
    house.sender.journal.set_state(first.tx.id, TxState.FAILED)
    (second,) = confirm(house, payment.id).sent
    assert (second.tx.id != first.tx.id, second.tx.nonce) == (True, first.tx.nonce + 1)


def test_a_group_that_the_chain_refuses_is_left_out(house: House) -> None:
    payment = made(house, 1, *FUNDED)
    house.sender.refusal = TxWouldRevert("confirm_delivery_many", "too little gas")
    (left_out,) = confirm(house, payment.id).left_out
    assert (left_out.payment_id, left_out.code) == (payment.id, "tx_would_revert")


def test_without_money_for_gas_nothing_can_be_sent(house: House) -> None:
    payment = made(house, 1, *FUNDED)
    house.sender.refusal = OperatorOutOfGasMoney(OPERATOR, 1, 5)
    with pytest.raises(Unavailable, match="at least 4"):
        confirm(house, payment.id)


@pytest.mark.parametrize("count", [0, MAX_ITEMS + 1])
def test_none_or_too_many_are_refused(house: House, count: int) -> None:
    with pytest.raises(InvalidInput, match=str(MAX_ITEMS)):
        confirm(house, *(Hash32(f"0x{number:064x}") for number in range(count)))


def test_without_an_operator_s_key_nothing_can_be_sent(house: House) -> None:
    payment = made(house, 1, *FUNDED)

    def none(_: int) -> ChainService:
        raise Unavailable("no operator's key")

    with pytest.raises(Unavailable, match="no operator"):
        confirm_delivery_many(house.store, none, MERCHANT.id, [payment.id])  # type: ignore[arg-type]
