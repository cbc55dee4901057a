"""What a payment's events add up to, worked out from rows as they stand: nothing in here asks for more. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from earnest.payment.events import Credited, EventKind
from earnest.payment.primitives import Address
from earnest.store.chain_facts import EVENTS, NOTHING_TOLD, Facts, Key

REPAID: Final = str(EventKind.PAYMENT_REPAID)
FUNDED: Final = str(EventKind.PAYMENT_FUNDED)
WHOLE_AT_SEQ: Final = {"funded": 1, "delivered": 2, "disputed": 3}
"""With as many events and no more, nothing of the amount can have moved yet."""


@dataclass(slots=True)
class Told:
    """What the events of one payment add up to; amounts are base units."""

    status: str = "created"
    since: int = 0
    seq: int = 0
    held: int = 0
    to_merchant: int = 0
    to_fee_recipient: int = 0
    to_buyer: int = 0
    repaid: int = 0
    payer: str | None = None
    buyer: str | None = None
    block: tuple[str | None, str | None, str | None] = (None, None, None)
    funded: int = 0
    credited: list[tuple[Credited, int]] = field(default_factory=list)
    """Whose push failed, and the amount that became a credit."""

    def facts(self) -> dict[str, str | None]:
        """Return the payment's row as it must be."""
        number, hash_, timestamp = self.block
        return {
            **{name: str(getattr(self, name)) for name in _SUMS},
            "status": self.status,
            "payer": self.payer,
            "paid_for": self.buyer,
            "block_number": number,
            "block_hash": hash_,
            "block_timestamp": timestamp,
        }


_SUMS: Final = ("since", "seq", "funded", "held", "to_merchant", "to_fee_recipient", "to_buyer", "repaid")
assert set(Told().facts()) == set(NOTHING_TOLD), "a payment's row has exactly these facts"


def add_up(events: Iterable[tuple[Key, Facts]], up_to: int | None = None) -> Told:
    """Return what a payment's events, in order of `seq`, add up to, those after block `up_to` left out.

    Raises:
        ValueError: a row holds what no version of ours writes, or one is missing between two others.
    """
    told = Told()
    for key, facts in events:
        row = dict(zip(EVENTS.facts, facts, strict=True))
        if up_to is None or _int(row["block_number"]) <= up_to:
            _add(told, row, EVENTS.block_hash(key))
    return told


def _add(told: Told, row: dict[str, str | None], block_hash: str) -> None:
    if _int(row["seq"]) != told.seq + 1:
        raise ValueError(f"event {told.seq + 1} is missing, event {row['seq']} is there")
    status, kind = str(row["status"]), str(row["kind"])
    if status != told.status:
        told.status, told.since = status, _int(row["block_timestamp"])
    told.seq, told.held = told.seq + 1, _int(row["held"])
    merchant, fee = _int(row["moved_to_merchant"]), _int(row["moved_to_fee_recipient"])
    buyer, whose = _int(row["moved_to_buyer"]), Credited(_int(row["credited"]))
    told.to_merchant, told.to_fee_recipient = told.to_merchant + merchant, told.to_fee_recipient + fee
    if kind == REPAID:
        told.repaid += buyer
    else:
        told.to_buyer += buyer
    if kind == FUNDED:
        told.payer, told.buyer, told.funded = row["funding_payer"], row["funding_buyer"], told.held
    told.block = (row["block_number"], block_hash, row["block_timestamp"])
    amounts = ((Credited.MERCHANT, merchant), (Credited.FEE_RECIPIENT, fee), (Credited.BUYER, buyer))
    told.credited += [(who, amount) for who, amount in amounts if who in whose and amount]


def _int(text: str | None) -> int:
    if text is None:
        raise ValueError("a number is missing")
    return int(text)


@dataclass(slots=True)
class TokenBooks:
    """One token's sums in base units: what is held, what is owed as credits, and what the escrow has.

    `balance` is None where the token did not tell it.
    """

    token: Address
    held: int = 0
    credits: int = 0
    balance: int | None = None

    @property
    def surplus(self) -> int | None:
        """What the escrow has beyond what it holds and owes: sent to it by mistake, or gained by a rebase."""
        return None if self.balance is None else self.balance - self.held - self.credits


def owed_to(whose: Credited, terms: dict[str, str | None], buyer: str | None) -> str | None:
    """Return the account that a credit belongs to."""
    return {
        Credited.MERCHANT: terms["merchant"],
        Credited.FEE_RECIPIENT: terms["fee_recipient"],
        Credited.BUYER: buyer,
    }[whose]


def in_order(books: Iterable[TokenBooks]) -> Sequence[TokenBooks]:
    """Return books by their tokens' addresses."""
    return sorted(books, key=lambda each: each.token.lower())
