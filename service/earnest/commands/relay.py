"""Send for a buyer what anyone may send: by his signature, or because its time has come. The host pays the gas.

None of it can send money anywhere but where the terms send it: the contract sees to that, whoever sends the tx.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from earnest.chain.sending import Budget, OutgoingTx, TxState
from earnest.commands.chain_time import chain_time
from earnest.commands.errors import EscrowNotDeployed
from earnest.commands.journal import check_budget, outgoing_tx
from earnest.commands.own_payment import GAVE_UP, MOST_RELAY_GAS, send
from earnest.commands.ports import Place, Submitter
from earnest.commands.prepare_tx import COLLECT_GAS_FLOOR
from earnest.commands.release_with_receipt import check_receipt
from earnest.escrow.txs import Signed, unsigned_tx
from earnest.payment.actions import check_action
from earnest.payment.errors import InvalidInput, NotFound
from earnest.payment.primitives import Hash32
from earnest.payment.record import Payment
from earnest.payment.status import Role, Verb
from earnest.store import Store, Transaction

RELAYED: Final = frozenset(
    {Verb.FUND_WITH_AUTHORIZATION, Verb.FUND_WITH_PERMIT2, Verb.COLLECT, Verb.RELEASE_WITH_RECEIPT, Verb.RECLAIM}
)
"""What anyone may send. A permit (EIP-2612) is not among them: it does not bind the terms."""
SIGNED_BY_A_PAYER: Final = frozenset({Verb.FUND_WITH_AUTHORIZATION, Verb.FUND_WITH_PERMIT2})
UNSIGNED: Final = frozenset({Verb.COLLECT, Verb.RECLAIM})
MOST_RELAYS: Final[Mapping[Verb, int]] = {
    Verb.FUND_WITH_AUTHORIZATION: 4,
    Verb.FUND_WITH_PERMIT2: 4,
    Verb.COLLECT: 5,
    Verb.RELEASE_WITH_RECEIPT: 3,
    Verb.RECLAIM: 3,
}
"""Txs for one payment by one verb: it needs one, and the rest is for what reverted when it was mined; money can come to
a deposit address more than once. Apart, so that nobody's useless signatures use up what collects or releases."""
_PREFIX: Final = "relay:"


def relay(
    store: Store,
    place: Place,
    submitter: Submitter,
    payment_id: Hash32,
    verb: Verb,
    *,
    signed: Signed | None = None,
) -> OutgoingTx:
    """Send one of `RELAYED` with the operator's key; asking again before it is mined gives the same tx.

    Only for payments that a merchant created here: what strangers wrote into foreign terms costs the host nothing.

    Args:
        store: the database.
        place: the chain.
        submitter: who sends there.
        payment_id: which payment.
        verb: what is to be done.
        signed: the payer's or the buyer's signature, for the verbs that need one.

    Raises:
        InvalidInput: the verb is none of these, its signature is missing, or it knows none.
        NotFound: nobody here created such a payment.
        NotBuyersReceipt: the signature is not the buyer's.
        RelaysUsedUp: the host has sent `MOST_RELAYS` for this payment by this verb.
        Conflict, TooEarly, TooLate: it is not possible now, or the contract would refuse it.
        Unavailable: no node, or no money for gas.
    """
    if verb not in RELAYED:
        raise InvalidInput(f"{verb} is nothing that anyone may send: the buyer's own wallet has to", param="verb")
    if signed is not None and verb in UNSIGNED:
        raise InvalidInput(f"{verb} needs no signature", param="signed")
    if place.escrow is None:
        raise EscrowNotDeployed(place.network.name)
    now = chain_time(store, place)
    with store.read() as tx:
        payment = tx.payments.public(payment_id)
        if payment is None or payment.is_foreign:
            raise NotFound(f"no payment {payment_id}")
        dedupe_key, sent = _dedupe_key(tx, payment, verb, signed)
    check_action(payment.terms, payment.state, verb, Role.ANYONE, now)
    if verb is Verb.RELEASE_WITH_RECEIPT and signed is not None:
        check_receipt(place.node, payment, signed.signature)
    if sent is not None:
        return sent
    if payment.account is not None:
        with store.read() as tx:  # before a node is asked; it is looked at once more where the nonce is taken
            check_budget(tx, payment.account, payment.id, _budget(payment, verb))
    unsigned = unsigned_tx(verb, payment.escrow, payment.chain_id, payment.terms, signed=signed)
    least = COLLECT_GAS_FLOOR if verb is Verb.COLLECT else 0
    return send(
        submitter,
        payment,
        verb,
        unsigned,
        dedupe_key=dedupe_key,
        least_gas=least,
        most_gas=MOST_RELAY_GAS,
        budget=_budget(payment, verb),
    )


def _budget(payment: Payment, verb: Verb) -> Budget:
    return Budget(f"{_PREFIX}{verb}:{payment.chain_id}:{payment.id}:", MOST_RELAYS[verb])


def _dedupe_key(tx: Transaction, payment: Payment, verb: Verb, signed: Signed | None) -> tuple[str, OutgoingTx | None]:
    """Return the key of this request and the tx that it already has.

    Where a payer signs, each has keys of his own, so that nobody's useless signature stands in another's way.
    """
    payer = (signed.payer or "") if signed is not None and verb in SIGNED_BY_A_PAYER else ""
    number = 0
    while True:
        key = f"{_budget(payment, verb).stem}{payer}:{number}"
        row = tx.txs.by_dedupe_key(key)
        if row is None:
            return key, None
        if not _is_over(sent := outgoing_tx(row), verb):
            return key, sent
        number += 1


def _is_over(sent: OutgoingTx, verb: Verb) -> bool:
    """Return whether a tx of this request stands in the way of no other.

    One that reverted when it was mined need not be final for that: should a reorg let it succeed, the second one
    reverts. Money can come to a deposit address again and again: there, what is settled does not count.
    """
    if sent.state is TxState.INCLUDED:
        return sent.error is not None
    return sent.state.settled if verb is Verb.COLLECT else sent.state in GAVE_UP
