"""Many payments of one merchant by as few txs as their terms allow, and what was left out told with its reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from earnest.chain.sending import OutgoingTx
from earnest.commands.own_payment import Asked, free_dedupe_key, load_own, submit
from earnest.commands.ports import Submitter
from earnest.escrow.txs import MAX_ITEMS, UnsignedTx, common_terms, encoded_item
from earnest.payment.errors import EarnestError, InvalidInput, Unavailable
from earnest.payment.primitives import ZERO_HASH, Address, Hash32, hash32, keccak
from earnest.payment.record import Payment
from earnest.payment.status import Verb
from earnest.payment.terms import Terms
from earnest.store import Store

Group = tuple[int, Address, Terms]
"""What the payments of one tx share: the chain, the escrow, and all terms that are not an item's own."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A batch's tx, and the payments that are in it in the order of its items."""

    tx: OutgoingTx
    payment_ids: tuple[Hash32, ...]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A payment that is in no tx, and why: the code and the sentence of the error that it alone would have raised."""

    payment_id: Hash32
    code: str
    reason: str


@dataclass(slots=True)
class ManyResult:
    """What became of each payment. What the escrow passes over after all shows as `ItemSkipped` in its timeline."""

    sent: list[Sent] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class BatchVerb:
    """A verb for many: its tx, and the check that each payment must pass by the mirror's facts."""

    verb: Verb
    build: Callable[[Address, int, Sequence[Terms]], UnsignedTx]
    check: Callable[[Asked, Address], None]


def send_many(
    store: Store,
    sender_on: Callable[[int], Submitter],
    merchant_id: str,
    payment_ids: Sequence[Hash32],
    how: BatchVerb,
    *,
    begun: Sequence[OutgoingTx] = (),
) -> ManyResult:
    """Send a verb for many of a merchant's own payments; the same ones asked for again give the same txs.

    Args:
        store: the database.
        sender_on: from a chain id to who sends there with the operator's key.
        merchant_id: whose payments they must be.
        payment_ids: which ones; one that is named twice counts once.
        how: the verb.
        begun: what an earlier try of this very request had sent before it died: whatever came of the payments since,
            these are their txs. Only the others are sent.

    Raises:
        InvalidInput: none are named, or more than a batch can hold.
        Unavailable: nothing could be sent, for want of an operator's key, a node, or money for gas.
    """
    wanted = list(dict.fromkeys(payment_ids))
    if not 0 < len(wanted) <= MAX_ITEMS:
        raise InvalidInput(f"name 1 to {MAX_ITEMS} payments, not {len(wanted)}", param="payments")
    result, groups = ManyResult(), dict[Group, list[Payment]]()
    own = _own(store, merchant_id, wanted, result)
    for sent in begun:
        ids = tuple(each.payment.id for each in own if _is_in(sent, each.payment))
        result.sent.append(Sent(sent, ids))
        own = [each for each in own if each.payment.id not in ids]
    for asked in own:
        payment = asked.payment
        try:
            how.check(asked, sender_on(payment.chain_id).status().address)
        except Unavailable:
            raise
        except EarnestError as why:
            result.left_out.append(LeftOut(payment.id, why.code, str(why)))
        else:
            groups.setdefault((payment.chain_id, payment.escrow, common_terms(payment.terms)), []).append(payment)
    _send_groups(store, sender_on, merchant_id, groups, how, result)
    return result


def _own(store: Store, merchant_id: str, wanted: Sequence[Hash32], result: ManyResult) -> list[Asked]:
    found: list[Asked] = []
    with store.read() as tx:
        for payment_id in wanted:
            try:
                found.append(load_own(tx, merchant_id, payment_id))
            except EarnestError as why:
                result.left_out.append(LeftOut(payment_id, why.code, str(why)))
    return found


def _is_in(sent: OutgoingTx, payment: Payment) -> bool:
    is_there = (sent.chain_id, sent.to) == (payment.chain_id, payment.escrow)
    return is_there and encoded_item(payment.terms) in sent.data


def _send_groups(
    store: Store,
    sender_on: Callable[[int], Submitter],
    merchant_id: str,
    groups: dict[Group, list[Payment]],
    how: BatchVerb,
    result: ManyResult,
) -> None:
    """Send one tx a group; where one cannot go, the others still do."""
    failures: list[EarnestError] = []
    for (chain_id, escrow, _), payments in groups.items():
        unsigned = how.build(escrow, chain_id, [each.terms for each in payments])
        with store.read() as tx:
            dedupe_key, sent = free_dedupe_key(tx, _stem(how.verb, payments))
        ids = tuple(each.id for each in payments)
        try:
            sent = sent or submit(
                sender_on(chain_id), how.verb, unsigned, ZERO_HASH, merchant_id, dedupe_key=dedupe_key
            )
        except EarnestError as why:
            failures.append(why)
            result.left_out += [LeftOut(id_, why.code, str(why)) for id_ in ids]
        else:
            result.sent.append(Sent(sent, ids))
    if failures and not result.sent and isinstance(failures[0], Unavailable):
        raise failures[0]


def _stem(verb: Verb, payments: Sequence[Payment]) -> str:
    """Name the intent: these payments as they are now. Once one of them has moved on, it is another intent."""
    members = ",".join(sorted(f"{each.id}:{each.state.seq}" for each in payments))
    return f"{verb}:{payments[0].chain_id}:{hash32(keccak(members.encode()))[:34]}"
