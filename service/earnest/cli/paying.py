"""What is checked before a token is approved for the escrow: an approval costs gas, and outlives a failure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from earnest.payment.errors import Conflict
from earnest.payment.primitives import ZERO_ADDRESS, Address
from earnest.payment.record import Payment
from earnest.payment.status import Role, Verb

if TYPE_CHECKING:
    from earnest.chain.node import Node
    from earnest.chain.wallet import CallTx
    from earnest.escrow.views import EscrowState


class NotEnoughTokens(Conflict):
    """The account has less of the token than it is to pay."""

    code = "not_enough_tokens"

    def __init__(self, account: Address, token: Address, has: int, needed: int) -> None:
        super().__init__(f"{account} has {has} base units of the token {token} and needs {needed}")
        self.has, self.needed = has, needed


def steps_to_pay(node: Node, payment: Payment, verb: Verb, payer: Address, amount: int, paying: CallTx) -> list[CallTx]:
    """Return the approvals that are missing, and the tx that pays after them (`fund` or `repay`).

    Everything that can be known before is asked of the chain first, so that nothing is spent on an approval in vain.

    Raises:
        Conflict, TooLate: by the contract's own state, the payment cannot be paid (back) now.
        NotEnoughTokens: the payer has not got as much.
        Unavailable: the node does not answer, or knows of no escrow there.
    """
    from earnest.commands.approvals import approvals  # noqa: PLC0415

    if payment.terms.token == ZERO_ADDRESS:
        return [paying]
    _check_payable(node, payment, verb, payer)
    _check_balance(node, payment.terms.token, payer, amount)
    return [*(each.tx for each in approvals(node, payment, payer, payment.escrow, amount)), paying]


def _check_payable(node: Node, payment: Payment, verb: Verb, payer: Address) -> None:
    from earnest.payment.actions import check_action  # noqa: PLC0415
    from earnest.payment.transitions import NOTHING_YET, REPAYABLE  # noqa: PLC0415

    found = _state(node, payment)
    if verb is Verb.REPAY:
        if payer != payment.terms.merchant:
            raise Conflict(f"only the merchant {payment.terms.merchant} repays, and this wallet is {payer}")
        if found.status not in REPAYABLE:
            raise Conflict(f"repay is not possible while the payment is {found.status} on the chain")
        return
    head = node.header("latest")
    state = replace(NOTHING_YET, status=found.status, since=found.since)
    check_action(payment.terms, state, verb, Role.ANYONE, head.block.timestamp if head else 0)


def _state(node: Node, payment: Payment) -> EscrowState:
    from earnest.commands.asking import ask  # noqa: PLC0415
    from earnest.commands.errors import EscrowNotDeployed  # noqa: PLC0415
    from earnest.escrow import views  # noqa: PLC0415

    answer = ask(node, payment.escrow, views.state_of(payment.id))
    if answer is None:
        raise EscrowNotDeployed(f"chain {payment.chain_id} at {payment.escrow}")
    return views.decode_state_of(answer)


def _check_balance(node: Node, token: Address, payer: Address, needed: int) -> None:
    from earnest.commands.asking import ask  # noqa: PLC0415
    from earnest.escrow.txs import encode_call  # noqa: PLC0415

    answer = ask(node, token, encode_call("balanceOf", ["address"], [payer]))
    has = int.from_bytes(answer, "big") if answer is not None and len(answer) == 32 else 0
    if has < needed:
        raise NotEnoughTokens(payer, token, has, needed)
