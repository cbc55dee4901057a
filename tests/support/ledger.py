"""Payments, events and a chain made by hand, for tests of what believes them. Everything in here is deterministic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from earnest.chain.updates import Block, BlockAccepted, BlockFinal, BlocksOrphaned, EscrowLog
from earnest.payment.events import EscrowEvent, EventKind, Funding, PaymentEvent
from earnest.payment.primitives import ZERO_ADDRESS, ZERO_HASH, Address, Hash32, checksum_address, hash32, keccak
from earnest.payment.record import Payment
from earnest.payment.status import Status
from earnest.payment.terms import DAY, HOUR, Terms, payment_id
from earnest.payment.transitions import NOTHING_YET, TRANSITIONS, PaymentState, fold
from earnest.store.records import Merchant

CHAIN_ID = 31337
START = 1_800_000_000
"""The time of block 0, and of everything that was created before the story begins."""
BLOCK_SECONDS = 12


def address(number: int) -> Address:
    return checksum_address(f"0x{number:040x}")


def digest(text: str) -> Hash32:
    return hash32(keccak(text.encode()))


ESCROW = address(0xE5C0)
TOKEN = address(0x70CE)
BUYER, PAYOUT, OPERATOR, ARBITER, FEES = (address(0xA0 + number) for number in range(5))
GENESIS = digest("genesis")

MERCHANT = Merchant(
    id="mer_1",
    name="A shop",
    payout=PAYOUT,
    operator=OPERATOR,
    arbiter=ARBITER,
    fee_recipient=FEES,
    fee_bps=250,
    delivery_period=7 * DAY,
    dispute_window=DAY,
    arbitration_period=30 * DAY,
    payment_window=HOUR,
    safe_depth_blocks=2,
    created_at=START,
)


def make_terms(number: int = 1, **changes: Any) -> Terms:
    """Return good terms; each number gives others, and so another id."""
    terms = Terms(
        buyer=ZERO_ADDRESS,
        merchant=PAYOUT,
        operator=OPERATOR,
        arbiter=ARBITER,
        token=TOKEN,
        amount=1_000_000,
        fee_recipient=FEES,
        fee_bps=250,
        pay_by=START + HOUR,
        delivery_period=7 * DAY,
        dispute_window=DAY,
        arbitration_period=30 * DAY,
        order_hash=digest(f"order {number}"),
    )
    return replace(terms, **changes)


def make_payment(number: int = 1, account: str | None = MERCHANT.id, **changes: Any) -> Payment:
    """Return a payment as it is right after its creation."""
    terms = make_terms(number, **changes)
    return Payment(
        id=payment_id(terms, CHAIN_ID, ESCROW),
        chain_id=CHAIN_ID,
        escrow=ESCROW,
        terms=terms,
        state=NOTHING_YET,
        version=0,
        account=account,
        order_reference=f"order-{number}" if account else None,
        salt=bytes(16) if account else None,
        created_at=START + number if account else None,
    )


def possible_events(payment: Payment, state: PaymentState) -> list[PaymentEvent]:
    """Return every kind of event that may come next, with half of what is there where a part may move."""
    found = []
    for (status, kind), leads_to in TRANSITIONS.items():
        if status is state.status:
            found += [_event(payment, state, kind, after) for after in sorted(leads_to)]
    return [event for event in found if _is_sound(state, event)]


def _is_sound(state: PaymentState, event: PaymentEvent) -> bool:
    """Halving the last unit leaves nothing to move, or nothing to keep."""
    if event.kind is EventKind.PAYMENT_REPAID:
        return event.to_buyer > 0 and (event.to_buyer == state.repayable) == (event.status is Status.REPAID)
    return (event.held > 0) == event.status.holds_money


def event_of(payment: Payment, state: PaymentState, kind: EventKind, status: Status | None = None) -> PaymentEvent:
    """Return the next event of one kind; the status that takes everything, if none is named."""
    leads_to = TRANSITIONS[state.status, kind]
    status = status or next((each for each in leads_to if each is not state.status), state.status)
    return _event(payment, state, kind, status)


def _event(payment: Payment, state: PaymentState, kind: EventKind, status: Status) -> PaymentEvent:
    funding = None
    held, to_merchant, to_fee, to_buyer = state.held, 0, 0, 0
    moved = state.held if not status.holds_money else state.held // 2
    match kind:
        case EventKind.PAYMENT_FUNDED:
            buyer = payment.terms.buyer if payment.terms.buyer != ZERO_ADDRESS else BUYER
            held, funding = payment.terms.amount, Funding(payer=BUYER, buyer=buyer, terms=payment.terms)
        case EventKind.PAYMENT_RELEASED:
            to_fee = moved * payment.terms.fee_bps // 10_000
            held, to_merchant = held - moved, moved - to_fee
        case EventKind.DISPUTE_RESOLVED:
            held, to_merchant, to_buyer = 0, moved // 2, moved - moved // 2
        case EventKind.PAYMENT_REFUNDED | EventKind.PAYMENT_RECLAIMED:
            held, to_buyer = held - moved, moved
        case EventKind.PAYMENT_REPAID:
            to_buyer = state.repayable if status is Status.REPAID else state.repayable // 2
    return PaymentEvent(kind, payment.id, state.seq + 1, status, held, to_merchant, to_fee, to_buyer, funding=funding)


class FakeChain:
    """A chain of blocks with the escrow's logs in them; `salt` makes blocks of two branches differ."""

    def __init__(self) -> None:
        self.blocks: list[BlockAccepted] = []
        self.final = -1
        self._salt = 0

    @property
    def head(self) -> Block:
        return self.blocks[-1].block

    def state(self, payment: Payment) -> PaymentState:
        return fold(
            (log.event, accepted.block.timestamp)
            for accepted in self.blocks
            for log in accepted.logs
            if isinstance(log.event, PaymentEvent) and log.event.payment_id == payment.id
        )

    def mine(self, *events: EscrowEvent, seconds: int = BLOCK_SECONDS, gap: int = 0) -> BlockAccepted:
        """Return a new head with these events in it; with `gap`, that many empty blocks below it are not told."""
        self._salt += 1
        parent = self.blocks[-1].block if self.blocks else None
        number = (parent.number if parent else 0) + 1 + gap
        block = Block(
            number=number,
            hash=digest(f"block {number} {self._salt}"),
            parent_hash=(digest(f"untold {number}") if gap else parent.hash) if parent else ZERO_HASH,
            timestamp=(parent.timestamp if parent else START) + seconds,
        )
        logs = tuple(EscrowLog(digest(f"tx {block.hash} {index}"), index, event) for index, event in enumerate(events))
        self.blocks.append(BlockAccepted(block, logs))
        return self.blocks[-1]

    def mine_empty(self, count: int) -> list[BlockAccepted]:
        return [self.mine() for _ in range(count)]

    def next(self, payment: Payment, kind: EventKind, status: Status | None = None) -> PaymentEvent:
        """Return the payment's next event as the chain stands."""
        return event_of(payment, self.state(payment), kind, status)

    def drop(self, count: int) -> tuple[BlocksOrphaned, list[BlockAccepted]]:
        """Take blocks off the top; returns what is told of it and the dropped blocks, oldest first."""
        dropped, self.blocks = self.blocks[-count:], self.blocks[:-count]
        return BlocksOrphaned(tuple(each.block for each in reversed(dropped))), dropped

    def put_back(self, dropped: Sequence[BlockAccepted]) -> list[BlockAccepted]:
        """Make dropped blocks canonical again."""
        self.blocks += dropped
        return list(dropped)

    def finalize(self, depth: int = 0) -> BlockFinal:
        """Return that the block `depth` below the head is final."""
        block = self.blocks[-1 - depth].block
        self.final = block.number
        return BlockFinal(block)
