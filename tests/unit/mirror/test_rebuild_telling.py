"""A rebuild of a mirror in which something is held back: it tells nobody of what he had not heard."""

from __future__ import annotations

from pathlib import Path

import pytest

from earnest.payment.events import EventKind
from earnest.payment.status import Status
from earnest.payment.tell_rule import parse_tell_rule
from earnest.store import Store
from tests.support.ledger import CHAIN_ID, MERCHANT, make_payment
from tests.support.rebuilding import Site, by_hand
from tests.support.stores import create, stored, told, types

FUNDED, DELIVERED = EventKind.PAYMENT_FUNDED, EventKind.DELIVERY_CONFIRMED
PAYMENT = make_payment(1, pay_by=2**33)


@pytest.fixture
def site(file_store: Store, tmp_path: Path) -> Site:
    """A payment that was just created; its merchant is told of it two blocks deep, and four make a block final."""
    with file_store.transaction() as tx:
        tx.merchants.set_tell_rule(MERCHANT.id, parse_tell_rule(["*:safe:0"]))
    create(file_store, PAYMENT)
    site = Site(file_store, tmp_path / "replays")
    site.node.mine_empty(3)
    return site


def waiting(site: Site) -> list[int]:
    with site.store.read() as tx:
        return [each.seq for each in tx.untold.of(CHAIN_ID, [PAYMENT.id]).get(PAYMENT.id, [])]


def test_what_is_held_back_in_a_healthy_mirror_stays_so_and_is_told_once(site: Site) -> None:
    site.happen(PAYMENT, FUNDED, DELIVERED)
    site.follow()
    done, said = site.rebuilt()
    assert (said, done.replaced) == ([], None)
    assert waiting(site) == [1, 2]
    site.node.mine_empty(6)
    site.follow()
    assert types(told(site.store)) == ["funded", "delivered", "finalized", "finalized"]


def test_an_event_that_was_held_back_and_is_gone_is_not_spoken_of(site: Site) -> None:
    site.happen(PAYMENT, FUNDED)
    site.follow()
    site.node.reorg(1, [[], []])
    done, _ = site.rebuilt()
    assert done.replaced is not None
    assert done.replaced.told == []
    assert stored(site.store, PAYMENT).state.status is Status.CREATED
    assert (waiting(site), told(site.store)) == ([], [])
    site.happen(PAYMENT, FUNDED)
    site.node.mine_empty(2)
    site.follow()
    assert types(told(site.store)) == ["funded"]


def test_what_he_knew_is_taken_back_without_what_he_did_not_know(site: Site) -> None:
    site.happen(PAYMENT, FUNDED)
    site.node.mine_empty(1)
    site.happen(PAYMENT, DELIVERED)
    site.follow()
    assert types(told(site.store)) == ["funded"]
    site.node.reorg(3, [[], [], []])
    site.rebuilt()
    assert types(told(site.store)) == ["funded", "reorged"]
    last = told(site.store)[-1].payload
    assert (last["data"]["status"], last["previous"]["status"]) == ("created", "funded")
    assert [each["name"] for each in last["events"]] == ["PaymentFunded"]
    assert waiting(site) == []


def test_of_two_that_he_did_not_know_the_one_that_stays_is_told_in_its_turn(site: Site) -> None:
    site.happen(PAYMENT, FUNDED, DELIVERED)
    site.follow()
    site.node.reorg(1, [[], []])
    site.rebuilt()
    assert (waiting(site), told(site.store)) == ([1], [])
    site.follow()
    assert types(told(site.store)) == ["funded"]
    assert told(site.store)[-1].payload["data"]["status"] == "funded"


def test_a_row_that_was_changed_by_hand_is_mended_and_what_waits_is_told_in_its_turn(site: Site) -> None:
    site.happen(PAYMENT, FUNDED)
    site.follow()
    by_hand(site.store, "UPDATE payments SET held = '1', status = 'released'")
    done, said = site.rebuilt()
    assert len(said) == 2
    assert done.after == done.chain
    assert (waiting(site), told(site.store)) == ([1], [])
    site.node.mine_empty(2)
    site.follow()
    assert types(told(site.store)) == ["funded"]
    assert told(site.store)[-1].payload["data"]["held"]["base_units"] == "1000000"


def test_what_the_mirror_had_missed_is_told_as_far_as_it_is_due(site: Site) -> None:
    site.happen(PAYMENT, FUNDED)
    site.node.mine_empty(2)
    site.happen(PAYMENT, DELIVERED)
    site.follow()
    assert (types(told(site.store)), waiting(site)) == (["funded"], [2])
    nothing = "status = 'created', seq = 0, held = '0', funded = '0', block_number = NULL, block_hash = NULL"
    by_hand(site.store, "DELETE FROM untold", "DELETE FROM events", f"UPDATE payments SET {nothing}")
    site.rebuilt()
    last = told(site.store)[-1].payload
    assert (types(told(site.store)), last["data"]["status"]) == (["funded", "reorged"], "funded")
    assert waiting(site) == [2]
    site.node.mine_empty(2)
    site.follow()
    assert types(told(site.store))[2:] == ["delivered", "finalized"]


def test_without_anything_held_back_a_rule_changes_nothing_of_a_rebuild(site: Site) -> None:
    site.happen(PAYMENT, FUNDED)
    site.node.mine_empty(2)
    site.follow()
    by_hand(site.store, "UPDATE payments SET held = '1'")
    site.rebuilt()
    assert types(told(site.store)) == ["funded", "reorged"]
    assert told(site.store)[-1].payload["previous"]["held"] == "1"
