"""Open an account: who is paid, and the terms that its payments get when a request names none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from earnest.commands.audit import HOST, write_down
from earnest.commands.names import Random, new_id, strong_random
from earnest.payment.errors import InvalidInput, TermOutOfBounds
from earnest.payment.primitives import ZERO_ADDRESS, ZERO_HASH, Address
from earnest.payment.tell_rule import AT_ONCE, TellRule
from earnest.payment.terms import DAY, HOUR, MAX_PERIOD, Terms, check_terms
from earnest.store import Store
from earnest.store.records import Merchant

MAX_NAME_LENGTH: Final = 200
_NOBODY: Final = Address("0x" + "fF" * 20)
"""Stands for the escrow while its rules are checked for an account, which belongs to no one escrow."""


@dataclass(frozen=True, slots=True)
class NewMerchant:
    """What an account is made of. All periods are seconds; `payment_window` is from creation to `pay_by`.

    The defaults suit goods that are sent: an hour to pay, two weeks to deliver. Without an arbiter there is no dispute,
    and so the two periods that go with it are zero.
    """

    name: str
    payout: Address
    operator: Address = ZERO_ADDRESS
    arbiter: Address = ZERO_ADDRESS
    fee_recipient: Address = ZERO_ADDRESS
    fee_bps: int = 0
    delivery_period: int = 14 * DAY
    dispute_window: int = 0
    arbitration_period: int = 0
    payment_window: int = HOUR
    safe_depth_blocks: int = 2
    tell: TellRule = AT_ONCE


def create_merchant(store: Store, new: NewMerchant, now: int, random: Random = strong_random) -> Merchant:
    """Open an account at wall time `now` (Unix).

    Raises:
        InvalidInput: the name, or a term that no payment of this account could ever be funded with.
    """
    if not 1 <= len(new.name.strip()) <= MAX_NAME_LENGTH:
        raise InvalidInput(f"the name has 1 to {MAX_NAME_LENGTH} characters", param="name")
    if not 1 <= new.payment_window <= MAX_PERIOD:
        raise TermOutOfBounds("payment_window", new.payment_window, f"it must be from 1 to {MAX_PERIOD} seconds")
    if new.safe_depth_blocks < 0:
        raise InvalidInput("safe_depth_blocks cannot be negative", param="safe_depth_blocks")
    check_terms(_sample_terms(new), _NOBODY)
    merchant = Merchant(
        id=new_id("mer", random),
        name=new.name.strip(),
        payout=new.payout,
        operator=new.operator,
        arbiter=new.arbiter,
        fee_recipient=new.fee_recipient,
        fee_bps=new.fee_bps,
        delivery_period=new.delivery_period,
        dispute_window=new.dispute_window,
        arbitration_period=new.arbitration_period,
        payment_window=new.payment_window,
        safe_depth_blocks=new.safe_depth_blocks,
        created_at=now,
        tell=new.tell,
    )
    with store.transaction() as tx:
        tx.merchants.add(merchant)
        write_down(tx, HOST, merchant.id, now, "merchant.create", merchant.id, payout=new.payout, operator=new.operator)
    return merchant


def _sample_terms(new: NewMerchant) -> Terms:
    return Terms(
        buyer=ZERO_ADDRESS,
        merchant=new.payout,
        operator=new.operator,
        arbiter=new.arbiter,
        token=ZERO_ADDRESS,
        amount=1,
        fee_recipient=new.fee_recipient,
        fee_bps=new.fee_bps,
        pay_by=0,
        delivery_period=new.delivery_period,
        dispute_window=new.dispute_window,
        arbitration_period=new.arbitration_period,
        order_hash=ZERO_HASH,
    )
