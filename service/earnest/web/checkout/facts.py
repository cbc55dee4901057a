"""All that a payment's page is made of, read in one go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from earnest.escrow.deposits import deposit_address_of
from earnest.payment.actions import Action, actions, status_at
from earnest.payment.errors import NotFound
from earnest.payment.events import Credited, DepositReturned
from earnest.payment.money import Token
from earnest.payment.primitives import ZERO_ADDRESS, Address, parse_hash32
from earnest.payment.record import Payment, finality_of
from earnest.payment.status import Finality, Status, Verb
from earnest.settings import Network
from earnest.store import Transaction
from earnest.store.records import StoredEvent, StoredSideEvent
from earnest.web.amounts import show_money
from earnest.web.site import Site


@dataclass(frozen=True, slots=True)
class Facts:
    """One payment as a buyer may know it; the merchant's order reference is nowhere in it.

    `now` is chain time (Unix), `owed` what the escrow owes the buyer in the payment's token because a push to him
    failed. `events` are the payment's own, orphaned ones too, by block.
    """

    payment: Payment
    network: Network
    token: Token
    merchant_name: str | None
    description: str | None
    now: int
    finality: Finality | None
    events: Sequence[StoredEvent]
    side_events: Sequence[StoredSideEvent]
    deposit_address: Address | None
    can_relay: bool
    owed: int = 0
    is_behind: bool = False

    @property
    def status(self) -> Status:
        """What the payment's facts are now, `expired` included."""
        return status_at(self.payment.terms, self.payment.state, self.now)

    @property
    def buyer(self) -> Address | None:
        """Who gets money back, None while nobody is named."""
        named = self.payment.state.buyer or self.payment.terms.buyer
        return None if named == ZERO_ADDRESS else named

    @property
    def actions(self) -> list[Action]:
        """What can be done next or by waiting."""
        return actions(self.payment.terms, self.payment.state, self.now)

    def window(self, verb: Verb) -> tuple[int, int | None] | None:
        """Return from when until when a verb is possible, None where it is not (any more)."""
        found = [each for each in self.actions if each.verb is verb]
        return (found[0].possible_from, found[0].possible_until) if found else None

    @property
    def standing(self) -> list[StoredEvent]:
        """The events that count, oldest first."""
        return sorted((each for each in self.events if not each.orphaned), key=lambda each: each.event.seq)

    @property
    def dropped(self) -> StoredEvent | None:
        """The first event that a reorg took back and that has not happened again since, None if there is none."""
        gone = [each for each in self.events if each.orphaned and each.event.seq > self.payment.state.seq]
        return min(gone, key=lambda each: (each.event.seq, -each.block.number)) if gone else None

    @property
    def returned(self) -> list[DepositReturned]:
        """What came to the deposit address and went back to the buyer."""
        rows = [each.event for each in self.side_events if not each.orphaned]
        return [each for each in rows if isinstance(each, DepositReturned)]

    def money(self, base_units: int) -> str:
        """Return an amount of the payment's token for people: "1,234.50 USDC"."""
        return show_money(base_units, self.token)


def load_facts(site: Site, payment_id: str) -> Facts:
    """Return the facts of a payment by the id in its link.

    Raises:
        InvalidHash: that is no id.
        NotFound: there is no such payment here.
    """
    wanted = parse_hash32(payment_id, param="id")
    with site.store.read() as tx:
        payment = tx.payments.public(wanted)
        if payment is None or payment.chain_id not in site.chains:
            raise NotFound(f"no payment {wanted}")
        merchant = tx.merchants.get(payment.account) if payment.account is not None else None
        view = tx.blocks.view(payment.chain_id)
        description = tx.descriptions.many(payment.chain_id, [payment.id]).get(payment.id)
        events = tx.events.timeline(payment.chain_id, payment.id)
        side_events = tx.side_events.timeline(payment.chain_id, payment.id)
        owed = _owed(tx, payment, events)
        is_behind = site.is_behind(tx, payment.chain_id)
    chain = site.chain_of(payment)
    network = chain.network
    depth = merchant.safe_depth_blocks if merchant else network.safe_depth_blocks
    return Facts(
        payment=payment,
        network=network,
        token=network.token_at(payment.terms.token) or Token(payment.terms.token, "?", 0),
        merchant_name=merchant.name if merchant else None,
        description=description,
        now=view.head.timestamp if view else 0,
        finality=finality_of(payment.block, view, depth),
        events=events,
        side_events=side_events,
        deposit_address=deposit_address_of(payment),
        can_relay=chain.relay is not None and not payment.is_foreign,
        owed=owed,
        is_behind=is_behind,
    )


def _owed(tx: Transaction, payment: Payment, events: Sequence[StoredEvent]) -> int:
    """Return what the escrow owes the buyer, by its logs; only where an event told of a credit, which is rare."""
    buyer, token = payment.state.buyer, payment.terms.token
    credited = any(each.event.credited & Credited.BUYER for each in events if not each.orphaned)
    if not credited or buyer is None:
        return 0
    return tx.balances.owed(payment.chain_id, buyer, [token]).get(token, 0)
