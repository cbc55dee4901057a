"""What a page says of each status: pure, from facts to sentences."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from earnest.payment.events import EventKind, Funding, PaymentEvent
from earnest.payment.money import Token
from earnest.payment.primitives import ZERO_ADDRESS, Address
from earnest.payment.record import BlockRef, Payment
from earnest.payment.status import Finality, Status
from earnest.payment.terms import Terms
from earnest.payment.transitions import PaymentState
from earnest.store.records import StoredEvent
from earnest.web.checkout.deeds import deeds
from earnest.web.checkout.facts import Facts
from earnest.web.checkout.story import is_final, protection, protection_by, tell
from earnest.web.checkout.ways import deposit
from earnest.web.words import LANGUAGES, words_of
from tests.support.ledger import START, TOKEN, digest, make_payment
from tests.unit.api.house import LOCAL

EN = words_of("en")
BUYER = Address("0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65")
HOUR = 3_600


def facts(status: Status = Status.CREATED, *, now: int = START, since: int = START, **how: Any) -> Facts:
    payment: Payment = how.pop("payment", make_payment())
    held = payment.terms.amount if status.holds_money else 0
    seq = 0 if status is Status.CREATED else 1
    state = PaymentState(
        status, since=since if seq else 0, seq=seq, funded=payment.terms.amount, held=held, buyer=BUYER
    )
    fields: dict[str, Any] = {
        "payment": replace(payment, state=state),
        "network": LOCAL,
        "token": Token(TOKEN, "USDX", 6),
        "merchant_name": "The shop",
        "description": None,
        "now": now,
        "finality": Finality.INCLUDED if seq else None,
        "events": (),
        "side_events": (),
        "deposit_address": None,
        "can_relay": True,
        **how,
    }
    return Facts(**fields)


def with_terms(**changes: Any) -> Payment:
    payment = make_payment()
    return replace(payment, terms=replace(payment.terms, **changes))


def event(kind: EventKind, seq: int, status: Status, *, orphaned: bool, block: int = 7) -> StoredEvent:
    terms = make_payment().terms
    funding = Funding(BUYER, BUYER, terms) if kind is EventKind.PAYMENT_FUNDED else None
    told = PaymentEvent(kind, make_payment().id, seq, status, terms.amount, funding=funding)
    return StoredEvent(LOCAL.chain_id, BlockRef(block, digest(f"b{block}"), START), digest("tx"), 0, told, orphaned)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("status", list(Status))
def test_every_status_has_a_headline_and_a_next_step_in_every_language(status: Status, language: str) -> None:
    for now in (START, START + 10_000 * HOUR):
        story = tell(facts(status, now=now), words_of(language))
        assert story.title
        assert "{" not in story.title + story.next
        assert deeds(facts(status, now=now), words_of(language)) is not None


def test_the_protection_names_the_dispute_only_where_one_is_possible() -> None:
    terms: Terms = make_payment().terms
    assert f"Once it is confirmed, you have {EN.duration(terms.dispute_window)} to dispute" in protection_by(terms, EN)
    final = replace(terms, dispute_window=0, arbiter=ZERO_ADDRESS, arbitration_period=0)
    assert "paid on saying that it is delivered, and you can’t dispute it" in protection_by(final, EN)
    assert f"within {EN.duration(terms.delivery_period)} of paying" in protection_by(final, EN)


def test_once_paid_the_protection_names_the_day() -> None:
    assert "by <time datetime=" in protection_by(make_payment().terms, EN, START)


def test_the_protection_follows_the_payment_and_ends_with_it() -> None:
    assert "within" in str(protection(facts(), EN))
    assert "dispute until <time" in str(protection(facts(Status.DELIVERED), EN))
    assert "has not decided by <time" in str(protection(facts(Status.DISPUTED), EN))
    assert "without asking anyone" in str(protection(facts(Status.FUNDED, now=START + 10_000 * HOUR), EN))
    assert protection(facts(Status.RELEASED), EN) is None


@pytest.mark.parametrize("status", [Status.CREATED, Status.FUNDED])
def test_without_a_dispute_window_the_page_says_before_that_the_sellers_word_is_enough(status: Status) -> None:
    final = facts(status, payment=with_terms(dispute_window=0, arbiter=ZERO_ADDRESS, arbitration_period=0))
    assert is_final(final)
    assert "at once" in tell(final, EN).next
    assert "You can’t dispute it" in tell(final, EN).next or "you can’t dispute it" in tell(final, EN).next
    disputable = facts(status)
    assert not is_final(disputable)
    assert f"you have {EN.duration(disputable.payment.terms.dispute_window)} to dispute" in tell(disputable, EN).next


def test_a_time_that_ran_out_is_no_longer_called_final() -> None:
    payment = with_terms(dispute_window=0, arbiter=ZERO_ADDRESS, arbitration_period=0)
    assert not is_final(facts(Status.FUNDED, payment=payment, now=START + 10_000 * HOUR))


def test_no_sentence_promises_what_somebody_has_to_send_or_what_the_sellers_word_is_enough_for() -> None:
    for untrue in (
        "only after delivery",
        "by yourself",
        "do nothing until",
        "it all goes back",
        "Only then is the shop",
    ):
        assert [key for key, each in EN.sentences.items() if untrue in each] == []


def test_a_payment_whose_block_is_gone_says_which_block_and_what_was_in_it() -> None:
    gone = event(EventKind.PAYMENT_FUNDED, 1, Status.FUNDED, orphaned=True, block=12)
    story = tell(facts(events=(gone,)), EN)
    assert story.dropped is not None
    assert "took back block 12, and your payment was in it" in story.dropped
    assert story.tone == "attention"


def test_what_happened_again_after_a_reorg_needs_no_words() -> None:
    gone = event(EventKind.PAYMENT_FUNDED, 1, Status.FUNDED, orphaned=True)
    again = event(EventKind.PAYMENT_FUNDED, 1, Status.FUNDED, orphaned=False, block=8)
    assert tell(facts(Status.FUNDED, events=(gone, again)), EN).dropped is None


def test_reclaim_is_only_told_before_its_time_and_offered_from_its_first_second_on() -> None:
    end = START + make_payment().terms.delivery_period
    (early,) = [each for each in deeds(facts(Status.FUNDED, now=end - 1), EN) if each.name == "reclaim"]
    (due,) = [each for each in deeds(facts(Status.FUNDED, now=end), EN) if each.name == "reclaim"]
    assert early.buttons == ()
    assert [button.verb for button in due.buttons] == ["reclaim"]
    assert tell(facts(Status.FUNDED, now=end), EN).title == "Not delivered in time"


def test_a_dispute_is_offered_until_its_last_second() -> None:
    end = START + make_payment().terms.dispute_window
    names = [[each.name for each in deeds(facts(Status.DELIVERED, now=now), EN)] for now in (end - 1, end)]
    assert ["dispute" in each for each in names] == [True, False]


def test_who_disputes_is_not_led_to_paying_the_seller() -> None:
    (settle,) = [each for each in deeds(facts(Status.DISPUTED), EN) if each.name == "receive"]
    (button,) = settle.buttons
    assert (settle.title, button.label) == ("Settled it with The shop?", "Pay The shop and end the dispute")
    assert button.quiet


def test_once_the_time_to_dispute_is_over_nothing_is_said_of_losing_it() -> None:
    end = START + make_payment().terms.dispute_window
    (before, after) = (
        next(each for each in deeds(facts(Status.DELIVERED, now=now), EN) if each.name == "receive")
        for now in (end - 1, end)
    )
    assert "you can neither dispute nor take it back" in before.explained
    assert "since the time to dispute is over" in after.explained


def test_what_was_refunded_in_part_is_told_with_its_sum() -> None:
    first, second = (
        replace(
            stored := event(EventKind.PAYMENT_REFUNDED, seq, Status.FUNDED, orphaned=False),
            event=replace(stored.event, to_buyer=1_250_000_000),
        )
        for seq in (2, 3)
    )
    labels = [step.label for step in tell(facts(Status.FUNDED, events=(first, second)), EN).steps]
    assert labels == ["Refunded in part: 2,500.00 USDX", "The seller delivers", "The seller is paid"]
    whole = replace(second, event=replace(second.event, status=Status.REFUNDED))
    assert [step.label for step in tell(facts(Status.REFUNDED, events=(first, whole)), EN).steps] == ["Refunded"]


def test_without_a_relay_the_buyers_own_wallet_releases() -> None:
    for can_relay, verb in ((True, "release_with_receipt"), (False, "release")):
        (receive,) = [each for each in deeds(facts(Status.FUNDED, can_relay=can_relay), EN) if each.name == "receive"]
        assert receive.buttons[0].verb == verb


def test_what_the_escrow_owes_stands_above_all() -> None:
    first = deeds(facts(Status.REFUNDED, owed=1_500_000), EN)[0]
    assert first.name == "withdraw"
    assert "1.50 USDX could not be sent to you" in first.explained


def test_a_plain_transfer_has_to_arrive_before_the_payments_own_end() -> None:
    pay_by = make_payment().terms.pay_by
    address = Address("0x5FbDB2315678afecb367f032d93F642f64180aa3")
    open_way, late = (deposit(facts(now=now, deposit_address=address)) for now in (pay_by - 901, pay_by - 900))
    assert open_way is not None
    assert late is not None
    assert (open_way.is_open, late.is_open) == (True, False)
    assert (
        open_way.uri
        == f"ethereum:{TOKEN}@{LOCAL.chain_id}/transfer?address={address}&uint256={make_payment().terms.amount}"
    )
    assert deposit(facts(Status.FUNDED, deposit_address=address)) is None


def test_digital_goods_have_no_station_of_delivery() -> None:
    payment = with_terms(dispute_window=0, arbiter=ZERO_ADDRESS, arbitration_period=0)
    assert [step.name for step in tell(facts(payment=payment), EN).steps] == ["paid", "released"]
