"""Why a command is refused, below the one tree of `earnest.payment.errors`.

InvalidInput
├── PricingNotConfigured    a price in money, while there is no source of prices
├── TokenIsNoContract       nothing stands at the token's address on this chain
├── RequestKeyReused        the idempotency key stands for a refund of another amount
├── NotBuyersReceipt        the signature is not the buyer's, or not for this payment, escrow and chain
├── RangeTooLarge           more notifications lie in a range than are sent again at once
└── UnknownScope            no scope of that name
NotAllowed
└── NotSignedIn             what was shown to sign in with is not valid now
Misconfigured
└── EscrowNotDeployed       the chain has no escrow of ours yet
Conflict
├── NotTheOperator          the payment's terms name another operator than the one whose key is here
├── OperatorWasDismissed    the merchant has taken from the operator every right to act for him
├── TakesNoSignature        the token, or this chain, does not know this way of paying by a signature
├── MoreThanHeld            a part that is larger than what the escrow holds
├── MoreThanRepayable       a part that is larger than what was released and is not repaid yet
├── OnlyWholeAmounts        a disputed payment moves as a whole
├── RelaysUsedUp            the host has sent as much for this payment as it pays for
├── RefundUnderWay          another refund of the payment was sent and has not come back from the chain
└── TooMany                 no more of these for one merchant
"""

from __future__ import annotations

from collections.abc import Iterable

from earnest.payment.errors import Conflict, InvalidInput, Misconfigured, NotAllowed
from earnest.payment.primitives import Address


class PricingNotConfigured(InvalidInput):
    """A price in money was given, and this service has no source of prices."""

    code = "pricing_not_configured"

    def __init__(self) -> None:
        super().__init__(
            "this service has no source of prices yet: give the amount in a token instead of a currency",
            param="amount.currency",
        )


class TokenIsNoContract(InvalidInput):
    """Nothing stands at the token's address on this chain, so nobody could pay with it."""

    code = "token_is_no_contract"

    def __init__(self, symbol: str, address: Address, chain_id: int) -> None:
        super().__init__(f"{symbol} ({address}) is no contract on chain {chain_id}", param="amount.token")


class RequestKeyReused(InvalidInput):
    """The idempotency key stands for a refund of another amount; unlike stored answers, that is never forgotten."""

    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__(
            "this Idempotency-Key came with a refund of another amount before; use a new key for a new refund",
            param="Idempotency-Key",
        )


class UnknownScope(InvalidInput):
    """No scope of that name."""

    code = "unknown_scope"

    def __init__(self, unknown: Iterable[str], known: Iterable[str]) -> None:
        super().__init__(
            f"no such scope: {', '.join(sorted(unknown))}; there are: {', '.join(sorted(known))}", param="scopes"
        )


class EscrowNotDeployed(Misconfigured):
    """The chain has no escrow of ours yet."""

    code = "escrow_not_deployed"

    def __init__(self, network: str) -> None:
        super().__init__(f"no escrow is deployed on {network}: run `earnest deploy --network {network}`")


class NotTheOperator(Conflict):
    """The payment's terms name another operator than the one whose key this service has."""

    code = "not_the_operator"

    def __init__(self, named: Address, ours: Address) -> None:
        super().__init__(f"the payment's terms name {named} as its operator, and this service sends as {ours}")


class OperatorWasDismissed(Conflict):
    """The merchant has taken from the operator, once and for all, every right to act for him."""

    code = "operator_dismissed"

    def __init__(self, merchant: Address, operator: Address) -> None:
        super().__init__(f"the merchant {merchant} has dismissed the operator {operator}: he has to do it himself")


class NotBuyersReceipt(InvalidInput):
    """The signature is not the buyer's, or not for this payment, escrow and chain."""

    code = "not_buyers_receipt"

    def __init__(self, buyer: Address) -> None:
        super().__init__(
            f"this is no receipt of the buyer {buyer} for this payment, escrow and chain", param="signature"
        )


class TakesNoSignature(Conflict):
    """The token, or this chain, does not know this way of paying by a signature."""

    code = "takes_no_signature"


class MoreThanHeld(Conflict):
    """A part that is larger than what the escrow holds; amounts are base units."""

    code = "more_than_held"

    def __init__(self, asked: int, held: int) -> None:
        super().__init__(f"{asked} base units were asked for, and the escrow holds {held} for this payment")
        self.param = "amount"


class MoreThanRepayable(Conflict):
    """A part that is larger than what was released and is not repaid yet; amounts are base units."""

    code = "more_than_repayable"

    def __init__(self, asked: int, repayable: int) -> None:
        super().__init__(f"{asked} base units were to be repaid, and {repayable} were released and are not repaid yet")
        self.param = "amount"


class OnlyWholeAmounts(Conflict):
    """A disputed payment moves as a whole."""

    code = "only_whole_amounts"

    def __init__(self, held: int) -> None:
        super().__init__(
            f"while a payment is disputed, only all of it can be refunded: {held} base units, or no amount"
        )
        self.param = "amount"


class RefundUnderWay(Conflict):
    """Another refund of the payment was sent and has not come back from the chain."""

    code = "refund_under_way"

    def __init__(self, tx_id: str) -> None:
        super().__init__(
            f"a refund of this payment is under way ({tx_id}); wait for it, or send an Idempotency-Key to say "
            "that this is a further one"
        )


class TooMany(Conflict):
    """No more of these for one merchant."""

    code = "too_many"


class RelaysUsedUp(Conflict):
    """The host has sent as much for this payment as it pays for."""

    code = "relays_used_up"

    def __init__(self, most: int) -> None:
        super().__init__(f"this host has sent {most} such txs for this payment and sends no more: use a wallet")


class RangeTooLarge(InvalidInput):
    """More notifications lie in the range than are sent again at once."""

    code = "range_too_large"

    def __init__(self, most: int) -> None:
        super().__init__(f"more than {most} notifications lie in this range: name a shorter one", param="until")


class NotSignedIn(NotAllowed):
    """What was shown to sign in with is not valid now."""

    code = "not_signed_in"
