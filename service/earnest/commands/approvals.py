"""The approvals that are missing before a token can be taken, and gas limits for what no node can estimate yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from earnest.commands.ports import Node
from earnest.commands.token_facts import allowance
from earnest.escrow.txs import UnsignedTx, approve
from earnest.payment.primitives import ZERO_ADDRESS, Address
from earnest.payment.record import Payment

PULL_GAS_LIMIT: Final = 300_000
"""For `fund` and `repay` while their approval is not mined, so that no node can estimate them. An ordinary token takes
some 75,000; odd ones take more, and what is not used is not paid for."""
APPROVE_GAS_LIMIT: Final = 100_000
"""A first ERC-20 approval was measured at 46,382 gas; proxied tokens take a little more."""


@dataclass(frozen=True, slots=True)
class WithGas:
    """An unsigned tx and a gas limit for it."""

    tx: UnsignedTx
    gas: int


def approvals(node: Node, payment: Payment, owner: Address, spender: Address, amount: int) -> tuple[WithGas, ...]:
    """Return the owner's approvals of the payment's token that are missing for `spender` to take `amount` base units.

    An allowance too small is set to zero first, as some tokens insist. Coin needs none.

    Raises:
        Unavailable: the node or the token does not answer.
    """
    token = payment.terms.token
    if token == ZERO_ADDRESS:
        return ()
    allowed = allowance(node, token, owner, spender)
    if allowed >= amount:
        return ()
    steps = (0, amount) if allowed else (amount,)
    return tuple(WithGas(approve(token, payment.chain_id, spender, each), APPROVE_GAS_LIMIT) for each in steps)
