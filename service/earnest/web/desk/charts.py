"""How it goes: volume by day, how long deliveries take, and how often it ends badly; drawn as SVG on the server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
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
from earnest.web.desk.rows import Rows
from earnest.web.desk.visit import Visit
from earnest.web.words import Words

DAY: Final = 86_400
DAYS: Final = 30
MOST_PAYMENTS: Final = 1_000
"""Of a busier month the newest ones are shown, and the page says so; reading more would hold the page up."""
WIDTH: Final = 720
HEIGHT: Final = 160
GAP: Final = 4


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

    `cut`: there were more, and these are the newest.
    """

    paid: int
    disputed: int
    refunded: int
    to_delivery_seconds: int | None
    volumes: tuple[Volume, ...]
    cut: bool

    def share(self, count: int) -> str:
        """Return a count as a share of what was paid: "1.5 %", rounded down."""
        tenths = count * 1_000 // self.paid if self.paid else 0
        return f"{tenths // 10}.{tenths % 10} %"


def draw(visit: Visit, tx: Transaction, rows: Rows) -> Chart | None:
    """Return the chart of a merchant's month, None where nothing was paid."""
    now = visit.now()
    page = tx.payments.page(visit.merchant_id, PaymentFilter(created_from=now - DAYS * DAY), limit=MOST_PAYMENTS)
    paid = [each for each in page.items if each.block is not None and each.chain_id in visit.site.chains]
    if not paid:
        return None
    events: dict[Hash32, list[StoredEvent]] = {}
    for chain_id in {each.chain_id for each in paid}:
        events |= tx.events.canonical(chain_id, [each.id for each in paid if each.chain_id == chain_id])
    kinds = {id_: {each.event.kind for each in told} for id_, told in events.items()}
    return Chart(
        paid=len(paid),
        disputed=sum(EventKind.PAYMENT_DISPUTED in each for each in kinds.values()),
        refunded=sum(EventKind.PAYMENT_REFUNDED in each for each in kinds.values()),
        to_delivery_seconds=_to_delivery(list(events.values())),
        volumes=_volumes(visit.words, rows, paid, events, now),
        cut=page.has_more,
    )


def _to_delivery(histories: Sequence[Sequence[StoredEvent]]) -> int | None:
    took: list[int] = []
    for history in histories:
        at = {each.event.kind: each.block.timestamp for each in reversed(history)}
        paid, delivered = at.get(EventKind.PAYMENT_FUNDED), at.get(EventKind.DELIVERY_CONFIRMED)
        if paid is not None and delivered is not None:
            took.append(delivered - paid)
    return int(median(took)) if took else None


def _volumes(
    words: Words, rows: Rows, paid: Sequence[Payment], events: Mapping[Hash32, Sequence[StoredEvent]], now: int
) -> tuple[Volume, ...]:
    by_token: dict[Token, Counter[int]] = {}
    for payment in paid:
        token = rows.one(payment).token
        funding = next((each for each in events[payment.id] if each.event.kind is EventKind.PAYMENT_FUNDED), None)
        if funding is not None:
            # By the day of its creation, which goes by the same clock as `now`.
            day = min(DAYS - 1, max(0, (now - (payment.created_at or now)) // DAY))
            by_token.setdefault(token, Counter())[DAYS - 1 - day] += funding.event.held
    volumes = []
    for token, days in sorted(by_token.items(), key=lambda each: each[0].symbol):
        amounts = tuple(days[day] for day in range(DAYS))
        volumes.append(Volume(token, amounts, bars(words, token, amounts)))
    return tuple(volumes)


def bars(words: Words, token: Token, amounts: Sequence[int]) -> Markup:
    """Return amounts as bars; whole pixels, rounded up, so that no day with money looks empty."""
    most, width = max(amounts) or 1, WIDTH // len(amounts)
    total = show_money(sum(amounts), token)
    label = words("desk.chart.label", total=total, days=len(amounts))
    parts = [
        Markup('<rect x="{}" y="{}" width="{}" height="{}" rx="2"><title>{}</title></rect>').format(
            place * width,
            HEIGHT - (height := -(-amount * (HEIGHT - 8) // most)),
            width - GAP,
            height,
            show_money(amount, token),
        )
        for place, amount in enumerate(amounts)
        if amount
    ]
    head = Markup('<svg class="bars" viewBox="0 0 {} {}" role="img" aria-label="{}" preserveAspectRatio="none">')
    return head.format(WIDTH, HEIGHT, label) + Markup("").join(parts) + Markup("</svg>")
