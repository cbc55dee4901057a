"""Whether the mirror equals the contract, read directly: every difference is named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from earnest.escrow import views
from earnest.payment.events import Credited
from earnest.payment.primitives import ZERO_ADDRESS, Address
from earnest.payment.record import Payment
from earnest.payment.status import Status
from earnest.store import Store
from tests.chaos.inprocess.truth import Readable, TrueEvent, Truth, Where, balance

PARTIES = {
    "to_merchant": Credited.MERCHANT,
    "to_fee_recipient": Credited.FEE_RECIPIENT,
    "to_buyer": Credited.BUYER,
}


def differences_of_mirror(
    store: Store, where: Where, chain: Readable, truth: Truth, *, all_final: bool = True
) -> Iterator[str]:
    """Yield what the mirror has otherwise than the chain; `all_final`: every block with an event is final by now."""
    chain_id, ids = where.chain_id, sorted(truth.states)
    with store.read() as tx:
        payments = tx.payments.many(chain_id, ids)
        canonical = tx.events.canonical(chain_id, ids)
        timelines = {id_: tx.events.timeline(chain_id, id_) for id_ in ids}
        withdrawn = dict(tx.credits.totals(chain_id))
        view = tx.blocks.view(chain_id)
    if view is None or view.head.hash != chain.head.hash:
        yield f"the mirror's head is {view and view.head}, the chain's {chain.head}"
    for id_ in ids:
        true = truth.events.get(id_, [])
        payment = payments.get(id_)
        if payment is None:
            if true:
                yield f"payment {id_}: {len(true)} events on the chain, and the mirror does not know it"
            continue
        yield from _of_payment(where, chain, truth, payment, true)
        told = [(str(each.event.kind), each.block.hash, each.tx_hash, each.log_index) for each in canonical[id_]]
        expected = [(each.kind, each.block_hash, each.tx_hash, each.log_index) for each in true]
        if told != expected:
            yield f"payment {id_}: the mirror's events are {told}, the chain's {expected}"
        if all_final and any(not each.final for each in timelines[id_] if not each.orphaned):
            yield f"payment {id_}: an event below finality is not marked final"
    yield from _of_sums(where, chain, truth, list(payments.values()), withdrawn)


def _of_payment(
    where: Where, chain: Readable, truth: Truth, payment: Payment, true: Sequence[TrueEvent]
) -> Iterator[str]:
    state, contract = payment.state, truth.states[payment.id]
    held = 0
    if contract.status.holds_money:
        held = views.decode_held_of(chain.view(where.escrow, views.held_of(payment.terms)))
    gone = {name: sum(each.amounts.get(name, 0) for each in true if each.kind != "PaymentRepaid") for name in PARTIES}
    repaid = sum(each.amounts["to_buyer"] for each in true if each.kind == "PaymentRepaid")
    pairs = {
        "status": (state.status, contract.status),
        "seq": (state.seq, contract.seq),
        "since": (state.since, contract.since),
        "buyer": (state.buyer or ZERO_ADDRESS, contract.buyer),
        "held": (state.held, held),
        "repaid": (state.repaid, repaid),
        **{name: (getattr(state, name), amount) for name, amount in gone.items()},
    }
    for name, (ours, theirs) in pairs.items():
        if ours != theirs:
            yield f"payment {payment.id}: {name} is {ours} in the mirror and {theirs} by the contract"


def _of_sums(
    where: Where,
    chain: Readable,
    truth: Truth,
    payments: Sequence[Payment],
    withdrawn: dict[tuple[Address, Address], int],
) -> Iterator[str]:
    """Yield where the mirror's sums of held and credited are not what the escrow's tokens and credits say."""
    credited: dict[tuple[Address, Address], int] = {}
    for payment in payments:
        owners = {
            "to_merchant": payment.terms.merchant,
            "to_fee_recipient": payment.terms.fee_recipient,
            "to_buyer": payment.state.buyer or ZERO_ADDRESS,
        }
        for event in truth.events.get(payment.id, []):
            for name, amount in event.amounts.items():
                if event.credited & PARTIES[name]:
                    key = (owners[name], payment.terms.token)
                    credited[key] = credited.get(key, 0) + amount
    if withdrawn != truth.withdrawn and dict(_without_zeros(withdrawn)) != dict(_without_zeros(truth.withdrawn)):
        yield f"withdrawn by the mirror: {withdrawn}; by the chain: {truth.withdrawn}"
    for (account, token), amount in credited.items():
        left = views.decode_credit_of(chain.view(where.escrow, views.credit_of(account, token)))
        if amount - withdrawn.get((account, token), 0) != left:
            yield f"the credit of {account} in {token} is {left}; the mirror knows {amount} less what was withdrawn"
    for coin in where.tokens[1:]:
        held = sum(each.state.held for each in payments if each.terms.token == coin.address)
        owed = sum(amount for (_, of), amount in credited.items() if of == coin.address)
        owed -= sum(amount for (_, of), amount in withdrawn.items() if of == coin.address)
        there = balance(chain, coin.address, where.escrow)
        if held + owed != there:
            yield f"{coin.symbol}: the escrow has {there}; the mirror knows {held} held and {owed} credited"


def _without_zeros(sums: dict[tuple[Address, Address], int]) -> Iterator[tuple[tuple[Address, Address], int]]:
    return ((key, amount) for key, amount in sums.items() if amount)


def expires(payment: Payment, truth: Truth, final_time: int) -> bool:
    """Return whether nobody paid in time, and that is final."""
    return truth.states[payment.id].status is Status.CREATED and payment.terms.pay_by <= final_time
