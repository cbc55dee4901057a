"""The sender by example: what it refuses, what it sends, and what it does when the chain does not play along."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from earnest.chain.errors import (
    ChainMismatch,
    NodeTimeout,
    NodeUnavailable,
    OperatorOutOfGasMoney,
    RpcError,
    TooMuchGas,
    TxWouldRevert,
)
from earnest.chain.sender import Sender
from earnest.chain.sending import OutgoingTx, SignedTx, TxIntent, TxState, UnsignedTx
from earnest.chain.submitting import MOST_TX_GAS
from earnest.payment.errors import EarnestError
from earnest.payment.primitives import hash32
from earnest.settings import FinalityRule
from earnest.testing.fake_journal import FileJournal
from earnest.testing.fake_node import ESTIMATE, FakeNode, read_tx
from tests.unit.chain.examples import CHAIN_ID, ESCROW, operator

STUCK_AFTER = 60


def intent(number: int = 0) -> TxIntent:
    data = b"confirm" + bytes([number])
    return TxIntent("confirm_delivery", hash32(bytes([number]) * 32), ESCROW, data, 0, "mer_1", f"confirm:{number}")


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Office:
    """A sender with all that it needs; `restart` kills it and starts another on the same journal."""

    def __init__(self, path: Path) -> None:
        self.node = FakeNode(ESCROW)
        self.journal = FileJournal(path / "journal.json", CHAIN_ID, operator().address)
        self.clock = Clock()
        self.options: dict[str, Any] = {"poll_seconds": 0.01}
        self.restart()

    def restart(self, **options: Any) -> None:
        self.options.update(options)
        self.sender = Sender(
            self.node,
            self.journal,
            operator(),
            chain_id=CHAIN_ID,
            finality=FinalityRule(tag="finalized"),
            stuck_after_seconds=STUCK_AFTER,
            clock=self.clock,
            **self.options,
        )

    def tx(self, tx_id: str = "tx_0") -> OutgoingTx:
        return next(tx for tx in self.journal.all() if tx.id == tx_id)

    def mine_and_step(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            self.node.mine()
            self.sender.step()


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def fail(office: Office, method: str, error: EarnestError, times: int = 1) -> None:
    left = [times]

    def fault(asked: str, _params: Sequence[Any]) -> EarnestError | None:
        if asked == method and left[0]:
            left[0] -= 1
            return error
        return None

    office.node.faults = fault


def test_a_tx_goes_from_signed_to_final(office: Office) -> None:
    tx = office.sender.submit(intent())
    assert (tx.state, tx.nonce, len(tx.attempts)) == (TxState.SIGNED, 0, 1)
    assert office.node.sent == []
    office.sender.step()
    assert office.tx().state is TxState.BROADCAST
    block = office.node.mine()
    office.sender.step()
    assert office.tx().state is TxState.INCLUDED
    found = office.tx().block
    assert found is not None
    assert (found.number, found.hash, found.timestamp) == (block.number, block.hash, block.timestamp)
    office.mine_and_step(4)
    assert office.tx().state is TxState.FINAL
    assert office.sender.step() == []
    assert office.sender.status().unsettled == 0


def test_what_is_signed_is_what_was_meant(office: Office) -> None:
    signed = office.sender.submit(intent()).newest
    seen = read_tx(signed.raw)
    assert (seen.hash, seen.sender, seen.nonce) == (signed.hash, operator().address, 0)
    assert (seen.to, seen.data, seen.value) == (ESCROW.lower(), intent().data, 0)
    assert (seen.gas, seen.max_fee, seen.tip) == (ESTIMATE * 125 // 100, 3 * 10**9, 10**9)


def test_the_bytes_are_stored_before_anything_is_broadcast(office: Office) -> None:
    def die(name: str, done: bool) -> None:
        raise NodeUnavailable("journal", "is full")

    office.journal.fault = die
    with pytest.raises(NodeUnavailable):
        office.sender.submit(intent())
    assert office.node.sent == []


def test_two_intents_get_two_nonces_and_the_same_intent_gets_one(office: Office) -> None:
    first = office.sender.submit(intent(1))
    second = office.sender.submit(intent(2))
    assert (first.nonce, second.nonce) == (0, 1)
    assert office.sender.submit(intent(1)) == first


def test_an_intent_submitted_again_gets_its_tx_even_if_it_would_revert_by_now(office: Office) -> None:
    first = office.sender.submit(intent())
    office.node.reverting[intent().data] = "0x"
    assert office.sender.submit(intent()).id == first.id


def test_a_tx_that_would_revert_is_refused_with_the_contracts_reason(office: Office) -> None:
    office.node.reverting[intent().data] = "0xdeadbeef" + "00" * 32
    office.restart(explain=lambda data: "ConfirmTooLate" if data.startswith("0xdeadbeef") else None)
    with pytest.raises(TxWouldRevert, match="confirm_delivery would be refused by the contract: ConfirmTooLate"):
        office.sender.submit(intent())
    assert office.journal.all() == []


@pytest.mark.parametrize(
    ("code", "message", "data"),
    [
        (3, "execution reverted: no", None),
        (-32000, "execution reverted", {"data": "0x12345678"}),
        (-32015, "VM execution error.", "Reverted 0x12345678"),
        (-32603, "Error: VM Exception while processing transaction: reverted with custom error", None),
    ],
)
def test_every_way_in_which_nodes_tell_a_revert_is_understood(
    office: Office, code: int, message: str, data: object
) -> None:
    fail(office, "eth_estimateGas", RpcError("eth_estimateGas", code, message, data))
    with pytest.raises(TxWouldRevert):
        office.sender.submit(intent())


def test_a_strangers_contract_that_burns_more_than_the_intent_allows_gets_no_tx(office: Office) -> None:
    office.node.estimate = 1_000_001
    with pytest.raises(TooMuchGas, match="1000001 gas, and at most 1000000"):
        office.sender.submit(replace(intent(), most_gas=1_000_000))
    assert office.journal.all() == []


@pytest.mark.parametrize(
    ("estimate", "least", "most", "signed"),
    [
        (50_000, 0, 1_000_000, 62_500),
        (50_000, 800_000, 1_000_000, 800_000),
        (900_000, 0, 1_000_000, 1_000_000),
        (MOST_TX_GAS - 1, 0, None, MOST_TX_GAS),
        (MOST_TX_GAS * 81 // 100, 0, 2 * MOST_TX_GAS, MOST_TX_GAS),
    ],
)
def test_no_tx_is_signed_with_more_gas_than_it_may_burn_or_a_chain_takes(
    office: Office, estimate: int, least: int, most: int | None, signed: int
) -> None:
    office.node.estimate = estimate
    tx = office.sender.submit(replace(intent(), least_gas=least, most_gas=most))
    assert (tx.gas, read_tx(tx.newest.raw).gas) == (signed, signed)


def test_no_tx_is_signed_with_more_gas_than_a_small_block_holds(office: Office) -> None:
    def small_blocks(method: str, _: object, answer: Any) -> Any:
        return {**answer, "gasLimit": hex(1_600_000)} if method == "eth_getBlockByNumber" else answer

    office.node.tamper = small_blocks
    office.node.estimate = 1_400_000
    assert office.sender.submit(intent()).gas == 1_500_000
    office.node.estimate = 1_500_001
    with pytest.raises(TooMuchGas, match="at most 1500000"):
        office.sender.submit(intent(1))


def test_what_no_chain_would_ever_take_holds_up_nothing(office: Office) -> None:
    office.node.estimate = MOST_TX_GAS + 1
    with pytest.raises(TooMuchGas):
        office.sender.submit(intent())
    office.node.estimate = ESTIMATE
    assert office.sender.submit(intent(1)).nonce == 0


def test_a_node_that_cannot_estimate_is_not_taken_for_a_revert(office: Office) -> None:
    fail(office, "eth_estimateGas", RpcError("eth_estimateGas", -32603, "internal error"))
    with pytest.raises(RpcError, match="internal error"):
        office.sender.submit(intent())


def test_an_operator_without_gas_money_is_told_address_and_amount(office: Office) -> None:
    office.node.balances[operator().address] = 1_000
    needed = (ESTIMATE * 125 // 100) * 3 * 10**9
    with pytest.raises(OperatorOutOfGasMoney) as raised:
        office.sender.submit(intent())
    assert (raised.value.balance, raised.value.needed) == (1_000, needed)
    assert operator().address in str(raised.value)
    assert str(needed) in str(raised.value)
    assert office.journal.all() == []


def test_what_waits_unmined_is_reckoned_with(office: Office) -> None:
    one = (ESTIMATE * 125 // 100) * 3 * 10**9
    office.node.balances[operator().address] = one + one // 2
    office.sender.submit(intent(1))
    with pytest.raises(OperatorOutOfGasMoney) as raised:
        office.sender.submit(intent(2))
    assert raised.value.needed == 2 * one


def test_a_node_that_refuses_to_estimate_for_a_poor_account_is_understood(office: Office) -> None:
    office.node.balances[operator().address] = 0
    error = RpcError("eth_estimateGas", -32000, "insufficient funds for gas * price + value")
    fail(office, "eth_estimateGas", error)
    with pytest.raises(OperatorOutOfGasMoney):
        office.sender.submit(intent())


def test_a_node_on_another_chain_is_told_before_anything_is_signed(office: Office) -> None:
    office.node.id = 1
    with pytest.raises(ChainMismatch):
        office.sender.submit(intent())
    assert office.journal.all() == []


def test_after_a_crash_the_same_bytes_are_broadcast(office: Office) -> None:
    tx = office.sender.submit(intent())
    office.restart()
    office.sender.step()
    assert [each.hash for each in office.node.sent] == [tx.newest.hash]


def test_a_node_that_forgot_its_pool_gets_the_same_bytes_again(office: Office) -> None:
    office.sender.submit(intent())
    office.sender.step()
    office.node.forget_pool()
    office.sender.step()
    office.sender.step()
    assert len(office.node.sent) == 2
    assert len({each.hash for each in office.node.sent}) == 1


def test_an_answer_that_was_lost_changes_nothing(office: Office) -> None:
    """The node took the tx, but the connection broke before it said so."""
    office.sender.submit(intent())

    def lose(method: str, _params: Sequence[Any], result: Any) -> Any:
        if method == "eth_sendRawTransaction":
            raise NodeTimeout("fake", "did not answer")
        return result

    office.node.tamper = lose
    with pytest.raises(NodeTimeout):
        office.sender.step()
    assert office.tx().state is TxState.SIGNED
    office.node.tamper = None
    office.sender.step()
    assert office.tx().state is TxState.BROADCAST
    assert len(office.node.sent) == 1


def test_a_reorg_takes_a_tx_back_and_it_is_sent_again(office: Office) -> None:
    office.node.mine_empty(3)
    office.sender.submit(intent())
    office.sender.step()
    office.mine_and_step()
    assert office.tx().state is TxState.INCLUDED
    office.node.reorg(1, [[], []], keep_txs=False)
    office.sender.step()
    assert (office.tx().state, office.tx().block) == (TxState.BROADCAST, None)
    office.mine_and_step()
    assert office.tx().state is TxState.INCLUDED
    assert office.tx().block == replace(_block_ref(office), number=office.node.head.number)
    office.mine_and_step(4)
    assert office.tx().state is TxState.FINAL
    assert len({each.hash for each in office.node.sent}) == 1


def _block_ref(office: Office) -> Any:
    block = office.tx().block
    assert block is not None
    assert block.hash == office.node.blocks[block.number].block.hash
    return block


def test_a_tx_that_reverts_when_mined_is_failed_once_that_is_final(office: Office) -> None:
    office.sender.submit(intent())
    office.sender.step()
    office.node.reverting[intent().data] = "0x"
    office.mine_and_step()
    assert (office.tx().state, office.tx().error) == (
        TxState.INCLUDED,
        "the contract refused it when it was mined",
    )
    office.mine_and_step(4)
    assert office.tx().state is TxState.FAILED


def stick(office: Office) -> None:
    """Let an attempt wait too long while blocks go by without it."""
    office.node.mine_empty(1)
    office.clock.now += STUCK_AFTER


def test_a_stuck_tx_is_replaced_with_the_same_nonce_and_more_of_both_fees(office: Office) -> None:
    office.sender.submit(intent())
    office.sender.step()
    stick(office)
    office.sender.step()
    first, second = office.tx().attempts
    assert (first.nonce, second.nonce) == (0, 0)
    assert second.max_fee_per_gas * 1000 >= first.max_fee_per_gas * 1125
    assert second.max_priority_fee_per_gas * 1000 >= first.max_priority_fee_per_gas * 1125
    assert [each.hash for each in office.node.sent] == [first.hash, second.hash]
    office.mine_and_step()
    assert office.node.mined_txs()[0].hash == second.hash
    office.mine_and_step(4)
    assert office.tx().state is TxState.FINAL


def test_the_older_attempt_counts_when_it_is_the_one_that_was_mined(office: Office) -> None:
    office.sender.submit(intent())
    office.sender.step()
    stick(office)
    older = next(iter(office.node.pool.values()))
    office.sender.step()
    office.node.pool[(older.sender, 0)] = older
    office.mine_and_step(5)
    assert office.node.mined_txs()[0].hash == office.tx().attempts[0].hash
    assert office.tx().state is TxState.FINAL


def test_a_replacement_is_stored_before_it_is_broadcast(office: Office) -> None:
    office.sender.submit(intent())
    office.sender.step()
    stick(office)
    stored: list[int] = []
    office.journal.fault = lambda name, done: stored.append(len(office.node.sent)) if name == "add_attempt" else None
    office.sender.step()
    assert stored == [1, 1]
    assert len(office.node.sent) == 2


def test_a_chain_that_rests_does_not_make_it_bid_against_itself(office: Office) -> None:
    office.sender.submit(intent())
    office.sender.step()
    office.clock.now += 10 * STUCK_AFTER
    for _ in range(5):
        office.sender.step()
    assert len(office.tx().attempts) == 1


def test_a_base_fee_that_rose_over_the_offer_raises_it_at_once(office: Office) -> None:
    office.sender.submit(intent())
    office.sender.step()
    office.node.base_fee = 4 * 10**9
    office.node.mine()
    office.sender.step()
    assert office.tx().newest.max_fee_per_gas == 9 * 10**9
    office.mine_and_step()
    assert office.tx().state is TxState.INCLUDED


def test_only_the_tx_next_in_line_is_raised(office: Office) -> None:
    office.sender.submit(intent(1))
    office.sender.submit(intent(2))
    office.sender.step()
    stick(office)
    office.sender.step()
    assert [len(tx.attempts) for tx in office.journal.all()] == [2, 1]


def test_the_cap_is_never_exceeded_and_the_status_says_that_it_holds_a_tx_back(office: Office) -> None:
    cap = 3_200_000_000
    office.restart(max_fee_cap_wei=cap)
    office.sender.submit(intent())
    office.sender.step()
    office.node.base_fee = 10 * 10**9
    office.node.mine()
    for _ in range(5):
        stick(office)
        office.sender.step()
    assert len(office.tx().attempts) == 1
    assert f"the cap is {cap}" in str(office.tx().error)
    assert office.sender.status().error == office.tx().error
    office.node.base_fee = 10**9
    office.mine_and_step()
    assert (office.tx().state, office.tx().error) == (TxState.INCLUDED, None)


def take_nonce(office: Office, nonce: int = 0) -> None:
    """The operator's key sends another tx with our nonce from elsewhere, dearer than ours."""
    unsigned = UnsignedTx(CHAIN_ID, nonce, ESCROW, b"other", 0, ESTIMATE, 10**11, 10**10)
    office.node.send_raw(operator().sign(unsigned, 0).raw)


def test_a_tx_whose_nonce_another_took_is_lost_only_once_that_is_final(office: Office) -> None:
    office.sender.submit(intent())
    office.sender.step()
    take_nonce(office)
    office.node.mine()
    office.sender.step()
    assert office.tx().state is TxState.BROADCAST
    assert "waiting for that to be final" in str(office.tx().error)
    office.mine_and_step(3)
    assert not office.tx().state.settled
    office.mine_and_step(2)
    assert office.tx().state is TxState.LOST


def test_a_reorg_gives_the_nonce_back(office: Office) -> None:
    office.node.mine_empty(6)
    office.sender.submit(intent())
    office.sender.step()
    take_nonce(office)
    office.mine_and_step()
    office.node.reorg(1, [[], []], keep_txs=False)
    office.sender.step()
    assert office.tx().state is TxState.BROADCAST
    office.mine_and_step(5)
    assert office.tx().state is TxState.FINAL


def test_a_nonce_taken_anew_after_a_reorg_must_become_final_anew(office: Office) -> None:
    office.node.mine_empty(6)
    office.sender.submit(intent())
    office.sender.step()
    take_nonce(office)
    office.mine_and_step()  # noted here
    office.node.reorg(1, [[], [], []], keep_txs=True)
    office.node.mine()  # the other tx again, three blocks later
    office.mine_and_step(2)
    assert office.node.finalized >= 7  # the height at which it was noted
    assert not office.tx().state.settled
    office.mine_and_step(5)
    assert office.tx().state is TxState.LOST


def test_where_nodes_forget_old_state_a_reorg_still_voids_what_was_seen(office: Office) -> None:
    def forgotten(method: str, params: Sequence[Any]) -> EarnestError | None:
        historic = method == "eth_getTransactionCount" and params[1] != "latest"
        return RpcError(method, -32000, "missing trie node") if historic else None

    office.node.faults = forgotten
    test_a_nonce_taken_anew_after_a_reorg_must_become_final_anew(office)


def test_a_count_from_another_branch_proves_no_loss(office: Office) -> None:
    """The node tells the nonce of one branch, moves, and then tells the newest block of another."""
    office.sender.submit(intent())
    office.sender.step()

    def other_branch(method: str, params: Sequence[Any], result: Any) -> Any:
        return "0x1" if method == "eth_getTransactionCount" and params[1] == "latest" else result

    office.node.tamper = other_branch
    office.sender.step()
    office.node.mine_empty(6)
    office.sender.step()
    assert not office.tx().state.settled
    office.node.tamper = None
    office.mine_and_step(5)
    assert office.tx().state is TxState.FINAL


def test_a_receipt_of_a_block_that_was_dropped_is_not_believed(office: Office) -> None:
    office.sender.submit(intent())
    office.sender.step()
    office.node.mine()

    def of_another_block(method: str, _params: Sequence[Any], result: Any) -> Any:
        return {**result, "blockHash": hash32(b"\x09" * 32)} if method == "eth_getTransactionReceipt" else result

    office.node.tamper = of_another_block
    office.sender.step()
    assert office.tx().block is None
    office.node.tamper = None
    office.sender.step()
    assert office.tx().state is TxState.INCLUDED


def test_after_a_restart_the_loss_is_proven_anew(office: Office) -> None:
    office.sender.submit(intent())
    office.sender.step()
    take_nonce(office)
    office.mine_and_step(4)
    office.restart()
    office.mine_and_step()
    assert not office.tx().state.settled
    office.mine_and_step(4)
    assert office.tx().state is TxState.LOST


def test_an_account_that_ran_out_of_money_later_is_told_and_the_tx_sent_when_it_has_some(office: Office) -> None:
    office.sender.submit(intent())
    office.node.balances[operator().address] = 0
    office.sender.step()
    assert "insufficient funds" in str(office.tx().error)
    assert office.sender.status().balance == 0
    stick(office)
    office.sender.step()
    assert len(office.tx().attempts) == 1  # a higher bid would not help
    del office.node.balances[operator().address]
    office.sender.step()
    assert (office.tx().state, office.tx().error) == (TxState.BROADCAST, None)


def test_a_gap_before_the_lowest_nonce_is_told_with_what_closes_it(office: Office) -> None:
    def sign(nonce: int) -> SignedTx:
        return operator().sign(UnsignedTx(CHAIN_ID, nonce, ESCROW, b"", 0, ESTIMATE, 10**10, 10**9), 1_000)

    office.journal.enqueue(intent(1), 7, sign)  # a node had told seven txs where there are none
    office.mine_and_step()
    assert "the chain waits for nonce 0" in str(office.sender.status().error)
    assert "the lowest one waiting here is 7" in str(office.sender.status().error)
    office.sender.submit(intent(2))
    assert [tx.nonce for tx in office.journal.all()] == [7, 8]


def test_one_refused_tx_does_not_stop_the_others(office: Office) -> None:
    office.sender.submit(intent(1))
    office.sender.submit(intent(2))
    fail(office, "eth_sendRawTransaction", RpcError("eth_sendRawTransaction", -32000, "blacklisted, for a reason"))
    office.sender.step()
    assert [tx.state for tx in office.journal.all()] == [TxState.SIGNED, TxState.BROADCAST]
    assert "blacklisted" in str(office.sender.status().error)


def test_the_loop_broadcasts_at_once_what_is_submitted_and_survives_a_node_that_is_away(office: Office) -> None:
    office.restart(poll_seconds=60.0)  # only being woken makes it look in time
    stop = Event()
    thread = Thread(target=office.sender.run, args=(stop,))
    fail(office, "eth_getBalance", NodeUnavailable("fake", "cannot be reached"), times=2)
    thread.start()
    _until(lambda: office.sender.status().failures > 0)
    office.node.faults = None
    office.sender.submit(intent())
    _until(lambda: len(office.node.sent) == 1)
    _until(lambda: office.sender.status().failures == 0 and office.sender.status().error is None)
    stop.set()
    thread.join(5)
    assert not thread.is_alive()


def _until(condition: Any) -> None:
    for _ in range(1_000):
        if condition():
            return
        time.sleep(0.005)
    raise AssertionError("it never came to that")
