"""Making proofs: with every kind of node, few at a time, in a caller's time, and never of what does not hold."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from earnest.chain.errors import MalformedAnswer, NodeUnavailable, RpcError
from earnest.chain.proofs.check import check_proof
from earnest.chain.proofs.errors import (
    BlockMissing,
    EventNotThere,
    ProofDisagrees,
    ProofsBusy,
    ProofTooSlow,
    StateMoved,
    UnknownHeaderForm,
    UnknownReceiptForm,
)
from earnest.chain.proofs.make import Wanted
from earnest.chain.proofs.prover import Prover
from earnest.localnet.inprocess import EmbeddedChain
from earnest.payment.primitives import ZERO_HASH
from tests.support.provable import EmbeddedNode, Town, whole_life


class ChangingNode(EmbeddedNode):
    """A node whose answer to one method is changed before anyone sees it."""

    def __init__(self, chain: EmbeddedChain, method: str, change: Callable[[Any], Any]) -> None:
        super().__init__(chain)
        self._method, self._change = method, change

    def call(self, method: str, params: Sequence[Any] = (), into: Any = Any) -> Any:
        if method != self._method:
            return super().call(method, params, into)
        try:
            return msgspec.convert(self._change(super().call(method, params)), into)
        except msgspec.ValidationError as error:
            raise MalformedAnswer(self.endpoint, str(error)) from None


class HangingNode(EmbeddedNode):
    """A node that answers nothing more until it is let go on, after so many answers."""

    def __init__(self, chain: EmbeddedChain, answers: int = 0) -> None:
        super().__init__(chain)
        self._answers, self.go_on = answers, threading.Event()

    def call(self, method: str, params: Sequence[Any] = (), into: Any = Any) -> Any:
        if len(self.asked) >= self._answers:
            self.go_on.wait(60)
        return super().call(method, params, into)


@pytest.fixture(scope="module")
def wanted(town: Town) -> Wanted:
    return town.wanted(whole_life(town))


def test_a_node_without_storage_proofs_gives_a_proof_that_says_so(chain: EmbeddedChain, wanted: Wanted) -> None:
    proven = check_proof(Prover(EmbeddedNode(chain, "eth_getProof")).prove(wanted))
    assert (proven.current_at, proven.why_no_state) == (None, "not_offered")
    assert proven.state == wanted.state


def test_a_node_that_has_lost_the_state_of_the_block_gives_a_proof_that_says_so(
    chain: EmbeddedChain, wanted: Wanted
) -> None:
    def refuse(_answer: Any) -> Any:
        raise RpcError("eth_getProof", -32000, "missing trie node")

    proven = check_proof(Prover(ChangingNode(chain, "eth_getProof", refuse)).prove(wanted))
    assert (proven.current_at, proven.why_no_state) == (None, "refused")


def test_a_node_without_block_receipts_is_asked_for_one_after_the_other(chain: EmbeddedChain, wanted: Wanted) -> None:
    node = EmbeddedNode(chain, "eth_getBlockReceipts")
    assert Prover(node).prove(wanted) == Prover(EmbeddedNode(chain)).prove(wanted)
    assert "eth_getTransactionReceipt" in node.asked


def test_a_receipt_among_many_is_proven(chain: EmbeddedChain, town: Town) -> None:
    terms = [town.terms(number) for number in range(100, 140)]
    chain.request("evm_setAutomine", [False])
    try:
        hashes = [town.fund_unmined(each, place % 6 + 1) for place, each in enumerate(terms)]
        chain.request("evm_mine")
    finally:
        chain.request("evm_setAutomine", [True])
    assert len({chain.request("eth_getTransactionReceipt", [each])["blockHash"] for each in hashes}) == 1
    for each in terms[::7]:
        proven = check_proof(Prover(town.node).prove(town.wanted(each)))
        assert proven.state.seq == 1


def test_what_was_asked_for_once_is_not_asked_again(chain: EmbeddedChain, wanted: Wanted) -> None:
    node = EmbeddedNode(chain)
    prover = Prover(node)
    first = prover.prove(wanted)
    assert node.asked.count("eth_getBlockReceipts") == 5
    assert prover.prove(wanted) == first
    assert node.asked.count("eth_getBlockReceipts") == 5


def test_what_does_not_fit_into_the_memory_is_forgotten(chain: EmbeddedChain, wanted: Wanted) -> None:
    node = EmbeddedNode(chain)
    prover = Prover(node, cache_bytes=1)
    assert prover.prove(wanted) == prover.prove(wanted)
    assert node.asked.count("eth_getBlockReceipts") == 10


def test_a_caller_waits_for_his_time_only_and_finds_the_work_done_when_he_comes_again(
    chain: EmbeddedChain, wanted: Wanted
) -> None:
    node = HangingNode(chain, answers=4)  # two blocks' worth
    prover = Prover(node, timeout_seconds=1.0)
    with pytest.raises(ProofTooSlow):
        prover.prove(wanted)
    node.go_on.set()
    assert check_proof(prover.prove(wanted)).state == wanted.state
    # The third block may be asked for twice, since its first answer was still on its way; the two before it are not.
    assert node.asked.count("eth_getBlockReceipts") <= 6


def test_whoever_comes_on_top_is_told_to_come_again_until_the_node_has_answered(
    chain: EmbeddedChain, wanted: Wanted
) -> None:
    node = HangingNode(chain)
    prover = Prover(node, at_once=2, timeout_seconds=0.1)
    for _ in range(2):
        with pytest.raises(ProofTooSlow):
            prover.prove(wanted)
    # Both callers have gone; their questions have not.
    with pytest.raises(ProofsBusy):
        prover.prove(wanted)
    node.go_on.set()


def zeroed(answer: dict[str, Any], name: str) -> dict[str, Any]:
    return {**answer, name: "0x0"}


def test_a_header_that_does_not_hash_is_refused(chain: EmbeddedChain, wanted: Wanted) -> None:
    node = ChangingNode(chain, "eth_getBlockByHash", lambda answer: zeroed(answer, "gasUsed"))
    with pytest.raises(UnknownHeaderForm):
        Prover(node).prove(wanted)


@pytest.mark.parametrize("name", ["cumulativeGasUsed", "status"])
def test_receipts_that_do_not_hash_are_refused(chain: EmbeddedChain, wanted: Wanted, name: str) -> None:
    node = ChangingNode(chain, "eth_getBlockReceipts", lambda answer: [zeroed(each, name) for each in answer])
    with pytest.raises(UnknownReceiptForm):
        Prover(node).prove(wanted)


def test_receipts_without_the_event_are_refused(chain: EmbeddedChain, wanted: Wanted) -> None:
    node = ChangingNode(chain, "eth_getBlockReceipts", lambda answer: [{**each, "logs": []} for each in answer])
    with pytest.raises(EventNotThere):
        Prover(node).prove(wanted)


def test_a_block_that_the_node_does_not_have_can_be_asked_for_again(chain: EmbeddedChain, wanted: Wanted) -> None:
    for method in ("eth_getBlockByHash", "eth_getBlockReceipts"):
        with pytest.raises(BlockMissing) as caught:
            Prover(ChangingNode(chain, method, lambda _answer: None)).prove(wanted)
        assert caught.value.retryable


def test_the_storage_of_another_block_is_refused(chain: EmbeddedChain, wanted: Wanted) -> None:
    earlier = EmbeddedNode(chain).call("eth_getProof", (wanted.escrow, [wanted.payment_id], "0x4"))
    with pytest.raises(StateMoved):
        Prover(ChangingNode(chain, "eth_getProof", lambda _answer: earlier)).prove(wanted)


@pytest.mark.parametrize("bad", ["0xzz", "", "zz", "0x1"])
def test_answers_that_cannot_be_read_are_the_nodes_fault(chain: EmbeddedChain, wanted: Wanted, bad: str) -> None:
    changes: list[tuple[str, Callable[[Any], Any]]] = [
        ("eth_getBlockByHash", lambda answer: {**answer, "parentHash": bad}),
        ("eth_getBlockReceipts", lambda answer: [{**each, "logsBloom": bad} for each in answer]),
        ("eth_getProof", lambda answer: {**answer, "accountProof": [bad]}),
        ("eth_getProof", lambda answer: {**answer, "storageProof": []}),
        ("eth_getBlockReceipts", lambda _answer: [bad]),
    ]
    for method, change in changes:
        with pytest.raises((NodeUnavailable, UnknownHeaderForm, UnknownReceiptForm, StateMoved)):
            Prover(ChangingNode(chain, method, change)).prove(wanted)


def test_a_mirror_that_believes_something_else_gets_no_proof_of_it(chain: EmbeddedChain, wanted: Wanted) -> None:
    wrong = replace(wanted, state=replace(wanted.state, held=1))
    with pytest.raises(ProofDisagrees, match="fold"):
        Prover(EmbeddedNode(chain)).prove(wrong)
    block, event = wanted.events[0]
    with pytest.raises(ProofDisagrees, match="event 1"):
        Prover(EmbeddedNode(chain)).prove(replace(wanted, events=((block, replace(event, held=5)), *wanted.events[1:])))
    with pytest.raises(BlockMissing):
        Prover(EmbeddedNode(chain)).prove(replace(wanted, head=replace(wanted.head, hash=ZERO_HASH)))
