"""What is asked before a tx is signed: would the contract take it, what does it cost, is there money for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from earnest.chain.answers import SendAnswer, is_revert, meaning, revert_data
from earnest.chain.errors import OperatorOutOfGasMoney, RpcError, TooMuchGas, TxWouldRevert
from earnest.chain.fees import Fees, price
from earnest.chain.node import Node
from earnest.chain.sending import OutgoingTx, TxIntent, TxState
from earnest.payment.primitives import Address

GAS_HEADROOM_PERCENT: Final = 25
"""An estimate is made for the present state; a slot that became cold, or a costlier receiver, needs more."""
MOST_TX_GAS: Final = 1 << 24
"""What a chain takes in one tx; more than that would be refused for ever and hold up every nonce behind it.
Source: EIP-7825."""
BLOCK_PARTS: Final = 16
"""A block's limit can fall by a 1,024th a block: what takes fifteen of sixteen parts of it still fits 64 blocks later.
Source: the yellow paper, 4.3.4."""
ROUGH_GAS: Final = 200_000
"""What a verb needs at most, for telling how much money is missing where the node would not even estimate."""


@dataclass(frozen=True, slots=True)
class Offer:
    """The gas and the fees with which a tx will be signed."""

    gas: int
    fees: Fees


def check(
    node: Node,
    sender: Address,
    intent: TxIntent,
    unsettled: Sequence[OutgoingTx],
    cap: int,
    explain: Callable[[str], str | None],
) -> Offer:
    """Return what to offer for the tx; what waits unmined is reckoned with, since it is paid for first.

    Raises:
        TxWouldRevert: the contract would refuse it now.
        TooMuchGas: it would burn more than the intent allows, or than a chain takes.
        OperatorOutOfGasMoney: the account cannot pay for it and all that waits before it.
    """
    fees = price(node, cap)
    balance = node.balance(sender)
    promised = sum(_most(tx) for tx in unsettled if tx.state is not TxState.INCLUDED)
    try:
        estimate = node.estimate_gas(sender, intent.to, intent.data, intent.value)
    except RpcError as error:
        if is_revert(error):
            data = revert_data(error)
            raise TxWouldRevert(intent.verb, (explain(data) if data else None) or error.message) from None
        if meaning(error) is SendAnswer.NO_MONEY:
            needed = ROUGH_GAS * fees.max_fee_per_gas + intent.value + promised
            raise OperatorOutOfGasMoney(sender, balance, max(needed, balance + 1)) from None
        raise
    gas = gas_for(intent, estimate, most_gas(node))
    needed = gas * fees.max_fee_per_gas + intent.value + promised
    if balance < needed:
        raise OperatorOutOfGasMoney(sender, balance, needed)
    return Offer(gas, fees)


def most_gas(node: Node) -> int:
    """Return what a chain takes in one tx: its blocks, and the rule for all chains."""
    block = node.block_gas_limit()
    return MOST_TX_GAS if block is None else min(MOST_TX_GAS, block - block // BLOCK_PARTS)


def gas_for(intent: TxIntent, estimate: int, chain_takes: int) -> int:
    """Return the gas that a tx is signed with; raises `TooMuchGas`."""
    most = chain_takes if intent.most_gas is None else min(intent.most_gas, chain_takes)
    if estimate > most:
        raise TooMuchGas(intent.verb, estimate, most)
    return min(max(estimate * (100 + GAS_HEADROOM_PERCENT) // 100, intent.least_gas), most)


def _most(tx: OutgoingTx) -> int:
    return tx.newest.gas * tx.newest.max_fee_per_gas + tx.value
