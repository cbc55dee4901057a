"""Sums by token, and the rows that they are made of."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from earnest.api.schemas.common import Amount, Answer, Block, OutAddress, OutHash
from earnest.payment.status import Status


class Balance(Answer):
    """One token's sums on one chain, as of the chain's newest block that we have."""

    object: Literal["balance"]
    chain: Annotated[str, Field(examples=["eip155:8453"])]
    token: OutAddress
    symbol: str
    as_of: Annotated[Block | None, Field(description="Null before the chain was followed.")]
    held: Annotated[Amount, Field(description="What the escrow keeps for your payments.")]
    releasable: Annotated[
        Amount, Field(description="The part of `held` that anyone can release now: the dispute window is over.")
    ]
    released: Annotated[Amount, Field(description="What went to you, the fee taken off.")]
    fees: Annotated[Amount, Field(description="What went to the fee's recipient.")]
    refunded: Annotated[
        Amount, Field(description="What went back to buyers from the escrow: refunds, reclaims, resolved disputes.")
    ]
    repaid: Annotated[Amount, Field(description="What you gave back afterwards, out of your own wallet.")]
    credits: Annotated[
        Amount,
        Field(description="What the escrow owes your payout address, since the token refused to be sent there."),
    ]


class Balances(Answer):
    """The sums of every token."""

    data: list[Balance]
    has_more: bool
    next_cursor: str | None


class BalanceRow(Answer):
    """One row of a sum."""

    payment: Annotated[OutHash | None, Field(description="Null for a withdrawal, and where it is no payment of yours.")]
    order_reference: str | None
    status: Status | None
    amount: Amount
    direction: Annotated[
        Literal["in", "out"], Field(description="`out`: it lowers the sum; only withdrawals of credits do.")
    ]
    block: Annotated[Block | None, Field(description="Of the payment's last event, or of the credit's.")]
    tx_hash: Annotated[OutHash | None, Field(description="Of a credit or a withdrawal.")]
