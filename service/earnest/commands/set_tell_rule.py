"""Change from which finality on a merchant is told."""

from __future__ import annotations

from dataclasses import replace

from earnest.commands.audit import HOST, By, write_down
from earnest.payment.errors import NotFound
from earnest.payment.tell_rule import TellRule
from earnest.store import Store
from earnest.store.records import Merchant


def set_tell_rule(store: Store, merchant_id: str, rule: TellRule, *, now: int, by: By = HOST) -> Merchant:
    """Set a merchant's rule for the events that are mirrored from now on; what waits already keeps waiting as it did.

    `now` is wall time (Unix).

    Raises:
        NotFound: there is no such merchant.
    """
    with store.transaction() as tx:
        merchant = tx.merchants.get(merchant_id)
        if merchant is None:
            raise NotFound(f"no merchant {merchant_id}")
        tx.merchants.set_tell_rule(merchant_id, rule)
        write_down(tx, by, merchant_id, now, "merchant.tell", merchant_id, rule=[str(each) for each in rule.steps])
    return replace(merchant, tell=rule)
