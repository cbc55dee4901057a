"""Every payment against the contract itself, at one block."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from earnest.chain.endpoints import Endpoints
from earnest.chain.errors import RpcError
from earnest.chain.follower import FollowerStatus
from earnest.chain.node import Call, Node
from earnest.localnet.tokens import BLOCKLIST_TOKEN_ADDRESS, TEST_TOKEN_ADDRESS
from earnest.mirror.comparison import Reconciled
from earnest.mirror.errors import NothingMirrored, StateNotKept
from earnest.mirror.reconcile import Reconciler, Schedule
from earnest.payment.primitives import ZERO_ADDRESS
from earnest.payment.terms import Terms, payment_id
from earnest.store import Transaction
from earnest.store.leading import plain
from earnest.store.leads import follow_lead
from tests.integration.mirror.yard import NOW, VOUCHED, Yard
from tests.support.provable import CHAIN_ID, MERCHANT, account
from tests.support.rebuilding import by_hand


class Pruned(Node):
    """A node that keeps the states of its newest blocks only, as `keeps` says of a block's number."""

    endpoint = "pruned"

    def __init__(self, node: Node, keeps: Callable[[int], bool], *, knows_hashes: bool = True) -> None:
        self._node, self._keeps, self._knows_hashes = node, keeps, knows_hashes

    def call(self, method: str, params: Sequence[Any] = (), into: Any = Any) -> Any:
        if method in ("eth_call", "eth_getBalance"):
            at = params[1]
            if isinstance(at, dict):
                if not self._knows_hashes:
                    raise RpcError(method, -32602, "invalid argument 1: hex string expected")
                header = self._node.header_by_hash(at["blockHash"])
                number = -1 if header is None else header.block.number
            else:
                number = int(at, 16)
            if not self._keeps(number):
                raise RpcError(method, -32000, "missing trie node 0a1b2c (path ) state 0x0a1b2c is not available")
        return self._node.call(method, params, into)

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        return [self.call(*each) for each in calls]


class AfterAnswers(Node):
    """A node after each of whose answers something happens."""

    endpoint = "node"

    def __init__(self, node: Node, happens: Callable[[object], None]) -> None:
        self._node, self._happens = node, happens

    def call(self, method: str, params: Sequence[Any] = (), into: Any = Any) -> Any:
        answer = self._node.call(method, params, into)
        if method == "eth_call":
            self._happens(answer)
        return answer

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        return [self.call(*each) for each in calls]


def named(yard: Yard, terms: Terms) -> str:
    return payment_id(terms, CHAIN_ID, yard.town.escrow)


def test_a_mirror_that_is_right_agrees_and_each_token_adds_up(yard: Yard) -> None:
    yard.busy()
    done, said = yard.reconciled()
    assert (said, done.payments) == ([], 8)
    sums = {each.token: (each.held, each.credits, each.surplus) for each in done.tokens}
    # At the final block the second part of one payment was not refunded yet.
    assert sums == {
        ZERO_ADDRESS: (3_000_000, 0, 0),
        TEST_TOKEN_ADDRESS: (600_000, 0, 0),
        BLOCKLIST_TOKEN_ADDRESS: (0, 975_000, 0),
    }
    assert done.block.number < yard.town.head().number
    with yard.store.read() as tx:
        last = tx.reconciliations.last(CHAIN_ID)
    assert last is not None
    assert (last.block, last.payments, last.differences, last.finished_at) == (done.block, 8, 0, NOW)
    _, differences = yard.rebuilt(dry_run=True)
    assert differences == []


BY_HAND: list[tuple[str, str, list[str]]] = [
    (
        "delivered",
        "UPDATE payments SET status = 'released' WHERE id = '{id}'",
        ["payment {id}: status is released in the mirror, delivered by its events"],
    ),
    (
        "delivered",
        "DELETE FROM events WHERE payment_id = '{id}' AND seq = 2",
        [
            "payment {id}: status is funded in the mirror, delivered in the contract",
            "payment {id}: seq is 1 in the mirror, 2 in the contract",
        ],
    ),
    (
        "unpaid",
        "UPDATE payments SET seq = 1, held = '5' WHERE id = '{id}'",
        ["payment {id}: held is 5 in the mirror, 0 by its events"],
    ),
    (
        "part",
        "UPDATE events SET held = '700000' WHERE payment_id = '{id}' AND seq = 3",
        ["payment {id}: held is 700000 in the mirror, 600000 in the contract"],
    ),
    (
        "foreign",
        "UPDATE events SET held = '999999' WHERE payment_id = '{id}'",
        ["payment {id}: held is 999999 in the mirror, 1000000 in the contract"],
    ),
    (
        "disputed",
        "UPDATE events SET funding_buyer = '{merchant}' WHERE payment_id = '{id}'",
        ["payment {id}: buyer is {merchant} in the mirror"],
    ),
    (
        "whole",
        "UPDATE events SET credited = 1 WHERE payment_id = '{id}' AND seq = 2",
        ["credit of {merchant} in " + TEST_TOKEN_ADDRESS + ": amount is 975000 in the mirror, 0 in the contract"],
    ),
    (
        "unpaid",
        "UPDATE payments SET pay_by = pay_by + 1 WHERE id = '{id}'",
        ["payment {id}: the id of its terms"],
    ),
]


def rounds() -> Iterator[dict[str, tuple[str, list[str]]]]:
    """Yield changes that can be made together, one of each payment's: a rebuild after each would take half a minute."""
    left = list(BY_HAND)
    while left:
        # The first of each payment's that are left.
        yield (one := {who: (statement, sentences) for who, statement, sentences in reversed(left)})
        left = [each for each in left if each[1] != one[each[0]][0]]


def test_rows_that_somebody_changed_are_named_and_a_rebuild_mends_them(yard: Yard) -> None:
    terms = yard.busy()
    done = 0
    for changes in rounds():
        words = {who: {"id": named(yard, terms[who]), "merchant": account(MERCHANT)} for who in changes}
        by_hand(yard.store, *(statement.format(**words[who]) for who, (statement, _) in changes.items()))
        _, said = yard.reconciled()
        for who, (_, sentences) in changes.items():
            for sentence in sentences:
                assert any(each.startswith(sentence.format(**words[who])) for each in said), (sentence, said)
            done += 1
        # Of what was asked for only its merchant knows; all else comes back from the chain.
        yard.rebuilt()
        assert yard.reconciled()[1] == [each for each in said if "the id of its terms" in each]
    assert done == len(BY_HAND)


def test_a_created_payment_that_the_mirror_never_saw_funded_is_found(yard: Yard) -> None:
    terms = yard.busy()
    id_ = named(yard, terms["at once"])
    by_hand(
        yard.store,
        f"DELETE FROM events WHERE payment_id = '{id_}'",
        "UPDATE payments SET status='created', since=0, seq=0, funded='0', held='0', to_merchant='0', "
        "to_fee_recipient='0', to_buyer='0', payer=NULL, paid_for=NULL, block_number=NULL, block_hash=NULL, "
        f"block_timestamp=NULL WHERE id = '{id_}'",
    )
    assert f"payment {id_}: status is created in the mirror, released in the contract" in yard.reconciled()[1]


def test_money_that_is_not_there_is_found(yard: Yard) -> None:
    """What no row can show: the escrow has less of a token than it holds and owes."""
    yard.busy()
    yard.node.call("anvil_setBalance", (yard.town.escrow, hex(2_999_999)))
    yard.mine(6)
    yard.follow()
    done, said = yard.reconciled()
    assert said == [
        f"token {ZERO_ADDRESS}: the escrow's balance is at least 3000000, held and owed, in the mirror, "
        "2999999 on the chain"
    ]
    assert {each.token: each.surplus for each in done.tokens}[ZERO_ADDRESS] == -1


def test_a_pruned_node_is_asked_at_the_newest_block_whose_state_it_has(yard: Yard) -> None:
    yard.busy()
    head = yard.town.head()
    done, said = yard.reconciled(Pruned(yard.node, lambda number: number >= head.number))
    assert (said, done.block) == ([], head)
    done, said = yard.reconciled(Pruned(yard.node, lambda _: True, knows_hashes=False))
    assert (said, done.block.number < head.number) == ([], True)
    with pytest.raises(StateNotKept, match="Point EARNEST_RPC_URL at a node that keeps more"):
        yard.reconciled(Pruned(yard.node, lambda _: False))


def test_a_node_that_forgets_the_state_meanwhile_is_asked_anew(yard: Yard) -> None:
    yard.busy()
    head, asked = yard.town.head().number, list[int]()

    def keeps(number: int) -> bool:
        asked.append(number)
        return number >= head or len(asked) < 3

    done, said = yard.reconciled(Pruned(yard.node, keeps))
    assert (said, done.block.number) == ([], head)


def test_before_anything_is_mirrored_there_is_nothing_to_compare(yard: Yard) -> None:
    with pytest.raises(NothingMirrored):
        yard.reconciled()


def scheduled(yard: Yard, node: Node, until: Callable[[Transaction], object]) -> None:
    """Let the service's own schedule run on a node until that is so."""
    stop = threading.Event()
    schedule = Schedule(yard.reconciler(node), 0.05, breather_seconds=0.0)
    thread = threading.Thread(target=schedule.run, args=(stop,))
    thread.start()
    try:
        for _ in range(2_000):
            with yard.store.read() as tx:
                if until(tx):
                    return
            time.sleep(0.01)
        raise TimeoutError("it did not come to that")
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize(
    ("reports", "again"),
    [([(900, 0), (901, 0), (902, 0)], False), ([(900, 4_000), (4_900, 0)], True), ([(900, 0), (4_900, 0)], True)],
    ids=["follows", "was far behind", "was far behind between two looks"],
)
def test_a_backfill_that_is_over_is_compared_at_once_and_not_only_when_it_is_time(
    yard: Yard, reports: list[tuple[int, int]], again: bool
) -> None:
    yard.busy()
    reconciler = Watched(yard.reconciler(yard.node), reports)
    stop = threading.Event()
    thread = threading.Thread(
        target=Schedule(reconciler, 3_600, breather_seconds=0.0, look_seconds=0.001).run,  # type: ignore[arg-type]
        args=(stop,),
    )
    thread.start()
    assert reconciler.all_told.wait(30)
    stop.set()
    thread.join()
    assert reconciler.runs == 1 + again


class Watched:
    """A reconciler that is told how the follower fares: what is told last holds."""

    def __init__(self, reconciler: Reconciler, reports: list[tuple[int, int]]) -> None:
        self._reconciler, self._reports = reconciler, reports
        self.runs, self._looks = 0, 0
        self.all_told = threading.Event()

    def seconds_since_last(self) -> int | None:
        return self._reconciler.seconds_since_last()

    def compared_at(self) -> int:
        assert self._reconciler.compared_at() > 0
        return 900

    def followed(self) -> tuple[int, int]:
        self._looks += 1
        if self._looks > len(self._reports) + 2:
            self.all_told.set()
        return self._reports[min(self._looks, len(self._reports)) - 1]

    def run(self, **how: Any) -> Reconciled:
        self.runs += 1
        return self._reconciler.run(**how)


def test_a_schedule_that_keeps_failing_says_so_to_every_process_until_it_succeeds(yard: Yard) -> None:
    yard.busy()

    def failed_thrice(tx: Transaction) -> bool:
        failing = tx.reconciliations.failing(CHAIN_ID)
        return failing is not None and failing.times >= 3

    scheduled(yard, Pruned(yard.node, lambda _: False), failed_thrice)
    with yard.store.read() as tx:
        failing = tx.reconciliations.failing(CHAIN_ID)
        assert tx.reconciliations.last(CHAIN_ID) is None
    assert failing is not None
    assert (failing.code, failing.since, "missing trie node" in failing.error) == ("state_not_kept", NOW, True)
    scheduled(yard, yard.node, lambda tx: tx.reconciliations.last(CHAIN_ID))
    with yard.store.read() as tx:
        assert tx.reconciliations.failing(CHAIN_ID) is None


def test_what_a_node_words_is_not_shown_to_everybody_as_the_reason(yard: Yard) -> None:
    yard.reconciler().note_failure(RpcError("eth_call", -32000, "no such app: https://node.example/v2/SECRET"))
    with yard.store.read() as tx:
        failing = tx.reconciliations.failing(CHAIN_ID)
    assert failing is not None
    assert (failing.times, "error -32000" in failing.error, "SECRET" in failing.error) == (1, True, False)


def test_a_host_who_asks_another_node_by_hand_in_vain_leaves_the_services_own_state_alone(yard: Yard) -> None:
    yard.busy()
    with pytest.raises(StateNotKept):
        yard.reconciled(Pruned(yard.node, lambda _: False))
    with yard.store.read() as tx:
        assert tx.reconciliations.failing(CHAIN_ID) is None


def test_what_a_rebuild_has_mended_meanwhile_is_not_written_down_after_it(yard: Yard) -> None:
    terms = yard.busy()
    statement = f"UPDATE payments SET status = 'released' WHERE id = '{named(yard, terms['delivered'])}'"
    by_hand(yard.store, statement)
    mended = False

    def mend(_: object) -> None:
        nonlocal mended
        if mended:
            return
        mended = True
        yard.rebuilt()
        with yard.store.transaction() as tx:
            tx.processes.beat("rebuild", "rebuild", 3.0)
            assert tx.leads.take(follow_lead(CHAIN_ID), "rebuild", seize=True) is not None

    # The rows were read before the mirror was mended, so the first comparison finds what is no more.
    done = yard.reconciler(AfterAnswers(yard.node, mend)).run()
    assert (mended, [str(each) for each in done.differences]) == (True, [])
    with yard.store.read() as tx:
        last = tx.reconciliations.last(CHAIN_ID)
    assert last is not None
    assert last.differences == 0


@pytest.mark.parametrize("followed", ["one", "two", None])
def test_another_endpoint_than_the_one_that_is_followed_is_asked_first_and_named(
    yard: Yard, followed: str | None
) -> None:
    """Who lied about logs would tell the state that fits."""
    yard.busy()
    one, two = Pruned(yard.node, lambda _: True), Pruned(yard.node, lambda _: True)
    one.endpoint, two.endpoint = "one", "two"
    endpoints = Endpoints([one, two], chain_id=CHAIN_ID)
    status = FollowerStatus(endpoint=followed)
    with yard.store.transaction() as tx:  # the leader's own report, where the database takes many processes
        tx.processes.beat("leader", "follow", 60.0)
        lead = tx.leads.take(follow_lead(CHAIN_ID), "leader", seize=True)
        assert lead is not None
        tx.leads.report(lead, plain(status) or {})
    reconciler = Reconciler(
        yard.store, endpoints, CHAIN_ID, yard.town.escrow, VOUCHED.__contains__, lambda: NOW, lambda: status
    )
    assert reconciler.run().endpoint == ("one" if followed == "two" else "two")
    one._keeps = two._keeps = lambda _: False
    (one if followed == "one" else two)._keeps = lambda _: True
    assert reconciler.run().endpoint == ("one" if followed == "one" else "two")
