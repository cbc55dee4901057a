"""Balances and settlements: every sum is the fold's own, and the sum of its rows."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earnest.chain.updates import BlockAccepted
from earnest.payment.actions import actions
from earnest.payment.cells import safe_cell
from earnest.payment.events import Credited, CreditWithdrawn, EventKind
from earnest.payment.primitives import Address
from earnest.payment.record import Payment
from earnest.payment.status import Role, Status, Verb
from earnest.payment.transitions import PaymentState
from tests.support.ledger import (
    BUYER,
    FEES,
    MERCHANT,
    PAYOUT,
    TOKEN,
    address,
    make_payment,
    possible_events,
)
from tests.unit.api.house import House, open_house

OTHER_TOKEN = address(0x70CF)
HUGE = 2**127 + 1
"""Far past what SQLite would add up exactly by itself."""
FIGURES = ("held", "releasable", "released", "fees", "refunded", "repaid")


def figures_of(payment: Payment, state: PaymentState, now: int) -> dict[str, int]:
    """What a payment adds to each sum, from its fold alone."""
    freed = any(
        each.verb is Verb.RELEASE and Role.ANYONE in each.by and each.possible_from <= now
        for each in actions(payment.terms, state, now)
    )
    return {
        "held": state.held,
        "releasable": state.held if freed else 0,
        "released": state.to_merchant,
        "fees": state.to_fee_recipient,
        "refunded": state.to_buyer,
        "repaid": state.repaid,
    }


def pages(house: House, path: str, limit: int) -> list[dict[str, Any]]:
    found, cursor = [], ""
    while True:
        page = house.get(f"{path}&limit={limit}{cursor}").json()
        found += page["data"]
        if not page["has_more"]:
            assert page["next_cursor"] is None
            return found
        cursor = f"&cursor={page['next_cursor']}"


def rows_of(house: House, token: Address, name: str, limit: int = 3) -> list[tuple[str | None, int]]:
    rows = pages(house, f"/v1/balances/{name}?token={token}", limit)
    signs = {"in": 1, "out": -1}
    return [(each["payment"], signs[each["direction"]] * int(each["amount"]["base_units"])) for each in rows]


def balances(house: House) -> dict[str, dict[str, int]]:
    answer = house.get("/v1/balances")
    assert answer.status_code == 200, answer.text
    return {
        each["token"]: {name: int(each[name]["base_units"]) for name in (*FIGURES, "credits")}
        for each in answer.json()["data"]
    }


def report(house: House, query: str = "") -> list[dict[str, str]]:
    answer = house.get(f"/v1/reports/settlements.csv{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert answer.text.startswith("time,chain,payment,")
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


def live(house: House, choose: Callable[[int], int], steps: int) -> list[Payment]:
    """Let payments of two merchants in two tokens live through whatever `choose` decides, reorgs too."""
    with house.store.transaction() as tx:
        tx.merchants.add(replace(MERCHANT, id="mer_2"))
        made = [
            make_payment(
                number,
                account=(MERCHANT.id, "mer_2", None)[number % 5 // 2 if number % 5 > 1 else 0],
                token=(TOKEN, OTHER_TOKEN)[number % 2],
                amount=HUGE if number % 3 == 0 else 1_000_000 + number,
                pay_by=2**33,
            )
            for number in range(10)
        ]
        for each in made:
            if each.account is not None:
                tx.payments.add(each)
    for _ in range(steps):
        payment = made[choose(len(made))]
        events = possible_events(payment, house.chain.state(payment))
        if choose(8) == 0 and len(house.chain.blocks) > 3:
            orphaned, dropped = house.chain.drop(1 + choose(2))
            house.tell(orphaned, *(house.chain.put_back(dropped) if choose(2) else house.chain.mine_empty(2)))
        elif events:
            event = events[choose(len(events))]
            house.tell(house.chain.mine(event, seconds=(12, 50_000)[choose(2)]))
    return made


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_every_sum_is_that_of_the_folds_and_that_of_its_rows(data: st.DataObject) -> None:
    with open_house() as house:
        made = live(house, lambda n: data.draw(st.integers(0, n - 1)), data.draw(st.integers(1, 40)))
        now = house.chain.head.timestamp
        expected: dict[str, Counter[str]] = {}
        for payment in (each for each in made if each.account == MERCHANT.id):
            state = house.chain.state(payment)
            if state.seq:
                expected.setdefault(payment.terms.token, Counter()).update(figures_of(payment, state, now))
        told = balances(house)
        assert told == {
            token: {**{name: sums[name] for name in FIGURES}, "credits": 0} for token, sums in expected.items()
        }
        for token, sums in told.items():
            for name in FIGURES:
                rows = rows_of(house, Address(token), name, limit=data.draw(st.integers(1, 4)))
                assert sum(amount for _, amount in rows) == sums[name], name
                assert len({payment for payment, _ in rows}) == len(rows)
        settled: dict[str, Counter[str]] = {token: Counter() for token in told}
        for line in report(house):
            settled[line["token"]].update(
                {name: int(line[f"{name}_base_units"]) for name in ("to_merchant", "fee", "to_buyer", "repaid")}
            )
        for token, sums in told.items():
            assert settled[token]["to_merchant"] == sums["released"]
            assert settled[token]["fee"] == sums["fees"]
            assert settled[token]["to_buyer"] == sums["refunded"]
            assert settled[token]["repaid"] == sums["repaid"]


def fund(house: House, **terms: Any) -> Payment:
    payment = make_payment(len(house.chain.blocks), **terms)
    with house.store.transaction() as tx:
        tx.payments.add(payment)
    house.happen(payment.id, EventKind.PAYMENT_FUNDED)
    return payment


def release(house: House, payment: Payment, credited: Credited = Credited.NOBODY) -> BlockAccepted:
    event = house.chain.next(payment, EventKind.PAYMENT_RELEASED)
    block = house.chain.mine(replace(event, credited=credited))
    house.tell(block)
    return block


def test_credits_are_what_the_escrow_owes_the_payout_address(house: House) -> None:
    ours, theirs = fund(house, account=MERCHANT.id), fund(house, account=MERCHANT.id)
    with house.store.transaction() as tx:
        tx.merchants.add(replace(MERCHANT, id="mer_2"))
    foreign = fund(house, account="mer_2")
    for each in (ours, theirs, foreign):
        release(house, each, Credited.MERCHANT | Credited.FEE_RECIPIENT)
    one = house.payment(ours.id).state.to_merchant
    house.tell(house.chain.mine(CreditWithdrawn(PAYOUT, TOKEN, one), CreditWithdrawn(FEES, TOKEN, 1)))
    assert balances(house)[TOKEN]["credits"] == 2 * one
    rows = rows_of(house, TOKEN, "credits", limit=1)
    assert sum(amount for _, amount in rows) == 2 * one
    assert [payment for payment, _ in rows] == [None, None, theirs.id, ours.id]


def test_strangers_tokens_that_cannot_be_pushed_fill_nobodys_balances(house: House) -> None:
    ours = fund(house, account=MERCHANT.id)
    for number in range(3):
        junk = make_payment(500 + number, account=None, token=address(0xBAD + number))
        house.tell(house.chain.mine(house.chain.next(junk, EventKind.PAYMENT_FUNDED)))
        release(house, junk, Credited.MERCHANT)
    assert balances(house).keys() == {TOKEN}
    # What he was paid in he sees, though nobody vouches for it; a stranger's push of that token counts then as well.
    paid = fund(house, account=MERCHANT.id, token=OTHER_TOKEN)
    for each in (paid, make_payment(600, account=None, token=OTHER_TOKEN)):
        if each is not paid:
            house.tell(house.chain.mine(house.chain.next(each, EventKind.PAYMENT_FUNDED)))
        release(house, each, Credited.MERCHANT)
    assert balances(house).keys() == {TOKEN, OTHER_TOKEN}
    assert balances(house)[OTHER_TOKEN]["credits"] == sum(
        amount for _, amount in rows_of(house, OTHER_TOKEN, "credits")
    )
    assert len(rows_of(house, OTHER_TOKEN, "credits")) == 2
    assert balances(house)[TOKEN]["held"] == ours.terms.amount


def test_a_reorg_takes_a_credit_back(house: House) -> None:
    payment = fund(house)
    release(house, payment, Credited.MERCHANT)
    assert balances(house)[TOKEN]["credits"] > 0
    orphaned, _ = house.chain.drop(1)
    house.tell(orphaned, house.chain.mine())
    assert balances(house)[TOKEN]["credits"] == 0
    assert rows_of(house, TOKEN, "credits") == []


def test_money_is_releasable_from_the_end_of_the_dispute_window_on(house: House) -> None:
    payment = fund(house)
    house.happen(payment.id, EventKind.DELIVERY_CONFIRMED)
    assert balances(house)[TOKEN] | {} == {**dict.fromkeys((*FIGURES, "credits"), 0), "held": 1_000_000}
    end = house.payment(payment.id).state.since + payment.terms.dispute_window
    house.tell(house.chain.mine(seconds=end - house.chain.head.timestamp - 1))
    assert balances(house)[TOKEN]["releasable"] == 0
    house.tell(house.chain.mine(seconds=1))
    assert balances(house)[TOKEN]["releasable"] == 1_000_000


def test_the_report_names_every_settlement_and_reads_as_the_timeline(house: House) -> None:
    made = house.create(order_reference="A-1")["id"]
    house.happen(made, EventKind.PAYMENT_FUNDED)
    house.happen(made, EventKind.PAYMENT_REFUNDED, Status.FUNDED)
    house.happen(made, EventKind.PAYMENT_RELEASED)
    lines = report(house)
    rows = [each for each in house.get(f"/v1/payments/{made}/timeline").json()["data"] if each["seq"] > 1]
    assert [each["tx_hash"] for each in lines] == [each["tx_hash"] for each in rows]
    assert [each["to_merchant"] for each in lines] == [each["to_merchant"]["value"] for each in rows]
    assert [each["to_buyer"] for each in lines] == ["0.50", "0.00"]
    assert {each["order_reference"] for each in lines} == {"A-1"}
    assert [each["event"] for each in lines] == ["PaymentRefunded", "PaymentReleased"]
    assert lines[0]["symbol"] == "USDX"
    time = lines[1]["time"]
    assert [each["event"] for each in report(house, f"?from={time}")] == ["PaymentReleased"]
    assert [each["event"] for each in report(house, f"?until={time}")] == ["PaymentRefunded"]
    assert report(house, f"?token={OTHER_TOKEN}") == []


@pytest.mark.parametrize("reference", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1", '=cmd|" /C calc"!A0', "a,b\n=2"])
def test_no_cell_of_the_report_is_a_formula(house: House, reference: str) -> None:
    made = house.post("/v1/payments", {"amount": {"value": "1.00", "token": "USDX"}, "order_reference": reference})
    if made.status_code == 422:
        return  # such text is no order reference at all
    house.happen(made.json()["id"], EventKind.PAYMENT_FUNDED)
    house.happen(made.json()["id"], EventKind.PAYMENT_RELEASED)
    (line,) = report(house)
    for name, cell in line.items():
        assert not cell or cell[0] not in "=+-@\t\r\n＝＋－＠", name
    assert line["order_reference"] in (reference, f"'{reference}")


def test_what_is_no_formula_stays_as_it_is() -> None:
    assert [safe_cell(text) for text in ("A-1", "", None, "1=1", "é")] == ["A-1", "", "", "1=1", "é"]
    assert safe_cell("=1") == "'=1"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("x;=HYPERLINK(1)", "x;'=HYPERLINK(1)"),
        ('x; "=1', "x; \"'=1"),
        ("x\t@SUM(1)", "x\t'@SUM(1)"),
        ("x|＝1", "x|'＝1"),
        ("  =1", "'  =1"),
        ("a;b;1-2", "a;b;1-2"),
    ],
)
def test_no_spreadsheet_makes_a_formula_of_what_its_own_separator_cuts_off(text: str, shown: str) -> None:
    assert safe_cell(text) == shown


def test_another_merchants_money_is_not_counted_and_not_listed(house: House) -> None:
    payment = fund(house)
    release(house, payment)
    with house.store.transaction() as tx:
        tx.merchants.add(replace(MERCHANT, id="mer_2", payout=BUYER))
    key = house.new_key("payments:read", merchant="mer_2")
    assert house.get("/v1/balances", key=key).json()["data"] == []
    assert house.get(f"/v1/balances/released?token={TOKEN}", key=key).json()["data"] == []
    assert len(house.get("/v1/reports/settlements.csv", key=key).text.splitlines()) == 1


def test_a_strange_cursor_or_name_is_refused_by_name(house: House) -> None:
    for query, param in ((f"held?token={TOKEN}&cursor=x", "cursor"), (f"credits?token={TOKEN}&cursor=-1", "cursor")):
        assert house.get(f"/v1/balances/{query}").json()["param"] == param
    assert house.get(f"/v1/balances/profit?token={TOKEN}").status_code == 422
    assert house.get("/v1/balances/held").json()["param"] == "token"
