"""Who the development accounts are, and merchants' accounts that are opened for tests, demos and developers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from earnest.commands.create_key import create_key
from earnest.commands.create_merchant import NewMerchant, create_merchant
from earnest.localnet.accounts import ROLES, DevAccount, dev_accounts
from earnest.payment.primitives import Address
from earnest.payment.terms import DAY, HOUR
from earnest.wiring import wall_clock

if TYPE_CHECKING:
    from earnest.store import Store


def account_of(role: str) -> DevAccount:
    """Return the development account that plays a role."""
    return dev_accounts()[ROLES.index(role)]


@dataclass(frozen=True)
class MerchantAccount:
    """A merchant's account with a key that may do everything."""

    id: str
    api_key: str


def open_merchant(store: Store, name: str = "The sample shop", **terms: Any) -> MerchantAccount:
    """Open an account: a week to deliver, an hour to dispute, a fee of 1 %; `terms` are fields of `NewMerchant`."""
    new = NewMerchant(
        **{
            "name": name,
            "payout": Address(account_of("merchant").address),
            "operator": Address(account_of("operator").address),
            "arbiter": Address(account_of("arbiter").address),
            "fee_recipient": Address(account_of("fee recipient").address),
            "fee_bps": 100,
            "delivery_period": 7 * DAY,
            "dispute_window": HOUR,
            "arbitration_period": 7 * DAY,
            "payment_window": HOUR,
            **terms,
        }
    )
    merchant = create_merchant(store, new, wall_clock())
    return MerchantAccount(merchant.id, create_key(store, merchant.id, now=wall_clock()).secret)
