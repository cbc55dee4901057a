"""What a payer or a buyer signs instead of sending a tx; with the signature, `prepare_tx` gives the tx for anyone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from earnest.commands.approvals import WithGas, approvals
from earnest.commands.errors import EscrowNotDeployed
from earnest.commands.ports import Node, Place
from earnest.commands.token_facts import check_authorization_unused, permit2_nonce, permit_nonce, token_domain
from earnest.payment.actions import check_action
from earnest.payment.errors import Conflict, InvalidInput
from earnest.payment.primitives import ZERO_ADDRESS, Address
from earnest.payment.record import Payment
from earnest.payment.status import Role, Status, Verb
from earnest.payment.typed_data import (
    PERMIT2,
    TypedData,
    permit,
    permit_witness_transfer_from,
    receipt,
    receive_with_authorization,
)

BY_SIGNATURE = frozenset(
    {Verb.FUND_WITH_PERMIT, Verb.FUND_WITH_AUTHORIZATION, Verb.FUND_WITH_PERMIT2, Verb.RELEASE_WITH_RECEIPT}
)
"""The verbs for which something is signed that is no tx."""


@dataclass(frozen=True, slots=True)
class ToSign:
    """Typed data for a wallet, and what must come back with the signature when the tx is asked for.

    `before` are txs of the signer that must be mined first (Permit2's allowance).
    """

    typed_data: TypedData
    come_back_with: Mapping[str, str]
    before: tuple[WithGas, ...] = ()


def prepare_signature(
    place: Place, payment: Payment, verb: Verb, signer: Address, *, now: int, buyer: Address | None = None
) -> ToSign:
    """Return what `signer` has to sign, so that `verb` can be done by anyone (with a permit: by himself, in one tx).

    Every signature for funding holds until `pay_by`; one that is not used costs nothing.

    Args:
        place: the chain.
        payment: which one.
        verb: one of `BY_SIGNATURE`.
        signer: the payer, or the buyer for a receipt.
        now: chain time (Unix).
        buyer: for `fund_with_permit` on terms without a buyer; left out: the signer.

    Raises:
        InvalidInput: the verb needs no signature.
        EscrowNotDeployed: the chain has no escrow of ours.
        TakesNoSignature: the token or the chain does not know this way.
        Conflict, TooLate: it is not possible now, or not for this signer.
        Unavailable: the node does not answer.
    """
    if place.escrow is None:
        raise EscrowNotDeployed(place.network.name)
    if verb is Verb.RELEASE_WITH_RECEIPT:
        return _receipt(payment, signer, now)
    if verb not in BY_SIGNATURE:
        raise InvalidInput(f"{verb} needs no signature but the tx's own", param="verb")
    check_action(payment.terms, payment.state, verb, Role.ANYONE, now)
    node = place.node
    match verb:
        case Verb.FUND_WITH_PERMIT:
            return _permit(node, payment, signer, buyer)
        case Verb.FUND_WITH_AUTHORIZATION:
            return _authorization(node, payment, signer)
        case _:
            return _permit2(node, payment, signer)


def _receipt(payment: Payment, signer: Address, now: int) -> ToSign:
    # It can be signed ahead, while nothing is held yet.
    if payment.state.status is not Status.CREATED:
        check_action(payment.terms, payment.state, Verb.RELEASE_WITH_RECEIPT, Role.ANYONE, now)
    buyer = payment.state.buyer or _named_or(signer, payment)
    if buyer != signer:
        raise Conflict(f"only the buyer's receipt counts, and {signer} is not the buyer")
    return ToSign(receipt(payment.escrow, payment.chain_id, payment.id, buyer), {})


def _permit(node: Node, payment: Payment, signer: Address, buyer: Address | None) -> ToSign:
    terms = payment.terms
    nonce, domain = permit_nonce(node, terms.token, signer), token_domain(node, terms.token, payment.chain_id)
    return ToSign(
        permit(domain, signer, payment.escrow, terms.amount, nonce, terms.pay_by),
        {"deadline": str(terms.pay_by), "buyer": _named_or(buyer or signer, payment)},
    )


def _authorization(node: Node, payment: Payment, payer: Address) -> ToSign:
    terms = payment.terms
    check_authorization_unused(node, terms.token, payer, payment.id)
    domain = token_domain(node, terms.token, payment.chain_id)
    message = receive_with_authorization(
        domain, payer, payment.escrow, terms.amount, payment.id, valid_after=0, valid_before=terms.pay_by
    )
    return ToSign(message, {"payer": payer, "valid_after": "0", "valid_before": str(terms.pay_by)})


def _permit2(node: Node, payment: Payment, payer: Address) -> ToSign:
    terms, nonce = payment.terms, permit2_nonce(node, payer)
    message = permit_witness_transfer_from(
        payment.chain_id,
        payment.escrow,
        terms.token,
        terms.amount,
        payment.id,
        payer,
        _named_or(payer, payment),
        nonce=nonce,
        deadline=terms.pay_by,
    )
    come_back_with = {"payer": payer, "nonce": str(nonce), "deadline": str(terms.pay_by)}
    return ToSign(message, come_back_with, approvals(node, payment, payer, PERMIT2, terms.amount))


def _named_or(somebody: Address, payment: Payment) -> Address:
    named = payment.terms.buyer
    return somebody if named == ZERO_ADDRESS else named
