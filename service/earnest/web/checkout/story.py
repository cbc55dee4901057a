"""What a payment's page says of it: pure, from facts to sentences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from markupsafe import Markup

from earnest.payment.events import EventKind, PaymentEvent
from earnest.payment.status import Finality, Status, Verb
from earnest.payment.terms import Terms
from earnest.web.checkout.facts import Facts
from earnest.web.templates import show_moment
from earnest.web.words import Words

Tone = Literal["waiting", "good", "attention", "over"]

TONES: Final[dict[Status, Tone]] = {
    Status.CREATED: "waiting",
    Status.EXPIRED: "over",
    Status.FUNDED: "good",
    Status.DELIVERED: "good",
    Status.RELEASED: "good",
    Status.REFUNDED: "over",
    Status.RECLAIMED: "over",
    Status.DISPUTED: "attention",
    Status.RESOLVED: "over",
    Status.REPAID: "over",
}
STEP_OF_EVENT: Final = {
    EventKind.PAYMENT_FUNDED: "paid",
    EventKind.DELIVERY_CONFIRMED: "delivered",
    EventKind.PAYMENT_RELEASED: "released",
    EventKind.PAYMENT_REFUNDED: "refunded",
    EventKind.PAYMENT_RECLAIMED: "reclaimed",
    EventKind.PAYMENT_DISPUTED: "disputed",
    EventKind.DISPUTE_RESOLVED: "resolved",
    EventKind.PAYMENT_REPAID: "repaid",
}
STILL_TO_COME: Final[dict[Status, tuple[str, ...]]] = {
    Status.CREATED: ("paid", "delivered", "released"),
    Status.FUNDED: ("delivered", "released"),
    Status.DELIVERED: ("released",),
    Status.DISPUTED: ("resolved",),
}
"""The way on if nothing special happens; what really happened comes from the events."""


@dataclass(frozen=True, slots=True)
class Step:
    """One station on the payment's way; `at` is Unix time by the chain's clock, None while it is still to come."""

    name: str
    label: str
    at: int | None
    is_next: bool = False


@dataclass(frozen=True, slots=True)
class Story:
    """The status in sentences: a headline, what comes next and when, how sure it is, and what a reorg took back."""

    tone: Tone
    title: str
    next: Markup
    sure: Markup | None
    dropped: Markup | None
    steps: tuple[Step, ...]


def tell(facts: Facts, words: Words) -> Story:
    """Return what the page says of the payment now."""
    status = facts.status
    return Story(
        tone="attention" if facts.dropped or _variant(facts).endswith("_overdue") else TONES[status],
        title=words(f"status.{_variant(facts)}.title", merchant=who_is_paid(facts, words)),
        next=_next(facts, words),
        sure=_sure(facts, words),
        dropped=_dropped(facts, words),
        steps=_steps(facts, words),
    )


def who_is_paid(facts: Facts, words: Words) -> str:
    """Return the merchant's name, or what stands for it where nobody here has an account for these terms."""
    return facts.merchant_name or words("merchant.unnamed")


def protection(facts: Facts, words: Words) -> Markup | None:
    """Return in one sentence how the terms protect the buyer now; None where nothing is left to protect."""
    terms, state, variant = facts.payment.terms, facts.payment.state, _variant(facts)
    match variant:
        case "created" | "funded":
            return protection_by(terms, words, state.since if variant == "funded" else None)
        case "delivered":
            return words.rich("protect.delivered", when=show_moment(state.since + terms.dispute_window, words))
        case "disputed":
            return words.rich("protect.disputed", when=show_moment(state.since + terms.arbitration_period, words))
        case "funded_overdue" | "disputed_overdue":
            return words.rich("protect.over")
    return None


def protection_by(terms: Terms, words: Words, since: int | None = None) -> Markup:
    """Return what the terms promise before the delivery; `since` is when he paid (Unix), if he has."""
    has_disputes = terms.dispute_window > 0
    key = "protect.disputable" if has_disputes else "protect.final"
    window = words.duration(terms.dispute_window)
    if since is None:
        within = words("protect.within", period=words.duration(terms.delivery_period))
    else:
        within = words.rich("protect.by", when=show_moment(since + terms.delivery_period, words))
    return words.rich(key, within=within, window=window)


def is_final(facts: Facts) -> bool:
    """Say whether confirming delivery will release in the same tx, so that no dispute is possible."""
    return facts.payment.terms.dispute_window == 0 and _variant(facts) in ("created", "funded")


def _variant(facts: Facts) -> str:
    """Return the status, told apart where time has opened another way on."""
    status, now = facts.status, facts.now
    reclaim, release = facts.window(Verb.RECLAIM), _release_by_anyone(facts)
    if status in (Status.FUNDED, Status.DISPUTED) and reclaim and reclaim[0] <= now:
        return f"{status}_overdue"
    if status is Status.DELIVERED and release is not None and release <= now:
        return "delivered_over"
    return str(status)


def _release_by_anyone(facts: Facts) -> int | None:
    """Return from when on anyone may release."""
    if facts.status is not Status.DELIVERED:
        return None
    return facts.payment.state.since + facts.payment.terms.dispute_window


def _next(facts: Facts, words: Words) -> Markup:
    state, terms = facts.payment.state, facts.payment.terms
    ends = {
        Status.CREATED: terms.pay_by,
        Status.FUNDED: state.since + terms.delivery_period,
        Status.DELIVERED: state.since + terms.dispute_window,
        Status.DISPUTED: state.since + terms.arbitration_period,
    }
    until = ends.get(facts.status, terms.pay_by)
    return words.rich(
        f"status.{_variant(facts)}.{'final' if is_final(facts) else 'next'}",
        merchant=who_is_paid(facts, words),
        until=show_moment(until, words),
        window=words.duration(terms.dispute_window),
        held=facts.money(state.held),
        to_buyer=facts.money(state.to_buyer),
        to_merchant=facts.money(state.released_gross),
        repaid=facts.money(state.repaid),
    )


def _sure(facts: Facts, words: Words) -> Markup | None:
    """Return how sure the chain is of the last event; what is final needs no more words."""
    if facts.finality is None:
        return None
    return words.rich(f"finality.{facts.finality}") if facts.finality is not Finality.FINAL else None


def _dropped(facts: Facts, words: Words) -> Markup | None:
    gone = facts.dropped
    if gone is None:
        return None
    what = words(f"reorg.what.{STEP_OF_EVENT[gone.event.kind]}")
    after = "reorg.pay" if gone.event.kind is EventKind.PAYMENT_FUNDED else "reorg.other"
    return words.rich("reorg.why", what=what, block=gone.block.number) + " " + words.rich(after)


def _steps(facts: Facts, words: Words) -> tuple[Step, ...]:
    done: list[Step] = []
    for each in facts.standing:
        name = STEP_OF_EVENT[each.event.kind]
        # Parts of a release or a refund come in several events; the last of a kind tells when it was done.
        if done and done[-1].name == name:
            done.pop()
        done.append(Step(name, _done(facts, each.event, words), each.block.timestamp))
    coming = STILL_TO_COME.get(facts.status, ())
    if _variant(facts).endswith("_overdue"):
        coming = ("reclaimed",)
    if facts.payment.terms.dispute_window == 0:
        coming = tuple(name for name in coming if name != "delivered")
    if facts.status is Status.EXPIRED:
        done.append(Step("expired", words("step.expired.done"), facts.payment.terms.pay_by))
    later = [Step(name, words(f"step.{name}.coming"), None, number == 0) for number, name in enumerate(coming)]
    return (*done, *later)


def _done(facts: Facts, event: PaymentEvent, words: Words) -> str:
    """Say what happened; what was only a part of it is told with its sum so far."""
    name = STEP_OF_EVENT[event.kind]
    leaves = {
        EventKind.PAYMENT_RELEASED: Status.RELEASED,
        EventKind.PAYMENT_REFUNDED: Status.REFUNDED,
        EventKind.PAYMENT_REPAID: Status.REPAID,
    }
    if event.kind not in leaves or event.status is leaves[event.kind]:
        return words(f"step.{name}.done")
    same = [each.event for each in facts.standing if each.event.kind is event.kind]
    parts = sum(each.to_merchant + each.to_fee_recipient + each.to_buyer for each in same)
    return words(f"step.{name}.part", amount=facts.money(parts))
