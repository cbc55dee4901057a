"""The sender's journal over a real store."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from earnest.chain.sending import SignedTx, TxIntent, TxState
from earnest.commands.journal import StoreJournal
from earnest.payment.record import BlockRef
from earnest.store import Store
from tests.support.ledger import CHAIN_ID, ESCROW, OPERATOR, START, digest, make_payment
from tests.unit.api.house import opened


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store with the payment number 1."""
    with opened(tmp_path) as store:
        with store.transaction() as tx:
            tx.payments.add(make_payment())
        yield store


@pytest.fixture
def journal(store: Store) -> StoreJournal:
    """The operator's journal."""
    return StoreJournal(store, CHAIN_ID, OPERATOR, lambda: START)


def intent(key: str) -> TxIntent:
    return TxIntent("refund", make_payment().id, ESCROW, b"\x01\x02", 0, "mer_1", key)


def sign(nonce: int, fee: int = 10) -> SignedTx:
    return SignedTx(digest(f"{nonce} {fee}"), bytes([nonce, fee]), nonce, 21_000, fee, 1, START)


def test_one_intent_has_one_tx_however_often_it_is_enqueued(journal: StoreJournal) -> None:
    first, again = (journal.enqueue(intent("a"), 5, sign) for _ in range(2))
    assert first == again == journal.find("a")
    assert (first.nonce, first.state, first.newest) == (5, TxState.SIGNED, sign(5))
    assert journal.enqueue(intent("b"), 5, sign).nonce == 6
    assert journal.find("c") is None


def test_a_repeated_intent_takes_no_nonce(journal: StoreJournal) -> None:
    """A nonce taken and not used would hold up every tx after it."""
    for key in ("a", "a", "a", "b"):
        journal.enqueue(intent(key), 0, sign)
    assert [each.nonce for each in journal.unsettled()] == [0, 1]


def test_a_signer_that_fails_takes_no_nonce(journal: StoreJournal) -> None:
    def broken(nonce: int) -> SignedTx:
        raise RuntimeError(f"no signature for {nonce}")

    with pytest.raises(RuntimeError):
        journal.enqueue(intent("a"), 0, broken)
    assert journal.enqueue(intent("a"), 0, sign).nonce == 0


def test_many_at_once_get_nonces_without_gaps_or_repeats(journal: StoreJournal) -> None:
    with ThreadPoolExecutor(8) as pool:
        sent = list(pool.map(lambda number: journal.enqueue(intent(f"{number % 6}"), 3, sign), range(24)))
    assert {each.nonce for each in sent} == set(range(3, 9))
    assert len({each.id for each in sent}) == 6


def test_attempts_and_states_are_kept(journal: StoreJournal) -> None:
    tx = journal.enqueue(intent("a"), 0, sign)
    bumped, block = sign(0, 20), BlockRef(7, digest("block"), START)
    for _ in range(2):
        journal.add_attempt(tx.id, bumped)
    journal.set_state(tx.id, TxState.INCLUDED, block=block, error="reverted")
    (kept,) = journal.unsettled()
    assert kept == replace(
        tx, attempts=(sign(0), bumped), state=TxState.INCLUDED, block=block, error="reverted", gas=kept.gas
    )
    journal.set_state(tx.id, TxState.BROADCAST)
    assert (journal.unsettled()[0].block, journal.unsettled()[0].error) == (None, None)
    journal.set_state(tx.id, TxState.FINAL, block=block)
    assert journal.unsettled() == []
