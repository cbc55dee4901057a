"""How it goes: volume by day, how long deliveries take, and how often it ends badly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from markupsafe import Markup

from earnest.payment.events import EventKind
from earnest.payment.money import Token
from earnest.payment.primitives import Hash32
from earnest.payment.record import Payment
from earnest.store import Transaction
from earnest.store.records import PaymentFilter, StoredEvent
from earnest.web.amounts import show_money
from earnest.web.desk.bars import bars
from earnest.web.desk.rows import Rows
from earnest.web.desk.visit import Visit
from earnest.web.templates import show_day
from earnest.web.words import Words

DAY: Final = 86_400
DAYS: Final = 30
"""Calendar days in UTC, today the last of them."""
MOST_PAYMENTS: Final = 1_000
"""Of a busier month the newest ones are shown, and the page says so; reading more would hold the page up."""

Histories = Mapping[Hash32, Sequence[StoredEvent]]


@dataclass(frozen=True, slots=True)
class Volume:
    """What was paid in one token, day by day, the oldest day first; amounts in base units."""

    token: Token
    days: tuple[int, ...]
    drawing: Markup

    @property
    def total(self) -> str:
        """The sum with its symbol."""
        return show_money(sum(self.days), self.token)


@dataclass(frozen=True, slots=True)
class Chart:
    """Of the payments created in the last 30 days: counts, and seconds from paying to confirming (median).

    `deliveries` and `endings` are drawings by the day of creation; `cut`: there were more, and these are the newest.
    """

    paid: int
    disputed: int
    refunded: int
    to_delivery_seconds: int | None
    volumes: tuple[Volume, ...]
    deliveries: Markup | None
    endings: Markup
    first_day: str
    last_day: str
    cut: bool

    def share(self, count: int) -> str:
        """Return a count as a share of what was paid: "1.5 %", rounded down."""
        tenths = count * 1_000 // self.paid if self.paid else 0
        return f"{tenths // 10}.{tenths % 10} %"


def draw(visit: Visit, tx: Transaction, rows: Rows) -> Chart | None:
    """Return the chart of a merchant's month, None where nothing was paid."""
    words, today = visit.words, visit.now() // DAY
    first = today - DAYS + 1
    page = tx.payments.page(visit.merchant_id, PaymentFilter(created_from=first * DAY), limit=MOST_PAYMENTS)
    paid = [each for each in page.items if each.block is not None and each.chain_id in visit.site.chains]
    if not paid:
        return None
    histories: dict[Hash32, list[StoredEvent]] = {}
    for chain_id in {each.chain_id for each in paid}:
        histories |= tx.events.canonical(chain_id, [each.id for each in paid if each.chain_id == chain_id])

    def place(payment: Payment) -> int:
        # By the day of its creation, which goes by the same clock as today.
        return min(DAYS - 1, max(0, (payment.created_at or 0) // DAY - first))

    days = [show_day((first + number) * DAY, words) for number in range(DAYS)]
    took = _to_delivery(paid, histories, place)
    disputed, refunded, endings = _endings(words, paid, histories, place, days)
    return Chart(
        paid=len(paid),
        disputed=disputed,
        refunded=refunded,
        to_delivery_seconds=int(median(all_)) if (all_ := [each for day in took for each in day]) else None,
        volumes=_volumes(words, rows, paid, histories, place, days),
        deliveries=_deliveries(words, took, days) if any(took) else None,
        endings=endings,
        first_day=days[0],
        last_day=days[-1],
        cut=page.has_more,
    )


def _to_delivery(paid: Sequence[Payment], histories: Histories, place: Callable[[Payment], int]) -> list[list[int]]:
    """Return by day how many seconds went from paying to confirming, for each payment that got so far."""
    took: list[list[int]] = [[] for _ in range(DAYS)]
    for payment in paid:
        at = {each.event.kind: each.block.timestamp for each in reversed(histories[payment.id])}
        funded, delivered = at.get(EventKind.PAYMENT_FUNDED), at.get(EventKind.DELIVERY_CONFIRMED)
        if funded is not None and delivered is not None:
            took[place(payment)].append(delivered - funded)
    return took


def _deliveries(words: Words, took: Sequence[Sequence[int]], days: Sequence[str]) -> Markup:
    usual = [int(median(each)) if each else 0 for each in took]
    titles = [f"{day}: {words.duration(seconds)}" for day, seconds in zip(days, usual, strict=True)]
    longest = words.duration(max(usual))
    label = words("desk.chart.delivery.label", days=DAYS, longest=longest)
    return bars(label, [[("", seconds)] for seconds in usual], titles)


def _endings(
    words: Words,
    paid: Sequence[Payment],
    histories: Histories,
    place: Callable[[Payment], int],
    days: Sequence[str],
) -> tuple[int, int, Markup]:
    """Return how many were disputed, how many refunded, and the days drawn; what was both is drawn as disputed."""
    disputed, refunded = 0, 0
    drawn = [Counter[str]() for _ in range(DAYS)]
    for payment in paid:
        kinds = {each.event.kind for each in histories[payment.id]}
        was_disputed, was_refunded = EventKind.PAYMENT_DISPUTED in kinds, EventKind.PAYMENT_REFUNDED in kinds
        disputed, refunded = disputed + was_disputed, refunded + was_refunded
        drawn[place(payment)]["disputed" if was_disputed else "refunded" if was_refunded else "rest"] += 1
    titles = [
        words("desk.chart.endings.day", day=day, paid=sum(each.values()), **{name: each[name] for name in PIECES[:2]})
        for day, each in zip(days, drawn, strict=True)
    ]
    label = words("desk.chart.endings.label", days=DAYS, paid=len(paid), disputed=disputed, refunded=refunded)
    return disputed, refunded, bars(label, [[(name, each[name]) for name in PIECES] for each in drawn], titles)


PIECES: Final = ("disputed", "refunded", "rest")


def _volumes(
    words: Words,
    rows: Rows,
    paid: Sequence[Payment],
    histories: Histories,
    place: Callable[[Payment], int],
    days: Sequence[str],
) -> tuple[Volume, ...]:
    by_token: dict[Token, Counter[int]] = {}
    for payment in paid:
        token = rows.one(payment).token
        funding = next((each for each in histories[payment.id] if each.event.kind is EventKind.PAYMENT_FUNDED), None)
        if funding is not None:
            by_token.setdefault(token, Counter())[place(payment)] += funding.event.held
    volumes = []
    for token, by_day in sorted(by_token.items(), key=lambda each: each[0].symbol):
        amounts = tuple(by_day[day] for day in range(DAYS))
        titles = [f"{day}: {show_money(amount, token)}" for day, amount in zip(days, amounts, strict=True)]
        label = words("desk.chart.label", total=show_money(sum(amounts), token), days=DAYS)
        volumes.append(Volume(token, amounts, bars(label, [[("", amount)] for amount in amounts], titles)))
    return tuple(volumes)
