"""What is sent with the operator's key, and what wallets are given to sign."""

from __future__ import annotations

from typing import Any

import pytest

from earnest.api.schemas.payments import Accepted, PreparedTx, SentTxs
from earnest.chain.errors import OperatorOutOfGasMoney, RpcError, TxWouldRevert
from earnest.chain.sending import TxState
from earnest.escrow.txs import EVERYTHING, selector
from earnest.payment.events import EventKind
from earnest.payment.primitives import ZERO_ADDRESS
from earnest.payment.status import Status
from tests.support.ledger import ARBITER, BUYER, ESCROW, OPERATOR, PAYOUT, TOKEN, address
from tests.unit.api.house import House


@pytest.fixture
def funded(house: House) -> str:
    """A payment of 1.00 that is funded."""
    payment = str(house.create()["id"])
    house.happen(payment, EventKind.PAYMENT_FUNDED)
    return payment


def confirm(house: House, payment: str) -> Any:
    return house.post(f"/v1/payments/{payment}/confirm_delivery", {})


def refund(house: House, payment: str, value: str | None = None, key: str | None = None) -> Any:
    body = {"amount": {"value": value}} if value else {}
    headers = {"Idempotency-Key": key} if key else {}
    return house.post(f"/v1/payments/{payment}/refund", body, headers=headers)


def settle(house: House, tx_id: str, state: TxState) -> None:
    house.sender.journal.set_state(tx_id, state)


def test_confirming_answers_202_with_the_tx_and_writes_no_status(house: House, funded: str) -> None:
    answer = confirm(house, funded)
    assert answer.status_code == 202
    accepted = Accepted.model_validate(answer.json())
    assert (accepted.tx.state, accepted.tx.verb, accepted.payment) == ("signed", "confirm_delivery", funded)
    (intent,) = house.sender.submitted
    assert intent.to == ESCROW
    assert house.get(f"/v1/payments/{funded}").json()["status"] == "funded"
    listed = house.get(f"/v1/payments/{funded}/txs").json()
    SentTxs.model_validate(listed)
    assert [each["id"] for each in listed["data"]] == [accepted.tx.id]


def test_confirming_again_before_it_is_mined_gives_the_same_tx(house: House, funded: str) -> None:
    one, two = confirm(house, funded).json(), confirm(house, funded).json()
    assert one["tx"]["id"] == two["tx"]["id"]
    assert len(house.sender.submitted) == 1


@pytest.mark.parametrize("gave_up", [TxState.FAILED, TxState.LOST])
def test_confirming_again_after_the_tx_was_given_up_sends_another(house: House, funded: str, gave_up: TxState) -> None:
    first = confirm(house, funded).json()["tx"]
    settle(house, first["id"], gave_up)
    second = confirm(house, funded).json()["tx"]
    assert second["id"] != first["id"]
    assert second["nonce"] == first["nonce"] + 1
    assert confirm(house, funded).json()["tx"]["id"] == second["id"]


def test_confirming_what_is_not_funded_or_delivered_already_is_a_conflict(house: House, funded: str) -> None:
    created = house.create()["id"]
    assert confirm(house, created).json()["code"] == "conflict"
    confirm(house, funded)
    house.happen(funded, EventKind.DELIVERY_CONFIRMED)
    answer = confirm(house, funded)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "delivered" in answer.json()["detail"]


def test_confirming_too_late_says_until_when_it_was_possible(house: House, funded: str) -> None:
    house.tell(house.chain.mine(seconds=8 * 86_400))
    answer = confirm(house, funded)
    assert (answer.status_code, answer.json()["code"]) == (409, "too_late")


def test_an_operator_whom_the_terms_do_not_name_is_refused(house: House, funded: str) -> None:
    house.sender.address = address(0xBAD)
    answer = confirm(house, funded)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_the_operator")
    assert house.sender.submitted == []


def test_the_chains_own_refusal_is_told(house: House, funded: str) -> None:
    house.sender.refusal = TxWouldRevert("confirm_delivery", "delivery could be confirmed before 12")
    answer = confirm(house, funded)
    assert (answer.status_code, answer.json()["code"]) == (409, "tx_would_revert")
    assert "before 12" in answer.json()["detail"]


def test_an_operator_without_gas_money_is_a_503_that_says_how_much_is_missing(house: House, funded: str) -> None:
    house.sender.refusal = OperatorOutOfGasMoney(OPERATOR, 1, 5)
    answer = confirm(house, funded)
    assert (answer.status_code, answer.json()["code"], answer.json()["retryable"]) == (
        503,
        "operator_out_of_gas_money",
        True,
    )
    assert "at least 4" in answer.json()["detail"]


def test_refunding_everything_is_one_tx_however_often_it_is_asked_for(house: House, funded: str) -> None:
    ids = {refund(house, funded, key=key).json()["tx"]["id"] for key in (None, "a", "b")}
    assert len(ids) == 1
    (intent,) = house.sender.submitted
    assert intent.data[:4] == selector(
        "refund((address,address,address,address,address,uint256,address,uint16,uint40,uint32,uint32,uint32,bytes32),uint256)"
    )
    assert int.from_bytes(intent.data[-32:]) == EVERYTHING


def test_a_part_asked_for_again_while_it_is_on_its_way_is_the_same_refund(house: House, funded: str) -> None:
    one, two = refund(house, funded, "0.10").json(), refund(house, funded, "0.10").json()
    assert one["tx"]["id"] == two["tx"]["id"]
    assert int.from_bytes(house.sender.submitted[0].data[-32:]) == 100_000
    other = refund(house, funded, "0.20")
    assert (other.status_code, other.json()["code"]) == (409, "refund_under_way")
    assert one["tx"]["id"] in other.json()["detail"]


def test_two_equal_parts_are_two_refunds_with_a_key_each(house: House, funded: str) -> None:
    ids = [refund(house, funded, "0.10", key).json()["tx"]["id"] for key in ("a", "b", "a")]
    assert ids[0] == ids[2] != ids[1]
    assert len(house.sender.submitted) == 2


def test_a_part_is_the_same_refund_even_after_the_answer_was_lost_and_the_chain_went_on(
    house: House, funded: str
) -> None:
    """A crash between sending and keeping the answer: the key comes again much later, and nothing is paid twice."""
    from earnest.commands.refund import refund as command  # noqa: PLC0415
    from earnest.payment.primitives import Hash32  # noqa: PLC0415

    def ask() -> str:
        sent = command(house.store, house.services.sender, "mer_1", Hash32(funded), amount=500_000, request_key="lost")
        return sent.id

    first = ask()
    house.happen(funded, EventKind.PAYMENT_REFUNDED, Status.FUNDED)
    settle(house, first, TxState.FINAL)
    assert ask() == first
    assert len(house.sender.submitted) == 1


def test_the_next_part_may_follow_once_the_first_came_back_from_the_chain(house: House, funded: str) -> None:
    first = refund(house, funded, "0.50").json()["tx"]["id"]
    settle(house, first, TxState.INCLUDED)
    house.happen(funded, EventKind.PAYMENT_REFUNDED, Status.FUNDED)
    second = refund(house, funded, "0.50")
    assert second.status_code == 202
    assert second.json()["tx"]["id"] != first


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"amount": {"value": "1.01"}}, 409, "more_than_held"),
        ({"amount": {"value": "0"}}, 422, "invalid_amount"),
        ({"amount": {"value": "0.5", "token": "ETH"}}, 422, "invalid_input"),
        ({"amount": {"value": "0.5", "currency": "EUR"}}, 422, "pricing_not_configured"),
        ({"amount": {}}, 422, "invalid_input"),
        ({"to": OPERATOR}, 422, "unknown_field"),
    ],
)
def test_a_refund_that_cannot_be_is_told_why(
    house: House, funded: str, body: dict[str, Any], status: int, code: str
) -> None:
    answer = house.post(f"/v1/payments/{funded}/refund", body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert house.sender.submitted == []


def test_while_disputed_only_all_of_it_can_be_refunded(house: House, funded: str) -> None:
    house.happen(funded, EventKind.DELIVERY_CONFIRMED)
    house.happen(funded, EventKind.PAYMENT_DISPUTED)
    assert refund(house, funded, "0.50").json()["code"] == "only_whole_amounts"
    assert refund(house, funded).status_code == 202


# Unsigned txs for wallets.


def unsigned(house: House, payment: str, verb: str, signer: str, **query: str) -> Any:
    return house.get(f"/v1/payments/{payment}/txs/{verb}", params={"from": signer, **query}, key=None)


def test_funding_with_a_token_comes_with_the_approval_that_is_missing(house: House) -> None:
    payment = house.create()
    answer = unsigned(house, payment["id"], "fund", BUYER)
    told = PreparedTx.model_validate(answer.json())
    assert (told.to, told.value, told.chain_id) == (ESCROW, "0", 31337)
    (approval,) = told.before
    assert approval.to == TOKEN
    assert approval.data.endswith(f"{1_000_000:064x}")


@pytest.mark.parametrize(("allowance", "approvals"), [(0, 1), (1, 2), (999_999, 2), (1_000_000, 0), (2**256 - 1, 0)])
def test_an_allowance_too_small_is_set_to_zero_first(house: House, allowance: int, approvals: int) -> None:
    house.node.answers["eth_call"] = f"0x{allowance:064x}"
    payment = house.create()["id"]
    assert len(unsigned(house, payment, "fund", BUYER).json()["before"]) == approvals


def test_funding_with_coin_carries_the_value_and_needs_no_approval(house: House) -> None:
    payment = house.create(amount={"value": "0.5", "token": "ETH"})
    answer = unsigned(house, payment["id"], "fund", BUYER).json()
    assert payment["terms"]["token"] == ZERO_ADDRESS
    assert (answer["value"], answer["before"]) == (str(5 * 10**17), [])
    assert answer["gas"] == 0x10000 * 125 // 100


def test_who_may_not_act_or_not_yet_is_told_so(house: House, funded: str) -> None:
    assert unsigned(house, funded, "confirm_delivery", BUYER).status_code == 409
    assert unsigned(house, funded, "confirm_delivery", PAYOUT).status_code == 200
    early = unsigned(house, funded, "reclaim", BUYER)
    assert (early.status_code, early.json()["code"]) == (409, "too_early")
    assert unsigned(house, funded, "release", OPERATOR).status_code == 409
    assert unsigned(house, funded, "release", BUYER, amount="1").status_code == 200
    assert unsigned(house, funded, "fund", BUYER).status_code == 409
    assert unsigned(house, funded, "burn", BUYER).status_code == 422


def test_the_arbiter_names_both_parts(house: House, funded: str) -> None:
    house.happen(funded, EventKind.DELIVERY_CONFIRMED)
    house.happen(funded, EventKind.PAYMENT_DISPUTED)
    assert unsigned(house, funded, "resolve", ARBITER).json()["param"] == "to_buyer"
    answer = unsigned(house, funded, "resolve", ARBITER, to_buyer="0", to_merchant="1000000")
    assert answer.status_code == 200


def test_what_the_contract_would_refuse_is_told_in_its_words(house: House, funded: str) -> None:
    data = "0x" + (selector("NotBuyer(address)") + bytes(12) + bytes.fromhex(BUYER[2:])).hex()
    house.node.answers["eth_estimateGas"] = RpcError("eth_estimateGas", 3, "execution reverted", data)
    answer = unsigned(house, funded, "release", BUYER)
    assert (answer.status_code, answer.json()["code"]) == (409, "tx_would_revert")
    assert "is not the buyer" in answer.json()["detail"]


def test_a_node_that_fails_is_not_taken_for_a_refusal(house: House, funded: str) -> None:
    house.node.answers["eth_estimateGas"] = RpcError("eth_estimateGas", -32005, "limit exceeded")
    assert unsigned(house, funded, "release", BUYER).status_code == 503


def test_whoever_signs_must_be_named_rightly(house: House, funded: str) -> None:
    assert unsigned(house, funded, "release", "0x12").json()["param"] == "from"
    assert house.get(f"/v1/payments/{funded}/txs/release", key=None).json()["param"] == "from"
