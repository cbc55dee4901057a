"""A merchant's own payment and what the mirror knows of it: where every verb with the operator's key begins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from earnest.chain.sending import Budget, OutgoingTx, TxIntent, TxState
from earnest.commands.errors import NotTheOperator, OperatorWasDismissed
from earnest.commands.journal import outgoing_tx
from earnest.commands.ports import Submitter
from earnest.escrow.txs import UnsignedTx
from earnest.payment.actions import check_action
from earnest.payment.errors import NotFound, Unavailable
from earnest.payment.primitives import Address, Hash32
from earnest.payment.record import Payment
from earnest.payment.status import Role, Verb
from earnest.store import Transaction

GAVE_UP = (TxState.FAILED, TxState.LOST)
MOST_RELAY_GAS: Final = 1_000_000
"""Where a stranger's contract is called (a wallet that checks a signature, a receiver of coin), it may burn what it
likes at our cost. The dearest honest call, a `collect` with two pushes, needs 800,000."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A payment that may be acted upon: `now` is chain time (Unix) at the mirror's head."""

    payment: Payment
    now: int


def load_own(tx: Transaction, merchant_id: str, payment_id: Hash32) -> Asked:
    """Return a payment that this merchant created here; a foreign one that merely names him is not his.

    Raises:
        NotFound: he created none of that id.
        Unavailable: the mirror has seen nothing of the chain yet.
    """
    payment = tx.payments.find(merchant_id, payment_id)
    if payment is None or payment.is_foreign:
        raise NotFound(f"no payment {payment_id}")
    view = tx.blocks.view(payment.chain_id)
    if view is None:
        raise Unavailable(f"chain {payment.chain_id} has not been followed yet; try again in a moment")
    return Asked(payment, view.head.timestamp)


def check_may(asked: Asked, verb: Verb, operator: Address) -> None:
    """Check by the mirror's facts that the operator may do this now; the chain itself is asked after that.

    Raises:
        NotTheOperator: the terms name another one.
        OperatorWasDismissed: the merchant does not want him any more.
        Conflict, TooEarly, TooLate: status or time does not fit.
    """
    terms = asked.payment.terms
    # What the status forbids is told first: a merchant who does it himself would hear the same.
    check_action(terms, asked.payment.state, verb, Role.OPERATOR, asked.now)
    if operator not in (terms.operator, terms.merchant):
        raise NotTheOperator(terms.operator, operator)
    if asked.payment.operator_dismissed and operator != terms.merchant:
        raise OperatorWasDismissed(terms.merchant, operator)


def free_dedupe_key(tx: Transaction, stem: str) -> tuple[str, OutgoingTx | None]:
    """Return the key of an intent and the tx that it already has.

    An intent whose tx reverted or lost its nonce may be tried again, under the next key of the same stem.
    """
    number = 0
    while row := tx.txs.by_dedupe_key(f"{stem}:{number}"):
        sent = outgoing_tx(row)
        if sent.state not in GAVE_UP:
            return f"{stem}:{number}", sent
        number += 1
    return f"{stem}:{number}", None


def sent_for(tx: Transaction, dedupe_keys: Iterable[str]) -> list[OutgoingTx]:
    """Return the txs that were sent for these intents, without those that reverted or lost their nonce."""
    rows = (tx.txs.by_dedupe_key(each) for each in dedupe_keys)
    sent = (outgoing_tx(row) for row in rows if row is not None)
    return [each for each in sent if each.state not in GAVE_UP]


def send(
    sender: Submitter,
    payment: Payment,
    verb: Verb,
    unsigned: UnsignedTx,
    *,
    dedupe_key: str,
    least_gas: int = 0,
    most_gas: int | None = None,
    budget: Budget | None = None,
) -> OutgoingTx:
    """Hand the tx to the sender: the chain is asked, then it is signed and stored, then broadcast.

    Raises:
        Conflict: the contract would refuse it, it would burn more than `most_gas`, or the budget is used up.
        Unavailable: the node does not answer, or the operator has no money for gas.
    """
    return submit(
        sender,
        verb,
        unsigned,
        payment.id,
        payment.account,
        dedupe_key=dedupe_key,
        least_gas=least_gas,
        most_gas=most_gas,
        budget=budget,
    )


def submit(
    sender: Submitter,
    verb: Verb,
    unsigned: UnsignedTx,
    payment_id: Hash32,
    merchant_id: str | None,
    *,
    dedupe_key: str,
    least_gas: int = 0,
    most_gas: int | None = None,
    budget: Budget | None = None,
) -> OutgoingTx:
    """Hand a tx to the sender; for a batch, `payment_id` is the zero hash. Raises as `send`."""
    return sender.submit(
        TxIntent(
            verb=str(verb),
            payment_id=payment_id,
            to=unsigned.to,
            data=bytes.fromhex(unsigned.data[2:]),
            value=unsigned.value,
            merchant_id=merchant_id,
            dedupe_key=dedupe_key,
            least_gas=least_gas,
            most_gas=most_gas,
            budget=budget,
        )
    )
