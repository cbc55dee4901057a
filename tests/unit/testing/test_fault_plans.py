"""The faults that users' tests order: the same seed strikes at the same questions, and each kind does what it says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from earnest.chain.errors import MalformedAnswer, NodeUnavailable, RateLimited, RpcError
from earnest.chain.node import Call, RawLog
from earnest.payment.events import EventKind
from earnest.payment.transitions import NOTHING_YET
from earnest.testing.fake_node import FakeNode
from earnest.testing.fault_plans import Fault, FaultKind, FaultPlan
from earnest.testing.faulty_node import FaultyNode
from earnest.testing.wild_errors import RANGE_ERRORS, RESULT_ERRORS
from tests.support.ledger import ESCROW, event_of, make_payment


@pytest.fixture
def node() -> FakeNode:
    node = FakeNode(ESCROW)
    for number in range(10):
        node.mine(event_of(make_payment(number), NOTHING_YET, EventKind.PAYMENT_FUNDED))
    return node


def faulty(node: FakeNode, *faults: Fault, seed: int = 1) -> FaultyNode:
    return FaultyNode(node, FaultPlan(faults, seed=seed), sleep=lambda _seconds: None)


def struck(plan: FaultPlan) -> list[bool]:
    return [plan.request(["eth_chainId"], number) is not None for number in range(200)]


def test_the_same_seed_strikes_at_the_same_questions() -> None:
    fault = Fault(FaultKind.DROP, 0.3)
    assert struck(FaultPlan([fault], seed=5)) == struck(FaultPlan([fault], seed=5))
    assert struck(FaultPlan([fault], seed=5)) != struck(FaultPlan([fault], seed=6))


def test_about_as_many_are_struck_as_the_probability_says() -> None:
    assert 30 < sum(struck(FaultPlan([Fault(FaultKind.DROP, 0.3)]))) < 90


def test_a_question_asked_again_gets_another_draw() -> None:
    plan = FaultPlan([Fault(FaultKind.DROP, 0.5)])
    assert {plan.request(["eth_chainId"], "the same") is None for _ in range(30)} == {True, False}


def test_an_outage_ends_with_its_context(node: FakeNode) -> None:
    asked = faulty(node)
    with asked.plan.also(Fault(FaultKind.DROP)), pytest.raises(NodeUnavailable):
        asked.chain_id()
    assert asked.chain_id() == node.id
    assert asked.plan.happened == {FaultKind.DROP: 1}


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (FaultKind.DROP, NodeUnavailable),
        (FaultKind.LOSE, NodeUnavailable),
        (FaultKind.TRUNCATE, NodeUnavailable),
        (FaultKind.GARBAGE, MalformedAnswer),
        (FaultKind.RATE_LIMIT, RateLimited),
        (FaultKind.SERVER_ERROR, NodeUnavailable),
        (FaultKind.RPC_ERROR, RpcError),
    ],
)
def test_what_goes_wrong_raises_as_it_would_over_http(node: FakeNode, kind: FaultKind, error: type[Exception]) -> None:
    with pytest.raises(error):
        faulty(node, Fault(kind)).chain_id()


def test_a_lost_answer_was_carried_out(node: FakeNode) -> None:
    with pytest.raises(NodeUnavailable):
        faulty(node, Fault(FaultKind.LOSE)).chain_id()
    assert node.asked == ["eth_chainId"]


def test_a_dropped_question_was_not(node: FakeNode) -> None:
    with pytest.raises(NodeUnavailable):
        faulty(node, Fault(FaultKind.DROP)).chain_id()
    assert node.asked == []


def logs(node: FaultyNode, first: int = 1, last: int = 10) -> list[RawLog]:
    return node.logs_in_range(ESCROW, first, last)


def test_logs_are_left_out_or_told_twice_in_silence(node: FakeNode) -> None:
    every = logs(faulty(node))
    assert len(every) == 10
    assert logs(faulty(node, Fault(FaultKind.EMPTY_LOGS))) == []
    some = logs(faulty(node, Fault(FaultKind.MISSING_LOGS)))
    assert 0 <= len(some) < 10
    assert all(each in every for each in some)
    twice = logs(faulty(node, Fault(FaultKind.DUPLICATE_LOGS)))
    assert len(twice) == 11
    assert [each for at, each in enumerate(twice) if each not in twice[:at]] == every


def test_a_range_is_refused_in_the_words_of_a_provider(node: FakeNode) -> None:
    limited = faulty(node, Fault(FaultKind.RANGE_LIMIT, limit=5, errors=RANGE_ERRORS[:1]))
    with pytest.raises(RpcError, match=r"this block range should work: \[0x1, 0x5\]"):
        logs(limited)
    assert len(logs(limited, 1, 5)) == 5


def test_too_many_results_are_refused(node: FakeNode) -> None:
    limited = faulty(node, Fault(FaultKind.RESULT_LIMIT, limit=5, errors=RESULT_ERRORS[:1]))
    with pytest.raises(RpcError, match="more than 5 results"):
        logs(limited)
    assert len(logs(limited, 1, 5)) == 5


def test_another_chain_answers(node: FakeNode) -> None:
    assert faulty(node, Fault(FaultKind.WRONG_CHAIN)).chain_id() == 999


def test_items_of_a_batch_fail_one_by_one(node: FakeNode) -> None:
    asked = faulty(node, Fault(FaultKind.RPC_ERROR, 0.5))
    answers = asked.batch([Call("eth_getBlockByNumber", (hex(number), False)) for number in range(10)])
    assert 0 < sum(isinstance(each, RpcError) for each in answers) < 10


def test_every_wild_error_can_be_worded() -> None:
    for each in (*RANGE_ERRORS, *RESULT_ERRORS):
        assert "{" not in each.worded(1, 100, 10)
    assert replace(RANGE_ERRORS[0], text="{asked} of {limit}").worded(1, 100, 10) == "100 of 10"
