"""Creating payments, listing them and seeing them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from earnest.api import ChainService
from earnest.api.schemas.payments import Payment, PublicPayment, Timeline
from earnest.escrow.artifact import wallet_code_hash
from earnest.escrow.txs import selector
from earnest.payment.deposit import deposit_address
from earnest.payment.events import DepositReturned, EventKind, ItemSkipped
from earnest.payment.primitives import ZERO_ADDRESS, Hash32, checksum_address
from earnest.payment.representation import parse_terms, rfc3339
from earnest.payment.status import Status
from earnest.payment.terms import payment_id
from tests.support.ledger import ARBITER, BUYER, CHAIN_ID, ESCROW, FEES, OPERATOR, PAYOUT, TOKEN
from tests.unit.api.house import LOCAL, House, open_house

ONE = {"amount": {"value": "1.00", "token": "USDX"}}


def test_a_payment_is_created_with_the_accounts_parties_and_an_id_that_follows_from_its_terms(house: House) -> None:
    made = house.create(order_reference="order 7")
    Payment.model_validate(made)
    assert (made["status"], made["finality"], made["version"], made["foreign"]) == ("created", None, 0, False)
    assert made["amount"] == {"base_units": "1000000", "decimals": 6, "token": TOKEN, "symbol": "USDX", "value": "1.00"}
    assert made["checkout_url"] == f"https://pay.example/checkout/{made['id']}"
    assert made["order_reference"] == "order 7"
    terms = parse_terms(made["terms"])
    assert (terms.merchant, terms.operator, terms.arbiter, terms.fee_recipient) == (PAYOUT, OPERATOR, ARBITER, FEES)
    assert payment_id(terms, CHAIN_ID, ESCROW) == made["id"]
    assert made["chain"] == f"eip155:{CHAIN_ID}"


def test_pay_by_is_the_chains_time_and_the_accounts_window_unless_named(house: House) -> None:
    now = house.chain.head.timestamp
    assert house.create()["pay_by"] == rfc3339(now + 3_600)
    assert house.create(pay_by=rfc3339(now + 60))["pay_by"] == rfc3339(now + 60)
    late = house.post("/v1/payments", {**ONE, "pay_by": rfc3339(now)})
    assert (late.status_code, late.json()["code"], late.json()["param"]) == (422, "term_out_of_bounds", "pay_by")


def test_the_same_reference_twice_gives_two_payments_that_nobody_can_link(house: House) -> None:
    one, two = house.create(order_reference="same"), house.create(order_reference="same")
    assert one["id"] != two["id"]
    assert one["terms"]["order_hash"] != two["terms"]["order_hash"]


def test_without_a_dispute_window_there_is_no_arbiter_in_the_terms(house: House) -> None:
    terms = house.create(dispute_window=0)["terms"]
    assert (terms["dispute_window"], terms["arbitration_period"], terms["arbiter"]) == (0, 0, ZERO_ADDRESS)


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"amount": {"value": "1", "token": "DOGE"}}, "unknown_token", "token"),
        ({"amount": {"value": "1", "token": "0x" + "12" * 20}}, "unknown_token", "token"),
        ({"amount": {"value": "1", "token": TOKEN[:-2] + "cE"}}, "invalid_address", "token"),
        ({"amount": {"value": "0", "token": "USDX"}}, "invalid_amount", "amount.value"),
        ({"amount": {"value": "1.0000001", "token": "USDX"}}, "invalid_amount", "amount.value"),
        ({"amount": {"value": "-1", "token": "USDX"}}, "invalid_amount", "amount.value"),
        ({"amount": {"value": "1e3", "token": "USDX"}}, "invalid_amount", "amount.value"),
        ({"amount": {"base_units": str(2**128), "token": "USDX"}}, "invalid_amount", "amount.base_units"),
        ({"amount": {"base_units": "0x10", "token": "USDX"}}, "invalid_amount", "amount.base_units"),
        ({"amount": {"value": "1", "base_units": "1", "token": "USDX"}}, "invalid_input", "amount"),
        ({"amount": {"token": "USDX"}}, "invalid_input", "amount"),
        ({"amount": {"value": "1"}}, "invalid_input", "amount.token"),
        ({"amount": {"value": "1", "currency": "EUR"}}, "pricing_not_configured", "amount.currency"),
        ({**ONE, "buyer": "0x" + "00" * 19}, "invalid_address", "buyer"),
        ({**ONE, "buyer": PAYOUT}, "term_out_of_bounds", "buyer"),
        ({**ONE, "buyer": ARBITER}, "term_out_of_bounds", "arbiter"),
        ({**ONE, "delivery_period": 0}, "term_out_of_bounds", "delivery_period"),
        ({**ONE, "delivery_period": 401 * 86_400}, "term_out_of_bounds", "delivery_period"),
        ({**ONE, "dispute_window": 60}, "term_out_of_bounds", "dispute_window"),
        ({**ONE, "arbitration_period": 60}, "term_out_of_bounds", "arbitration_period"),
        ({**ONE, "dispute_window": 0, "arbitration_period": 86_400}, "term_out_of_bounds", "dispute_window"),
        ({**ONE, "order_reference": ""}, "invalid_input", "order_reference"),
        ({**ONE, "order_reference": "x" * 201}, "invalid_input", "order_reference"),
        ({**ONE, "order_reference": "a\u0000b"}, "invalid_input", "order_reference"),
        ({**ONE, "chain": "eip155:1"}, "not_found", None),
        ({**ONE, "chain": "base"}, "invalid_request", "chain"),
        ({**ONE, "delivery_period": "60"}, "invalid_request", "delivery_period"),
        ({**ONE, "delivery_period": True}, "invalid_request", "delivery_period"),
        ({**ONE, "pay_by": 1_900_000_000}, "invalid_request", "pay_by"),
    ],
)
def test_bad_input_has_a_clear_answer(shared: House, body: dict[str, Any], code: str, param: str | None) -> None:
    answer = shared.post("/v1/payments", body)
    assert (answer.json()["code"], answer.json()["param"]) == (code, param), answer.text
    assert answer.status_code == (404 if code == "not_found" else 422)
    assert shared.get("/v1/payments").json()["data"] == []


def test_a_token_that_is_no_contract_is_refused_and_the_node_asked_once_for_each_other(house: House) -> None:
    house.node.answers["eth_getCode"] = "0x"
    assert house.post("/v1/payments", ONE).json()["code"] == "token_is_no_contract"
    house.node.answers["eth_getCode"] = "0x60"
    house.create()
    house.create()
    assert [method for method, _ in house.node.calls] == ["eth_getCode"] * 2


def test_where_no_escrow_is_deployed_nothing_can_be_created() -> None:
    with open_house() as house:
        chain = ChainService(LOCAL, None, house.node)
        bare = House(
            house.store,
            house.node,
            house.sender,
            replace(house.services, chains={CHAIN_ID: chain}),
            house.mirror,
            house.chain,
            house.report,
            house.moment,
        )
        answer = bare.post("/v1/payments", ONE)
    assert answer.json()["code"] == "escrow_not_deployed"
    assert "earnest deploy" in answer.json()["detail"]


def test_a_buyer_sees_all_but_what_is_the_merchants_own(house: House) -> None:
    made = house.create(order_reference="secret order")
    answer = house.get(f"/v1/checkout/{made['id']}", key=None)
    PublicPayment.model_validate(answer.json())
    assert "secret order" not in answer.text
    assert answer.json()["terms"] == made["terms"]
    assert house.get("/v1/checkout/0x" + "ab" * 32, key=None).status_code == 404


def test_a_foreign_payment_is_not_shown_as_anybodys(house: House) -> None:
    from tests.support.ledger import event_of, make_payment  # noqa: PLC0415

    foreign = make_payment(account=None)
    house.tell(house.chain.mine(event_of(foreign, foreign.state, EventKind.PAYMENT_FUNDED)))
    assert house.payment(foreign.id).is_foreign
    assert house.get(f"/v1/payments/{foreign.id}").status_code == 404
    assert house.post(f"/v1/payments/{foreign.id}/confirm_delivery").status_code == 404
    assert house.post(f"/v1/payments/{foreign.id}/refund").status_code == 404


def test_the_timeline_tells_every_event_with_what_proves_it(house: House) -> None:
    made = house.create()
    house.happen(made["id"], EventKind.PAYMENT_FUNDED)
    house.happen(made["id"], EventKind.PAYMENT_RELEASED, Status.FUNDED)
    answer = house.get(f"/v1/payments/{made['id']}/timeline").json()
    Timeline.model_validate(answer)
    funded, released = answer["data"]
    assert (funded["type"], funded["seq"], funded["payer"]) == ("payment.funded", 1, BUYER)
    assert (released["type"], released["status"], released["finality"]) == ("payment.released", "funded", "included")
    assert released["held"]["value"] == "0.50"
    assert int(released["to_merchant"]["base_units"]) + int(released["to_fee_recipient"]["base_units"]) == 500_000
    told = house.get(f"/v1/payments/{made['id']}").json()
    Payment.model_validate(told)
    assert told["block"]["hash"] == released["block"]["hash"]


def test_an_orphaned_event_stays_in_the_timeline_as_orphaned(house: House) -> None:
    made = house.create()
    house.happen(made["id"], EventKind.PAYMENT_FUNDED)
    orphaned, _ = house.chain.drop(1)
    house.tell(orphaned, house.chain.mine())
    (row,) = house.get(f"/v1/payments/{made['id']}/timeline").json()["data"]
    assert (row["orphaned"], row["finality"]) == (True, None)
    assert house.get(f"/v1/payments/{made['id']}").json()["status"] == "created"


def test_the_timeline_also_tells_what_stands_beside_the_history(house: House) -> None:
    """A surplus that went back, another token, and a batch that passed the payment over: none of them has a number."""
    made = house.create(buyer=BUYER)
    payment = Hash32(made["id"])
    house.happen(payment, EventKind.PAYMENT_FUNDED)
    stray = checksum_address("0x" + "57" * 20)
    house.tell(
        house.chain.mine(
            DepositReturned(payment, TOKEN, BUYER, 250_000),
            DepositReturned(payment, stray, BUYER, 7),
            ItemSkipped(payment, 3, "0x" + selector("WrongStatus(bytes32,uint8)").hex()),
            ItemSkipped(payment, 4, "0x12345678"),
        )
    )
    house.happen(payment, EventKind.DELIVERY_CONFIRMED)
    answer = house.get(f"/v1/payments/{payment}/timeline").json()
    Timeline.model_validate(answer)
    rows = answer["data"]
    assert [each["event"] for each in rows] == [
        "PaymentFunded",
        *["DepositReturned"] * 2,
        *["ItemSkipped"] * 2,
        "DeliveryConfirmed",
    ]
    assert [each["seq"] for each in rows] == [1, None, None, None, None, 2]
    assert (rows[1]["returned"]["value"], rows[1]["buyer"], rows[1]["type"]) == ("0.25", BUYER, None)
    assert (rows[2]["returned"]["token"], rows[2]["returned"]["symbol"]) == (stray, "unknown")
    assert (rows[3]["item"], rows[3]["why"], rows[4]["why"]) == ("3", "WrongStatus", "0x12345678")
    orphaned, _ = house.chain.drop(2)
    house.tell(orphaned, house.chain.mine())
    told = house.get(f"/v1/payments/{payment}/timeline").json()["data"]
    assert [each["orphaned"] for each in told] == [False, *[True] * 5]


def test_a_payment_names_its_deposit_address_where_a_buyer_is_named(house: House) -> None:
    assert house.create()["deposit_address"] is None
    made = house.create(buyer=BUYER)
    expected = deposit_address(ESCROW, Hash32(made["id"]), wallet_code_hash())
    assert made["deposit_address"] == expected
    assert house.get(f"/v1/checkout/{made['id']}", key=None).json()["deposit_address"] == expected


def test_lists_come_newest_first_in_pieces_and_filtered(house: House) -> None:
    made = []
    for number in range(5):
        house.moment[0] += 1
        made.append(house.create(order_reference=f"o{number}")["id"])
    first = house.get("/v1/payments?limit=2").json()
    assert first["has_more"] is True
    rest = house.get("/v1/payments", params={"limit": 100, "cursor": first["next_cursor"]}).json()
    assert (rest["has_more"], rest["next_cursor"]) == (False, None)
    assert [each["id"] for each in first["data"] + rest["data"]] == made[::-1]
    house.happen(made[1], EventKind.PAYMENT_FUNDED)

    def ids(**params: Any) -> list[str]:
        return [each["id"] for each in house.get("/v1/payments", params=params).json()["data"]]

    assert ids(status="funded") == [made[1]]
    assert ids(status=["funded", "created"]) == made[::-1]
    assert ids(finality="included") == [made[1]]
    assert ids(order_reference="o3") == [made[3]]
    assert ids(buyer=BUYER) == [made[1]]
    assert ids(token="USDX") == made[::-1]
    assert ids(token="ETH") == []
    assert ids(created_from=rfc3339(house.moment[0])) == [made[4]]
    assert ids(created_until=rfc3339(house.moment[0])) == made[3::-1]


def test_a_description_is_for_everybody_and_an_order_reference_for_the_merchant(house: House) -> None:
    made = house.create(description="A teapot, blue", order_reference="A-1")
    plain = house.create()
    assert (made["description"], plain["description"]) == ("A teapot, blue", None)
    public = house.get(f"/v1/checkout/{made['id']}", key=None).json()
    assert public["description"] == "A teapot, blue"
    assert "order_reference" not in public
    listed = {each["id"]: each["description"] for each in house.get("/v1/payments").json()["data"]}
    assert (listed[made["id"]], listed[plain["id"]]) == ("A teapot, blue", None)


def test_a_description_is_one_line_of_text(house: House) -> None:
    for text in ("", "x" * 201, "two\nlines", "a\x00b"):
        body = {"amount": {"value": "1.00", "token": "USDX"}, "description": text}
        answer = house.post("/v1/payments", body)
        assert (answer.status_code, answer.json()["param"]) == (422, "description"), text
