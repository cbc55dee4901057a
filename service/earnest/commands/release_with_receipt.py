"""Release a payment by its buyer's receipt with the operator's key; the status moves when the log is back."""

from __future__ import annotations

from collections.abc import Callable

from earnest.chain.sending import OutgoingTx
from earnest.commands.asking import ask, has_code
from earnest.commands.errors import NotBuyersReceipt
from earnest.commands.own_payment import MOST_RELAY_GAS, free_dedupe_key, load_own, send
from earnest.commands.ports import Node, Submitter
from earnest.escrow import txs
from earnest.escrow.signatures import decode_is_valid_signature, is_valid_signature, recover
from earnest.payment.actions import check_action
from earnest.payment.primitives import ZERO_ADDRESS, Address, Hash32
from earnest.payment.record import Payment
from earnest.payment.status import Role, Verb
from earnest.payment.typed_data import receipt
from earnest.store import Store


def release_with_receipt(
    store: Store,
    sender_on: Callable[[int], Submitter],
    node_on: Callable[[int], Node],
    merchant_id: str,
    payment_id: Hash32,
    signature: bytes,
) -> OutgoingTx:
    """Send `releaseWithReceipt` for a merchant's own payment; asking again before it is mined gives the same tx.

    Anyone may send it, so it matters not whom the terms name as the operator.

    Args:
        store: the database.
        sender_on: from a chain id to who sends there with the operator's key.
        node_on: from a chain id to a node, which is asked where the buyer is a contract wallet (ERC-1271).
        merchant_id: whose payment it must be.
        payment_id: which one.
        signature: the buyer's, of `earnest.payment.typed_data.receipt`.

    Raises:
        NotFound: the merchant created none of that id.
        NotBuyersReceipt: the signature is not the buyer's, or not of this receipt.
        Conflict: it is not possible now, or the buyer's wallet burns more gas than is paid for.
        Unavailable: no operator's key here, no node, or no money for gas.
    """
    with store.read() as tx:
        asked = load_own(tx, merchant_id, payment_id)
        payment = asked.payment
        dedupe_key, sent = free_dedupe_key(tx, f"{Verb.RELEASE_WITH_RECEIPT}:{payment.chain_id}:{payment.id}")
    check_action(payment.terms, payment.state, Verb.RELEASE_WITH_RECEIPT, Role.ANYONE, asked.now)
    check_receipt(node_on(payment.chain_id), payment, signature)
    if sent is not None:
        return sent
    unsigned = txs.release_with_receipt(payment.escrow, payment.chain_id, payment.terms, signature)
    return send(
        sender_on(payment.chain_id),
        payment,
        Verb.RELEASE_WITH_RECEIPT,
        unsigned,
        dedupe_key=dedupe_key,
        most_gas=MOST_RELAY_GAS,
    )


def check_receipt(node: Node, payment: Payment, signature: bytes) -> None:
    """Check a receipt as the escrow does: by the buyer's key first, then by his wallet.

    Raises:
        NotBuyersReceipt: it is none.
        Unavailable: the node does not answer.
    """
    buyer = payment.state.buyer or payment.terms.buyer
    message = receipt(payment.escrow, payment.chain_id, payment.id, buyer)
    if recover(message, signature) == buyer or _wallet_accepts(node, buyer, message.digest, signature):
        return
    raise NotBuyersReceipt(buyer)


def _wallet_accepts(node: Node, buyer: Address, digest: Hash32, signature: bytes) -> bool:
    if buyer == ZERO_ADDRESS or not has_code(node, buyer):
        return False
    # A stranger's contract: more than is paid for when it is sent, the node need not reckon here.
    answer = ask(node, buyer, is_valid_signature(digest, signature), gas=MOST_RELAY_GAS)
    return answer is not None and decode_is_valid_signature(answer)
