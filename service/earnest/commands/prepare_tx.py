"""An unsigned tx for somebody's wallet: all of it follows from the terms, so anyone with the id may ask for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from earnest.chain.errors import RpcError, TxWouldRevert
from earnest.commands.approvals import PULL_GAS_LIMIT, WithGas, approvals
from earnest.commands.asking import has_code
from earnest.commands.errors import EscrowNotDeployed, MoreThanRepayable, OperatorWasDismissed
from earnest.commands.ports import Node, Place
from earnest.escrow.reverts import explain_revert
from earnest.escrow.txs import Signed, UnsignedTx, unsigned_tx
from earnest.payment.actions import check_action
from earnest.payment.errors import Conflict, EarnestError, InvalidInput
from earnest.payment.primitives import ZERO_ADDRESS, Address
from earnest.payment.record import Payment
from earnest.payment.status import BATCHES, Role, Verb

ESTIMATE_MARGIN_PERCENT: Final = 25
"""A push must leave its receiver a fixed amount of gas, which an estimate at another moment can just miss."""
COLLECT_GAS_FLOOR: Final = 800_000
"""One unit that a stranger adds after the estimate asks for a second push; what is not used is given back."""


@dataclass(frozen=True, slots=True)
class PreparedTx:
    """A verb's tx, and what has to be signed and mined before it."""

    verb: WithGas
    before: tuple[WithGas, ...] = ()


@dataclass(frozen=True, slots=True)
class Parts:
    """What some verbs need besides the terms, amounts in base units: see `earnest.escrow.txs.unsigned_tx`."""

    buyer: Address | None = None
    amount: int | None = None
    to_buyer: int | None = None
    to_merchant: int | None = None
    token: Address | None = None
    signed: Signed | None = None


def prepare_tx(place: Place, payment: Payment, verb: Verb, signer: Address, parts: Parts, *, now: int) -> PreparedTx:
    """Return what `signer` has to sign for `verb`; where a token is taken from him also the approval still missing.

    A verb by somebody's signature needs that first: see `earnest.commands.prepare_signature`.

    Args:
        place: the chain.
        payment: which one; its terms say all the rest.
        verb: what is to be done.
        signer: who will sign; it decides who may do what, the allowance and the estimate.
        parts: amounts, signatures, the token for `collect`, and the buyer for `fund` and `fund_with_permit` (left out:
            the one whom the terms name, else the signer).
        now: chain time (Unix).

    Raises:
        EscrowNotDeployed: nothing stands at the escrow's address on the node's chain.
        Conflict, TooEarly, TooLate: by the mirror's facts, the signer cannot do this now.
        TxWouldRevert: the contract would refuse it now.
        InvalidInput: the verb needs a part that is not given, or is one for many payments.
        Unavailable: the node does not answer.
    """
    if place.escrow is None:
        raise EscrowNotDeployed(place.network.name)
    # On a chain that was wiped, paying coin to the escrow's address would succeed, and the coin would be gone.
    if not has_code(place.node, payment.escrow):
        raise EscrowNotDeployed(place.network.name)
    _check_signer(payment, verb, signer, now)
    parts = _filled(payment, verb, signer, parts)
    tx = unsigned_tx(
        verb,
        payment.escrow,
        payment.chain_id,
        payment.terms,
        buyer=parts.buyer,
        amount=parts.amount,
        to_buyer=parts.to_buyer,
        to_merchant=parts.to_merchant,
        token=parts.token,
        signed=parts.signed,
    )
    before = _before(place.node, payment, verb, signer, parts)
    gas = PULL_GAS_LIMIT if before else _estimate(place.node, tx, verb, signer)
    return PreparedTx(WithGas(tx, gas), before)


def _filled(payment: Payment, verb: Verb, signer: Address, parts: Parts) -> Parts:
    """Return the parts with those that follow from payment and signer."""
    if verb in (Verb.FUND, Verb.FUND_WITH_PERMIT) and parts.buyer is None and payment.terms.buyer == ZERO_ADDRESS:
        return replace(parts, buyer=signer)
    if verb is Verb.REPAY:
        repayable = payment.state.repayable
        if parts.amount is not None and parts.amount > repayable:
            raise MoreThanRepayable(parts.amount, repayable)
        # Coin is sent along, so everything has to be said as a number.
        if parts.amount is None and payment.terms.token == ZERO_ADDRESS:
            return replace(parts, amount=repayable)
    return parts


def _before(node: Node, payment: Payment, verb: Verb, signer: Address, parts: Parts) -> tuple[WithGas, ...]:
    """Return the approvals that are missing where the escrow takes a token from the signer."""
    if verb is Verb.FUND:
        return approvals(node, payment, signer, payment.escrow, payment.terms.amount)
    if verb is Verb.REPAY:
        amount = payment.state.repayable if parts.amount is None else parts.amount
        return approvals(node, payment, signer, payment.escrow, amount)
    return ()


def roles_of(payment: Payment, account: Address) -> list[Role]:
    """Return every role that an account has in a payment, `anyone` last."""
    terms = payment.terms
    buyer = payment.state.buyer or terms.buyer
    named = {
        Role.BUYER: buyer,
        Role.MERCHANT: terms.merchant,
        Role.OPERATOR: terms.operator,
        Role.ARBITER: terms.arbiter,
    }
    return [role for role, holder in named.items() if holder == account] + [Role.ANYONE]


def _check_signer(payment: Payment, verb: Verb, signer: Address, now: int) -> None:
    dismissed = payment.operator_dismissed
    if verb in BATCHES:
        raise InvalidInput(f"{verb} is for many payments: name them all", param="verb")
    if verb is Verb.DISMISS_OPERATOR:
        _check_may_dismiss(payment, signer)
        return
    refusals: list[Conflict] = []
    for role in roles_of(payment, signer):
        try:
            check_action(payment.terms, payment.state, verb, role, now, operator_dismissed=dismissed)
        except Conflict as refusal:
            refusals.append(refusal)
        else:
            return
    if dismissed and signer == payment.terms.operator:
        raise OperatorWasDismissed(payment.terms.merchant, signer)
    raise refusals[0]


def _check_may_dismiss(payment: Payment, signer: Address) -> None:
    merchant, operator = payment.terms.merchant, payment.terms.operator
    if signer != merchant:
        raise Conflict(f"only the merchant {merchant} can dismiss his operator")
    if payment.operator_dismissed:
        raise OperatorWasDismissed(merchant, operator)


def _estimate(node: Node, tx: UnsignedTx, verb: Verb, signer: Address) -> int:
    try:
        asked = {"from": signer, "to": tx.to, "data": tx.data, "value": hex(tx.value)}
        gas = int(node.call("eth_estimateGas", [asked]), 16) * (100 + ESTIMATE_MARGIN_PERCENT) // 100
    except RpcError as error:
        raise _refusal(verb, error) from None
    return max(gas, COLLECT_GAS_FLOOR) if verb is Verb.COLLECT else gas


def _refusal(verb: Verb, error: RpcError) -> EarnestError:
    """Return a revert as the contract's own reason; another error of the node stays what it is."""
    data = error.data.get("data") if isinstance(error.data, dict) else error.data
    reason = explain_revert(data) if isinstance(data, str) else None
    if reason is None and "revert" not in error.message.lower():
        return error
    return TxWouldRevert(str(verb), reason or error.message)
