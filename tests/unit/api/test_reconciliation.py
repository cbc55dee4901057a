"""What the last comparison of mirror and contract found, as monitors see it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from earnest.api.schemas.operation import Ready, Sync
from earnest.payment.record import BlockRef
from earnest.store.reconciliations import Reconciliation
from tests.support.ledger import CHAIN_ID, START, digest
from tests.unit.api.house import House, open_house

SENTENCE = "payment 0xab: status is funded in the mirror, released in the contract"


@pytest.fixture
def house() -> Iterator[House]:
    with open_house() as opened:
        yield opened


def compared(house: House, *named: str) -> None:
    block = BlockRef(7, digest("block 7"), START)
    done = Reconciliation(CHAIN_ID, block, START + 60, 1_200, 10, len(named), named)
    with house.store.transaction() as tx:
        tx.reconciliations.put(done)


def test_agreement_shows_and_changes_nothing(house: House) -> None:
    assert Sync.model_validate(house.get("/health/sync", key=None).json()).chains[0].reconciliation is None
    compared(house)
    assert house.get("/health/ready", key=None).status_code == 200
    found = Sync.model_validate(house.get("/health/sync", key=None).json()).chains[0].reconciliation
    assert found is not None
    assert (found.payments, found.differences, found.block.number) == (10, 0, 7)
    assert f'earnest_reconciliation_differences{{chain="{CHAIN_ID}"}} 0.0' in house.get("/metrics", key=None).text


def test_a_difference_makes_it_unready_until_there_is_none(house: House) -> None:
    compared(house, SENTENCE)
    answer = house.get("/health/ready", key=None)
    (reason,) = Ready.model_validate(answer.json()).reasons
    assert answer.status_code == 503
    assert "1 things" in reason or "1 thing" in reason
    found = Sync.model_validate(house.get("/health/sync", key=None).json()).chains[0].reconciliation
    assert found is not None
    assert found.named == [SENTENCE]
    assert f'earnest_reconciliation_differences{{chain="{CHAIN_ID}"}} 1.0' in house.get("/metrics", key=None).text
    compared(house)
    assert house.get("/health/ready", key=None).status_code == 200


def test_comparisons_that_fail_are_shown_with_why_until_one_comes_to_its_end(house: House) -> None:
    assert house.get("/health/sync", key=None).json()["chains"][0]["reconciliation_failing"] is None
    compared(house)
    for number in (1, 2):
        with house.store.transaction() as tx:
            tx.reconciliations.fail(CHAIN_ID, START + 100 * number, "state_not_kept", f"pruned, try {number}")
    (chain,) = Sync.model_validate(house.get("/health/sync", key=None).json()).chains
    failing = chain.reconciliation_failing
    assert failing is not None
    assert (failing.times, failing.error_code, failing.error) == (2, "state_not_kept", "pruned, try 2")
    assert chain.reconciliation is not None, "what was found before stands beside it"
    numbers = house.get("/metrics", key=None).text
    assert f'earnest_reconciliation_failures{{chain="{CHAIN_ID}"}} 2.0' in numbers
    assert f'earnest_reconciliation_outcome{{chain="{CHAIN_ID}",outcome="failed"}} 1.0' in numbers
    assert house.get("/health/ready", key=None).status_code == 200, "no other process would do better"
    compared(house, SENTENCE)
    assert house.get("/health/sync", key=None).json()["chains"][0]["reconciliation_failing"] is None
    numbers = house.get("/metrics", key=None).text
    assert f'earnest_reconciliation_outcome{{chain="{CHAIN_ID}",outcome="differed"}} 1.0' in numbers
    assert f'earnest_reconciliation_outcome{{chain="{CHAIN_ID}",outcome="failed"}} 0.0' in numbers


def test_before_the_first_comparison_the_numbers_say_that_there_was_none(house: House) -> None:
    assert (
        f'earnest_reconciliation_outcome{{chain="{CHAIN_ID}",outcome="none"}} 1.0'
        in house.get("/metrics", key=None).text
    )
