"""A replay beside the mirror: the same bytes where all is well; named, mended and told once where not."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from earnest.mirror.errors import GenesisChanged, NothingMirrored, RebuildUnderWay
from earnest.mirror.rebuild import Hold
from earnest.mirror.replay import Tell
from earnest.payment.events import CreditWithdrawn, DepositReturned, EventKind, OperatorDismissed
from earnest.payment.primitives import Hash32
from earnest.payment.record import Payment
from earnest.payment.status import Status
from earnest.store import Store
from tests.support.ledger import BUYER, CHAIN_ID, OPERATOR, PAYOUT, TOKEN, make_payment
from tests.support.rebuilding import Site, by_hand
from tests.support.stores import create, stored, told, types

FUNDED, DELIVERED, RELEASED = EventKind.PAYMENT_FUNDED, EventKind.DELIVERY_CONFIRMED, EventKind.PAYMENT_RELEASED
FIRST, SECOND, UNPAID = (make_payment(number, pay_by=2**33) for number in (1, 2, 3))
FOREIGN = make_payment(9, account=None, pay_by=2**33)


@pytest.fixture
def site(file_store: Store, tmp_path: Path) -> Site:
    """Payments of every kind, a reorg behind them, half of it final, and things that stand beside payments."""
    site = Site(file_store, tmp_path / "replays")
    for payment in (FIRST, SECOND, UNPAID):
        create(site.store, payment)
    site.happen(FIRST, FUNDED, DELIVERED)
    site.node.mine(site.next(FOREIGN, FUNDED), DepositReturned(UNPAID.id, TOKEN, BUYER, 7))
    site.follow()
    site.happen(SECOND, FUNDED)
    site.follow()
    site.node.reorg(1, [[OperatorDismissed(PAYOUT, OPERATOR)], [CreditWithdrawn(BUYER, TOKEN, 5)]])
    site.follow()
    site.node.mine_empty(3)
    site.happen(SECOND, FUNDED)
    site.happen(FIRST, RELEASED)
    site.follow()
    return site


def dump(store: Store) -> list[str]:
    """Every row of every table."""
    with sqlite3.connect(str(store._url.database)) as connection:
        return list(connection.iterdump())


def facts(store: Store) -> list[str]:
    """What a dump has of the chain's facts alone, without the name of the last batch."""
    tables = ("events", "blocks", "side_events", "credit_withdrawals", "dismissals")
    return sorted(line for line in dump(store) if line.startswith(tuple(f'INSERT INTO "{table}"' for table in tables)))


def test_a_healthy_mirror_stays_as_it_is_to_the_last_byte(site: Site) -> None:
    before = dump(site.store)
    done, said = site.rebuilt()
    assert (said, done.differences, done.replaced) == ([], 0, None)
    assert done.before == done.chain == done.after == site.hash()
    assert dump(site.store) == before
    assert list(site.folder.iterdir()) == []


BY_HAND: dict[str, dict[str, str | tuple[str, ...]]] = {
    "payments": {
        "UPDATE payments SET held = '1' WHERE id = :first": "payment {first}: held is 1 in the mirror, 0 on the chain",
        "UPDATE payments SET status = 'nonsense', amount = 'many' WHERE id = :second": (
            "payment {second}: status is nonsense in the mirror, funded on the chain",
            "payment {second}: amount is many in the mirror, 1000000 on the chain",
        ),
        "UPDATE payments SET status = 'funded' WHERE id = :unpaid": (
            "payment {unpaid}: status is funded in the mirror, created on the chain"
        ),
        "UPDATE payments SET version = 0 WHERE id = :first": (
            "payment {first}: version is 0 in the mirror, at least 5, by what its merchant was told, on the chain"
        ),
        "UPDATE payments SET payer = NULL WHERE id = :foreign": "payment {foreign}: payer is nothing in the mirror",
    },
    "events": {
        "DELETE FROM events WHERE seq = 2": "missing in the mirror",
        "UPDATE events SET moved_to_merchant = '7', final = 1 WHERE seq = 3": (
            "moved_to_merchant is 7 in the mirror, 975000",
            "final is 1 in the mirror, 0 on the chain",
        ),
        "UPDATE events SET payment_id = '0xdead' WHERE payment_id = :second AND NOT orphaned": (
            "event without a payment in block"
        ),
    },
    "events again": {
        "UPDATE events SET orphaned = 1 WHERE seq = 2": "missing in the mirror",
        "UPDATE events SET kind = 'Nonsense' WHERE seq = 3": "kind is Nonsense in the mirror",
        "UPDATE events SET payment_id = :second WHERE payment_id = :foreign": (
            "payment_id is {second} in the mirror, {foreign}"
        ),
    },
    "beside": {
        "UPDATE side_events SET amount = '8'": "amount is 8 in the mirror, 7 on the chain",
        "DELETE FROM credit_withdrawals": "withdrawal",
        "UPDATE dismissals SET operator = merchant": "operator is",
    },
    "position": {
        "DELETE FROM blocks WHERE number = (SELECT max(number) FROM blocks)": "missing in the mirror",
        "UPDATE chains SET final_number = 1": "cursor: final_number is 1 in the mirror, 6 on the chain",
    },
    "position again": {
        "UPDATE blocks SET parent_hash = hash": "parent_hash is",
        "UPDATE chains SET head_hash = '0x00'": "cursor: head_hash is 0x00 in the mirror",
    },
}


@pytest.mark.parametrize("which", BY_HAND)
def test_rows_that_somebody_changed_are_named_and_mended(site: Site, which: str) -> None:
    before, right = facts(site.store), site.hash()
    ids = {"first": FIRST.id, "second": SECOND.id, "unpaid": UNPAID.id, "foreign": FOREIGN.id}
    for statement in BY_HAND[which]:
        by_hand(site.store, statement, **{name: id_ for name, id_ in ids.items() if f":{name}" in statement})
    done, said = site.rebuilt()
    for sentences in BY_HAND[which].values():
        for sentence in [sentences] if isinstance(sentences, str) else sentences:
            assert any(sentence.format(**ids) in each for each in said), said
    assert done.replaced is not None
    assert done.chain == done.after == right
    assert facts(site.store) == before
    assert site.compared()[1] == []


def test_comparing_alone_writes_nothing(site: Site) -> None:
    by_hand(site.store, "UPDATE payments SET held = '1' WHERE seq = 1")
    before = dump(site.store)
    done, said = site.compared()
    assert (len(said), done.replaced, done.before == done.chain) == (2, None, False)
    assert dump(site.store) == before


def test_whoever_changed_is_told_once_and_nobody_else(site: Site) -> None:
    quiet, before = types(told(site.store, FIRST)), stored(site.store, SECOND).version
    by_hand(site.store, "UPDATE payments SET status = 'released', held = '0' WHERE id = :id", id=SECOND.id)
    done, _ = site.rebuilt()
    assert done.replaced is not None
    assert done.replaced.told == [SECOND.id]
    last = told(site.store, SECOND)[-1]
    assert (last.type, last.version) == ("payment.reorged", before + 1)
    assert (last.payload["data"]["status"], last.payload["data"]["version"]) == ("funded", before + 1)
    assert (last.payload["previous"]["status"], last.payload["previous"]["held"]) == ("released", "0")
    assert stored(site.store, SECOND).version == before + 1
    assert types(told(site.store, FIRST)) == quiet
    site.rebuilt()
    assert told(site.store, SECOND)[-1] == last


def test_rows_that_no_chain_told_go(site: Site) -> None:
    """A foreign payment that never was, with its events; an event that no timeline could show."""
    before = facts(site.store)
    ghost = "0x" + "ab" * 32
    by_hand(
        site.store,
        "INSERT INTO payments SELECT * FROM payments WHERE 0",
        *_copied("payments", "id", ghost, f"id = '{FOREIGN.id}'"),
        *_copied("events", "payment_id", ghost, f"payment_id = '{FOREIGN.id}'"),
        "UPDATE events SET block_hash = '0x01' WHERE payment_id = '" + ghost + "'",
    )
    _, said = site.rebuilt()
    assert any(ghost in each for each in said)
    with site.store.read() as tx:
        assert tx.payments.get(CHAIN_ID, Hash32(ghost)) is None
    assert facts(site.store) == before


def _copied(table: str, column: str, value: str, where: str) -> list[str]:
    """Copy a row under another value of one column."""
    return [
        f"CREATE TABLE copied AS SELECT * FROM {table} WHERE {where}",
        f"UPDATE copied SET {column} = '{value}'" + (", block_hash = '0x02'" if table == "events" else ""),
        f"INSERT INTO {table} SELECT * FROM copied",
        "DROP TABLE copied",
    ]


def test_a_reorg_past_finality_is_mended_and_the_follower_goes_on_by_itself(site: Site) -> None:
    depth = site.node.head.number - 2  # the first payment's delivery goes, though it was final
    site.node.reorg(depth, [[] for _ in range(depth + 6)])
    done, said = site.rebuilt()
    assert said
    assert done.head is not None
    assert stored(site.store, FIRST).state == site.state(FIRST)
    assert stored(site.store, FIRST).state.status is Status.DELIVERED
    with site.store.read() as tx:
        assert tx.payments.get(CHAIN_ID, FOREIGN.id) is None
        assert [each.orphaned for each in tx.events.timeline(CHAIN_ID, FIRST.id)] == [False, False, True]
    assert stored(site.store, SECOND).state.status is Status.CREATED
    assert [types(told(site.store, each))[-1] for each in (FIRST, SECOND)] == ["reorged", "reorged"]
    lost = told(site.store, FIRST)[-1].payload["events"]
    assert [each["name"] for each in lost] == ["PaymentReleased"]
    site.happen(SECOND, FUNDED)
    site.follow()
    assert types(told(site.store, SECOND))[-2:] == ["reorged", "funded"]
    assert site.compared()[1] == []


def test_a_chain_without_any_of_the_mirrors_blocks_empties_it(site: Site) -> None:
    site.node.reorg(site.node.head.number, [[] for _ in range(40)])
    done, _ = site.rebuilt()
    assert done.head is None
    assert stored(site.store, FIRST).state == FIRST.state
    assert stored(site.store, FIRST).order_reference == FIRST.order_reference
    site.follow()
    assert site.compared()[1] == []


def test_a_reorg_that_nobody_followed_yet_is_no_fault_of_the_mirror_and_mended_all_the_same(site: Site) -> None:
    site.node.reorg(1, [[], []])
    site.rebuilt()
    assert stored(site.store, FIRST).state.status is Status.DELIVERED
    site.follow()
    assert site.compared()[1] == []


def test_what_cannot_be_mended_is_said_and_left(site: Site) -> None:
    """Only its merchant knows what was asked for."""
    by_hand(site.store, "UPDATE payments SET amount = '5' WHERE id = :id", id=UNPAID.id)
    done, said = site.rebuilt()
    assert (done.differences, done.left, done.replaced) == (1, 1, None)
    assert said[0].startswith(f"payment {UNPAID.id}: the id of its terms is 0x")


def test_ended_at_any_moment_it_leaves_the_mirror_as_it_was(site: Site) -> None:
    by_hand(site.store, "UPDATE payments SET held = '1'", "DELETE FROM events WHERE seq = 1", "DELETE FROM dismissals")
    before = dump(site.store)
    reached = 0
    while True:
        left = reached

        def progress(_: Tell) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise KeyboardInterrupt

        try:
            site.rebuilt(progress)
        except KeyboardInterrupt:
            assert dump(site.store) == before
            reached += 1
        else:
            break
    assert reached > 4
    assert site.compared()[1] == []


def test_an_interrupted_replay_goes_on_where_it_was(site: Site) -> None:
    site.node.mine_empty(5)
    asked: list[int] = []

    def ended_late(told_: Tell) -> None:
        asked.append(told_.done)
        if told_.done > 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        site.rebuilt(ended_late)
    begun: list[int] = []
    site.rebuilt(lambda told_: begun.append(told_.done))
    assert asked[0] == 0
    assert begun[0] > 5
    assert list(site.folder.iterdir()) == []


def test_it_refuses_another_chain_and_an_empty_database(site: Site, memory_store: Store, tmp_path: Path) -> None:
    with pytest.raises(NothingMirrored):
        Site(memory_store, tmp_path / "elsewhere", site.node).rebuilt()
    site.node.wipe()
    before = dump(site.store)
    with pytest.raises(GenesisChanged):
        site.rebuilt()
    assert dump(site.store) == before


def test_the_hash_is_of_the_chain_and_of_nothing_else(site: Site) -> None:
    final = site.node.finalized
    at_final = site.hash(final)
    by_hand(
        site.store,
        "UPDATE payments SET version = version + 1, order_reference = 'x', told_expired = 1, recorded_at = 0",
        "DELETE FROM deliveries",
        "DELETE FROM notifications",
    )
    assert site.hash(final) == at_final
    site.happen(SECOND, DELIVERED)
    site.follow()
    assert site.hash(final) == at_final
    assert site.hash() != at_final


@pytest.mark.parametrize("payment", [FIRST, SECOND], ids=["all final", "later events"])
def test_the_hash_changes_with_each_fact(site: Site, payment: Payment) -> None:
    right = site.hash()
    for column in ("status", "held", "to_buyer", "payer", "block_hash", "since"):
        kept = f"(SELECT {column} FROM payments WHERE id = '{payment.id}')"
        by_hand(site.store, f"CREATE TABLE kept AS SELECT {kept} AS value")
        by_hand(site.store, f"UPDATE payments SET {column} = '77' WHERE id = :id", id=payment.id)
        assert site.hash() != right, column
        by_hand(site.store, f"UPDATE payments SET {column} = (SELECT value FROM kept) WHERE id = :id", id=payment.id)
        by_hand(site.store, "DROP TABLE kept")
        assert site.hash() == right


def test_two_at_once_in_one_folder_never_share_a_file(site: Site) -> None:
    def again(_: Tell) -> None:
        with pytest.raises(RebuildUnderWay):
            site.compared()

    assert site.rebuilt(again)[1] == []
    assert list(site.folder.iterdir()) == []


def test_a_follower_at_work_is_caught_up_with_and_kept_out_only_at_the_end(site: Site) -> None:
    """The mirror goes on while the chain is replayed; whoever follows stands by once both are about to be compared."""
    by_hand(site.store, "UPDATE payments SET held = '1' WHERE id = :first", first=FIRST.id)
    is_alone, went_on = False, 0

    @contextmanager
    def alone() -> Iterator[Hold]:
        nonlocal is_alone
        is_alone = True
        yield lambda _: None

    def go_on(told: Tell) -> None:
        nonlocal went_on
        if not is_alone and told.done > 3 and went_on < 2:
            went_on += 1
            site.node.mine_empty(2)
            site.follow()

    said: list[str] = []
    done = site.rebuild(go_on).run(lambda each: said.append(str(each)), alone)
    assert (went_on, len(said)) == (2, 1), said
    assert done.after == done.chain == site.hash()
    assert site.compared()[1] == []
