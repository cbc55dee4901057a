"""Payments as the desk's tables show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from earnest.payment.actions import actions, status_at
from earnest.payment.money import Token, format_value
from earnest.payment.primitives import ZERO_ADDRESS, Address, Hash32
from earnest.payment.record import ChainView, Payment, finality_of
from earnest.payment.status import Finality, Role, Status, Verb
from earnest.store import Transaction
from earnest.store.records import Merchant
from earnest.web.amounts import show_money, show_value
from earnest.web.site import Site

TONES: Final[dict[Status, str]] = {
    Status.CREATED: "waiting",
    Status.EXPIRED: "over",
    Status.FUNDED: "todo",
    Status.DELIVERED: "good",
    Status.RELEASED: "done",
    Status.REFUNDED: "over",
    Status.RECLAIMED: "over",
    Status.DISPUTED: "alarm",
    Status.RESOLVED: "over",
    Status.REPAID: "over",
}
ENDS: Final = {
    Status.CREATED: "pay_by",
    Status.FUNDED: "deliver_by",
    Status.DELIVERED: "dispute_by",
    Status.DISPUTED: "decide_by",
}
"""What ends by itself in a status, as the words name it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One payment with what follows from the chain's time; `now` is that (Unix), `token` how amounts are shown."""

    payment: Payment
    token: Token
    now: int
    finality: Finality | None
    description: str | None = None

    @property
    def id(self) -> str:
        """The payment's id."""
        return self.payment.id

    @property
    def status(self) -> Status:
        """What it is now, `expired` included."""
        return status_at(self.payment.terms, self.payment.state, self.now)

    @property
    def tone(self) -> str:
        """How its status looks."""
        return TONES[self.status]

    @property
    def amount(self) -> str:
        """What was asked for, without the symbol."""
        return self.value(self.payment.terms.amount)

    @property
    def buyer(self) -> Address | None:
        """Who gets money back, None while nobody is named."""
        named = self.payment.state.buyer or self.payment.terms.buyer
        return None if named == ZERO_ADDRESS else named

    @property
    def end_name(self) -> str | None:
        """What ends by itself in this status."""
        return ENDS.get(self.status)

    @property
    def end(self) -> int | None:
        """When that is (Unix, chain time)."""
        terms, since = self.payment.terms, self.payment.state.since
        ends = {
            Status.CREATED: terms.pay_by,
            Status.FUNDED: since + terms.delivery_period,
            Status.DELIVERED: since + terms.dispute_window,
            Status.DISPUTED: since + terms.arbitration_period,
        }
        return ends.get(self.status)

    @property
    def is_over_time(self) -> bool:
        """Whether that end is past."""
        return self.end is not None and self.end <= self.now

    @property
    def is_late(self) -> bool:
        """Whether the end that is past leaves the merchant worse off; the end of a dispute window does not."""
        return self.is_over_time and self.status is not Status.DELIVERED

    @property
    def batch(self) -> Verb | None:
        """The verb for many that fits it now."""
        if self.can(Verb.CONFIRM_DELIVERY):
            return Verb.CONFIRM_DELIVERY_MANY
        return Verb.RELEASE_MANY if self.can(Verb.RELEASE, Role.ANYONE) else None

    def can(self, verb: Verb, by: Role = Role.OPERATOR) -> bool:
        """Whether somebody may do something now, by the contract's rules."""
        payment = self.payment
        possible = actions(payment.terms, payment.state, self.now, operator_dismissed=payment.operator_dismissed)
        return any(each.verb is verb and by in each.by and each.possible_from <= self.now for each in possible)

    def value(self, base_units: int) -> str:
        """Return an amount of the payment's token without its symbol: "12.50"."""
        return format_value(base_units, self.token.decimals)

    def shown(self, base_units: int) -> str:
        """Return it for people: "1,234.50"."""
        return show_value(base_units, self.token.decimals)

    def money(self, base_units: int) -> str:
        """Return an amount with its symbol: "1,234.50 USDC"."""
        return show_money(base_units, self.token)


class Rows:
    """Makes rows as one transaction sees the payments of one merchant."""

    def __init__(self, site: Site, tx: Transaction, merchant: Merchant) -> None:
        self._site, self._tx, self._merchant = site, tx, merchant
        self._views: dict[int, ChainView | None] = {}

    def view(self, chain_id: int) -> ChainView | None:
        """Return how far a chain is mirrored."""
        if chain_id not in self._views:
            self._views[chain_id] = self._tx.blocks.view(chain_id)
        return self._views[chain_id]

    def many(self, payments: Sequence[Payment]) -> list[Row]:
        """Return payments as rows; those of chains that are not served here any more are left out."""
        return [self.one(each) for each in payments if each.chain_id in self._site.chains]

    def one(self, payment: Payment, descriptions: Mapping[Hash32, str] | None = None) -> Row:
        """Return a payment as a row."""
        view = self.view(payment.chain_id)
        network = self._site.chains[payment.chain_id].network
        token = network.token_at(payment.terms.token) or Token(payment.terms.token, "?", 0)
        now = view.head.timestamp if view else 0
        finality = finality_of(payment.block, view, self._merchant.safe_depth_blocks)
        return Row(payment, token, now, finality, (descriptions or {}).get(payment.id))


def totals(rows: Sequence[Row], *, held: bool = False) -> list[str]:
    """Return what rows add up to by token: "12.50 USDC"."""
    sums: dict[tuple[int, Address], tuple[Token, int]] = {}
    for row in rows:
        key = (row.payment.chain_id, row.token.address)
        amount = row.payment.state.held if held else row.payment.terms.amount
        sums[key] = (row.token, sums.get(key, (row.token, 0))[1] + amount)
    return [show_money(amount, token) for token, amount in sums.values()]
