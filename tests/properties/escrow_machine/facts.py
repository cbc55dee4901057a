"""What the machine knows of a run: the payments, folded from the escrow's logs, and everybody's money."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import cached_property

from earnest.escrow import views
from earnest.payment.events import Credited, EscrowEvent, PaymentEvent
from earnest.payment.primitives import Address, Hash32
from earnest.payment.terms import Terms
from earnest.payment.transitions import NOTHING_YET, PaymentState, apply
from tests.properties.escrow_machine.stage import COIN, INFINITE, Stage

Amounts = dict[tuple[Address, Address], int]


@dataclass(frozen=True)
class Staged:
    """A payment that the machine plays with; `family` says with which others it may stand in a batch."""

    terms: Terms
    id: Hash32
    deposit: Address
    family: int

    @cached_property
    def held_of(self) -> bytes:
        """The call data that asks what is held."""
        return bytes.fromhex(views.held_of(self.terms)[2:])


@dataclass
class Facts:
    """Everything that decides what the next call does."""

    stage: Stage
    payments: list[Staged] = field(default_factory=list)
    states: dict[Hash32, PaymentState] = field(default_factory=dict)
    balances: Amounts = field(default_factory=dict)
    """By token and account."""
    credits: Amounts = field(default_factory=dict)
    """By account and token."""
    allowances: dict[tuple[Address, Address, Address], int] = field(default_factory=dict)
    """By token, owner and spender."""
    permit_nonces: dict[Address, int] = field(default_factory=lambda: defaultdict(int))
    permit2_nonces: set[tuple[Address, int]] = field(default_factory=set)
    dismissed: set[tuple[Address, Address]] = field(default_factory=set)
    """Merchant and operator."""
    blocked: set[tuple[Address, Address]] = field(default_factory=set)
    """Token and account."""
    closed: set[Address] = field(default_factory=set)
    """Wallets that take no coin."""

    def state(self, payment: Staged) -> PaymentState:
        return self.states.get(payment.id, NOTHING_YET)

    def can_move(self, token: Address, source: Address, target: Address) -> bool:
        """Whether token and receiver let a transfer happen, the money being there."""
        if token == COIN:
            return target not in self.closed
        if token == self.stage.mute:
            return (token, source) not in self.blocked
        return (token, source) not in self.blocked and (token, target) not in self.blocked

    def take(self, sheet: Sheet) -> None:
        """Believe what was expected and came."""
        self.states |= sheet.states
        for changed, by in ((self.balances, sheet.balances), (self.credits, sheet.credits)):
            for key, difference in by.items():
                changed[key] = changed.get(key, 0) + difference
        self.allowances |= sheet.allowances
        for owner in sheet.permits:
            self.permit_nonces[owner] += 1
        self.permit2_nonces |= sheet.permit2_nonces
        self.dismissed |= sheet.dismissed


class Refusal(Exception):
    """A call that must fail: by an error of the escrow with its values, or, without a name, by another contract's."""

    def __init__(self, name: str = "", *values: object) -> None:
        super().__init__(name, *values)
        self.name, self.values = name, values


@dataclass
class Sheet:
    """What a call is expected to do: what it tells, and by how much it changes each balance and credit."""

    facts: Facts
    now: int
    events: list[EscrowEvent] = field(default_factory=list)
    states: dict[Hash32, PaymentState] = field(default_factory=dict)
    balances: dict[tuple[Address, Address], int] = field(default_factory=lambda: defaultdict(int))
    credits: dict[tuple[Address, Address], int] = field(default_factory=lambda: defaultdict(int))
    allowances: dict[tuple[Address, Address, Address], int] = field(default_factory=dict)
    permits: list[Address] = field(default_factory=list)
    permit2_nonces: set[tuple[Address, int]] = field(default_factory=set)
    dismissed: set[tuple[Address, Address]] = field(default_factory=set)

    def state(self, payment: Staged) -> PaymentState:
        return self.states.get(payment.id, self.facts.state(payment))

    def balance(self, token: Address, account: Address) -> int:
        return self.facts.balances.get((token, account), 0) + self.balances.get((token, account), 0)

    def enter(self, payment: Staged, event: PaymentEvent) -> PaymentEvent:
        """Fold an event that will be told."""
        self.states[payment.id] = apply(self.state(payment), event, self.now)
        return event

    def tell(self, event: EscrowEvent) -> None:
        self.events.append(event)

    def enter_and_tell(self, payment: Staged, event: PaymentEvent) -> None:
        self.tell(self.enter(payment, event))

    def move(self, token: Address, source: Address, target: Address, amount: int) -> None:
        self.balances[token, source] -= amount
        self.balances[token, target] += amount

    def push(self, token: Address, account: Address, amount: int, flag: Credited) -> Credited:
        """Pay out of the escrow; returns the flag if it becomes a credit."""
        if amount == 0:
            return Credited.NOBODY
        if self.facts.can_move(token, self.facts.stage.escrow, account):
            self.move(token, self.facts.stage.escrow, account, amount)
            return Credited.NOBODY
        self.credits[account, token] += amount
        return flag

    def pull(self, token: Address, owner: Address, target: Address, amount: int, spender: Address) -> None:
        """Take by an allowance."""
        if token == COIN:
            raise Refusal("TokenHasNoCode", COIN)
        key = token, owner, spender
        allowed = self.allowances.get(key, self.facts.allowances.get(key, 0))
        enough = min(allowed, self.balance(token, owner)) >= amount
        if not enough or not self.facts.can_move(token, owner, target):
            raise Refusal
        if allowed != INFINITE:
            self.allowances[key] = allowed - amount
        self.move(token, owner, target, amount)


def with_flags(event: PaymentEvent, credited: Credited) -> PaymentEvent:
    """Return the event as it is told once the pushes were tried."""
    return replace(event, credited=credited)
