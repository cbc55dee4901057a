"""An unsigned tx for somebody's wallet: all of it follows from the terms, so anyone with the id may ask for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from eth_abi.abi import encode

from earnest.chain.errors import RpcError, TxWouldRevert
from earnest.commands.errors import EscrowNotDeployed
from earnest.commands.ports import Node, Place
from earnest.escrow.reverts import explain_revert
from earnest.escrow.txs import UnsignedTx, approve, selector, unsigned_tx
from earnest.payment.actions import check_action
from earnest.payment.errors import Conflict, EarnestError, Unavailable
from earnest.payment.primitives import ZERO_ADDRESS, Address, to_bytes
from earnest.payment.record import Payment
from earnest.payment.status import Role, Verb

FUND_GAS_LIMIT: Final = 300_000
"""For `fund` while its approval is not mined, so that no node can estimate it. An ordinary token takes some 75,000; odd
ones take more, and what is not used is not paid for."""
APPROVE_GAS_LIMIT: Final = 100_000
"""A first ERC-20 approval was measured at 46,382 gas; proxied tokens take a little more."""
ESTIMATE_MARGIN_PERCENT: Final = 25
"""A push must leave its receiver a fixed amount of gas, which an estimate at another moment can just miss."""


@dataclass(frozen=True, slots=True)
class WithGas:
    """An unsigned tx and a gas limit for it."""

    tx: UnsignedTx
    gas: int


@dataclass(frozen=True, slots=True)
class PreparedTx:
    """A verb's tx, and what has to be signed and mined before it."""

    verb: WithGas
    before: tuple[WithGas, ...] = ()


@dataclass(frozen=True, slots=True)
class Parts:
    """What some verbs need besides the terms, in base units: see `earnest.escrow.txs.unsigned_tx`."""

    buyer: Address | None = None
    amount: int | None = None
    to_buyer: int | None = None
    to_merchant: int | None = None


def prepare_tx(place: Place, payment: Payment, verb: Verb, signer: Address, parts: Parts, *, now: int) -> PreparedTx:
    """Return what `signer` has to sign for `verb`; for funding with a token also the approval that is still missing.

    Args:
        place: the chain.
        payment: which one; its terms say all the rest.
        verb: what is to be done.
        signer: who will sign; it decides who may do what, the allowance and the estimate.
        parts: amounts, and the buyer for `fund` (left out: the one whom the terms name, else the signer).
        now: chain time (Unix).

    Raises:
        EscrowNotDeployed: nothing stands at the escrow's address on the node's chain.
        Conflict, TooEarly, TooLate: by the mirror's facts, the signer cannot do this now.
        TxWouldRevert: the contract would refuse it now.
        InvalidInput: the verb needs a part that is not given.
        Unavailable: the node does not answer.
    """
    if place.escrow is None:
        raise EscrowNotDeployed(place.network.name)
    # On a chain that was wiped, paying coin to the escrow's address would succeed, and the coin would be gone.
    if place.node.call("eth_getCode", [payment.escrow, "latest"]) in ("0x", "0x0", None):
        raise EscrowNotDeployed(place.network.name)
    _check_signer(payment, verb, signer, now)
    buyer = parts.buyer
    if verb is Verb.FUND and buyer is None and payment.terms.buyer == ZERO_ADDRESS:
        buyer = signer
    tx = unsigned_tx(
        verb,
        payment.escrow,
        payment.chain_id,
        payment.terms,
        buyer=buyer,
        amount=parts.amount,
        to_buyer=parts.to_buyer,
        to_merchant=parts.to_merchant,
    )
    before = _approvals(place.node, payment, signer) if verb is Verb.FUND else ()
    gas = FUND_GAS_LIMIT if before else _estimate(place.node, tx, verb, signer)
    return PreparedTx(WithGas(tx, gas), before)


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
    refusals: list[Conflict] = []
    for role in roles_of(payment, signer):
        try:
            check_action(payment.terms, payment.state, verb, role, now)
        except Conflict as refusal:
            refusals.append(refusal)
        else:
            return
    raise refusals[0]


def _approvals(node: Node, payment: Payment, signer: Address) -> tuple[WithGas, ...]:
    """Return the approvals that are missing; an allowance too small is set to zero first, as some tokens insist."""
    terms = payment.terms
    if terms.token == ZERO_ADDRESS:
        return ()
    allowance = _allowance(node, terms.token, signer, payment.escrow)
    if allowance >= terms.amount:
        return ()
    amounts = (0, terms.amount) if allowance else (terms.amount,)
    return tuple(
        WithGas(approve(terms.token, payment.chain_id, payment.escrow, amount), APPROVE_GAS_LIMIT) for amount in amounts
    )


def _allowance(node: Node, token: Address, owner: Address, spender: Address) -> int:
    data = selector("allowance(address,address)") + encode(["address", "address"], [to_bytes(owner), to_bytes(spender)])
    answer = node.call("eth_call", [{"to": token, "data": "0x" + data.hex()}, "latest"])
    try:
        return int(answer, 16)
    except (TypeError, ValueError):
        raise Unavailable(f"the token {token} told no allowance") from None


def _estimate(node: Node, tx: UnsignedTx, verb: Verb, signer: Address) -> int:
    try:
        asked = {"from": signer, "to": tx.to, "data": tx.data, "value": hex(tx.value)}
        return int(node.call("eth_estimateGas", [asked]), 16) * (100 + ESTIMATE_MARGIN_PERCENT) // 100
    except RpcError as error:
        raise _refusal(verb, error) from None


def _refusal(verb: Verb, error: RpcError) -> EarnestError:
    """Return a revert as the contract's own reason; another error of the node stays what it is."""
    data = error.data.get("data") if isinstance(error.data, dict) else error.data
    reason = explain_revert(data) if isinstance(data, str) else None
    if reason is None and "revert" not in error.message.lower():
        return error
    return TxWouldRevert(str(verb), reason or error.message)
