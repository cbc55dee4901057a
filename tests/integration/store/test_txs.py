"""Outgoing txs and their nonces."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from earnest.payment.errors import NotFound
from earnest.payment.record import BlockRef
from earnest.store import Store
from earnest.store.errors import AlreadyThere
from earnest.store.records import TxAttemptRow, TxRow
from tests.support.ledger import CHAIN_ID, ESCROW, MERCHANT, OPERATOR, PAYOUT, START, digest


def attempt(number: int = 1, nonce: int = 0) -> TxAttemptRow:
    return TxAttemptRow(digest(f"attempt {number}"), bytes([2, number]), nonce, 90_000, 10**11 + number, 10**9, START)


TX = TxRow(
    id="tx_1",
    chain_id=CHAIN_ID,
    sender=OPERATOR,
    nonce=0,
    verb="confirm_delivery",
    payment_id=digest("payment"),
    to=ESCROW,
    data=b"\x01\x02",
    value=2**200,
    gas=90_000,
    state="signed",
    created_at=START,
    dedupe_key="confirm_delivery:1",
    merchant_id=MERCHANT.id,
    attempts=(attempt(),),
)
BLOCK = BlockRef(7, digest("block"), START + 7)


def another(number: int, **changes: object) -> TxRow:
    row = replace(TX, id=f"tx_{number}", dedupe_key=f"key {number}", nonce=number, attempts=(attempt(number, number),))
    return replace(row, **changes)  # type: ignore[arg-type]


def test_a_tx_comes_back_with_the_very_bytes_that_were_signed(store: Store) -> None:
    with store.transaction() as tx:
        tx.txs.add(TX)
    with store.read() as tx:
        assert tx.txs.get("tx_1") == TX
        assert tx.txs.by_dedupe_key("confirm_delivery:1") == TX
        assert tx.txs.find(MERCHANT.id, digest("payment")) == [TX]
        assert tx.txs.find("mer_2", digest("payment")) == []
        assert tx.txs.get("tx_2") is None
        assert tx.txs.by_dedupe_key("x") is None


def test_one_intent_and_one_nonce_are_taken_once(store: Store) -> None:
    with store.transaction() as tx:
        tx.txs.add(TX)
    for clash in (another(2, dedupe_key=TX.dedupe_key), another(2, nonce=TX.nonce), another(2, attempts=TX.attempts)):
        with pytest.raises(AlreadyThere), store.transaction() as tx:
            tx.txs.add(clash)
    with store.transaction() as tx:
        tx.txs.add(another(2, nonce=TX.nonce, sender=PAYOUT))
        tx.txs.add(another(3, nonce=TX.nonce, chain_id=1))


def test_the_nonce_of_a_lost_tx_can_be_taken_again(store: Store) -> None:
    with store.transaction() as tx:
        tx.txs.add(TX)
        tx.txs.set_state("tx_1", "lost")
        tx.txs.add(another(2, nonce=TX.nonce))


def test_more_attempts_are_kept_in_order_and_the_same_bytes_once(store: Store) -> None:
    with store.transaction() as tx:
        tx.txs.add(TX)
        tx.txs.add_attempt("tx_1", attempt(2))
        tx.txs.add_attempt("tx_1", attempt(2))
        tx.txs.add_attempt("tx_1", attempt(3))
    with store.read() as tx:
        found = tx.txs.get("tx_1")
    assert found is not None
    assert found.attempts == (attempt(1), attempt(2), attempt(3))
    with pytest.raises(NotFound), store.transaction() as tx:
        tx.txs.add_attempt("tx_9", attempt(9))


def test_a_state_carries_its_block_and_loses_it_again(store: Store) -> None:
    with store.transaction() as tx:
        tx.txs.add(TX)
        tx.txs.set_state("tx_1", "included", block=BLOCK)
        assert tx.txs.get("tx_1") == replace(TX, state="included", block=BLOCK)
        tx.txs.set_state("tx_1", "broadcast")
        assert tx.txs.get("tx_1") == replace(TX, state="broadcast")
        tx.txs.set_state("tx_1", "failed", block=BLOCK, error="RefundTooLate")
        assert tx.txs.get("tx_1") == replace(TX, state="failed", block=BLOCK, error="RefundTooLate")
    with pytest.raises(NotFound), store.transaction() as tx:
        tx.txs.set_state("tx_9", "final")


def test_unsettled_ones_come_by_nonce(store: Store) -> None:
    with store.transaction() as tx:
        for number, state in ((5, "included"), (4, "signed"), (3, "final"), (2, "failed"), (1, "lost")):
            tx.txs.add(another(number, state=state))
        tx.txs.add(another(6, sender=PAYOUT))
    with store.read() as tx:
        assert [(each.nonce, len(each.attempts)) for each in tx.txs.unsettled(CHAIN_ID, OPERATOR)] == [(4, 1), (5, 1)]


def test_nonces_go_up_by_one_from_whichever_count_is_ahead(store: Store) -> None:
    with store.transaction() as tx:
        assert [tx.txs.take_nonce(CHAIN_ID, OPERATOR, 5) for _ in range(3)] == [5, 6, 7]
        assert tx.txs.take_nonce(CHAIN_ID, OPERATOR, 20) == 20
        assert tx.txs.take_nonce(CHAIN_ID, OPERATOR, 3) == 21
        assert tx.txs.take_nonce(CHAIN_ID, PAYOUT, 0) == 0
        assert tx.txs.take_nonce(1, OPERATOR, 0) == 0


def test_a_nonce_taken_in_vain_is_given_again(store: Store) -> None:
    with pytest.raises(NotFound), store.transaction() as tx:
        assert tx.txs.take_nonce(CHAIN_ID, OPERATOR, 0) == 0
        raise NotFound
    with store.transaction() as tx:
        assert tx.txs.take_nonce(CHAIN_ID, OPERATOR, 0) == 0


def test_threads_at_once_get_every_nonce_once(store: Store) -> None:
    taken: list[int] = []
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(10):
                with store.transaction() as tx:
                    taken.append(tx.txs.take_nonce(CHAIN_ID, OPERATOR, 3))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted(taken) == list(range(3, 53))
