"""What `payment.actions` offers now is tried, by everybody, and has to be exactly what succeeds."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import Final

from earnest.payment.actions import actions
from earnest.payment.primitives import ZERO_ADDRESS, Address
from earnest.payment.status import Status, Verb
from earnest.payment.typed_data import receipt
from tests.properties.escrow_machine import calls, funding, settling
from tests.properties.escrow_machine.asks import next_bound
from tests.properties.escrow_machine.cast import Party
from tests.properties.escrow_machine.facts import Refusal, Sheet, Staged
from tests.properties.escrow_machine.play import Play
from tests.properties.escrow_machine.rules import is_dismissed, roles_of
from tests.properties.escrow_machine.settling import ALL
from tests.properties.escrow_machine.stage import COIN

Expectation = Callable[[Sheet, Address], None]
Try = tuple[bytes, int, Expectation]
"""Call data, coin to send along, and what is expected of the call by an account."""

_TIMED: Final = {
    Status.CREATED: (Verb.FUND,),
    Status.FUNDED: (Verb.CONFIRM_DELIVERY, Verb.RECLAIM),
    Status.DELIVERED: (Verb.DISPUTE, Verb.RELEASE),
    Status.DISPUTED: (Verb.RESOLVE, Verb.RECLAIM),
}
"""What begins or ends at a status's moment."""
_NO_MONEY: Final = ""
"""The name of a refusal by a token: whether the money can be had is none of the payment's rules."""


def offered_to(sheet: Sheet, payment: Staged, who: Address) -> set[Verb]:
    """Return what an account may do at this very moment, as pages and buyers' wallets are told."""
    roles = set(roles_of(sheet, payment, who))
    offered = actions(payment.terms, sheet.state(payment), sheet.now, operator_dismissed=is_dismissed(sheet, payment))
    return {each.verb for each in offered if each.possible_from <= sheet.now and roles & set(each.by)}


def check_edges(play: Play, payment: Staged) -> None:
    """Look ahead to a second before, at and after the moment at which time changes what is possible."""
    state = play.facts.state(payment)
    bound = next_bound(payment.terms, state)
    for offset in (-1, 0, 1):
        if bound is not None and bound + offset >= play.now:
            with play.evm.undone():
                play.evm.time = bound + offset
                check_offers(play, payment, _TIMED[state.status])


def check_offers(play: Play, payment: Staged, verbs: Collection[Verb] = tuple(Verb)) -> None:
    """Try these verbs by everybody and compare with the offers."""
    sheet = Sheet(play.facts, play.now)
    tries = _tries(play, payment)
    for who in _everybody(play, payment):
        offered = offered_to(sheet, payment, who.address)
        for verb in tries.keys() & set(verbs):
            data, value, expectation = tries[verb]
            outcome = who.would(play.evm, play.stage.escrow, data, value)
            play.tried += 1
            expected = play.expect(partial(_told, expectation, who.address))
            if isinstance(expected, Refusal) and expected.name == _NO_MONEY:
                assert not outcome.succeeded
                continue
            assert outcome.succeeded == (verb in offered), (
                f"{verb} by {who.name} at {play.now}: offered are {sorted(offered)}, "
                f"and trying it {'succeeds' if outcome.succeeded else 'fails'}: {sheet.state(payment)}"
            )


def _told(expectation: Expectation, who: Address, sheet: Sheet) -> None:
    expectation(sheet, who)


def _everybody(play: Play, payment: Staged) -> list[Party]:
    terms, cast = payment.terms, play.stage.cast
    named = {play.facts.state(payment).buyer, terms.buyer, terms.merchant, terms.operator, terms.arbiter}
    return [each for each in cast if each.address in named or each == cast["stranger"]]


def _tries(play: Play, payment: Staged) -> dict[Verb, Try]:
    terms, state = payment.terms, play.facts.state(payment)
    is_coin = terms.token == COIN
    buyer = terms.buyer if terms.buyer != ZERO_ADDRESS else play.stage.cast["buyer"].address
    signed = receipt(play.stage.escrow, play.evm.chain_id, payment.id, state.buyer or buyer)
    signature = play.stage.cast.at(state.buyer or buyer).sign(signed.digest)
    everything = ("uint256", ALL)
    return {
        Verb.FUND: (
            calls.of_terms("fund", terms, ("address", buyer)),
            terms.amount if is_coin else 0,
            lambda sheet, who: funding.fund(sheet, payment, who, buyer, terms.amount if is_coin else 0),
        ),
        Verb.CONFIRM_DELIVERY: (
            calls.of_terms("confirmDelivery", terms),
            0,
            lambda sheet, who: settling.confirm_delivery(sheet, payment, who),
        ),
        Verb.RELEASE: (
            calls.of_terms("release", terms, everything),
            0,
            lambda sheet, who: settling.release(sheet, payment, who, ALL),
        ),
        Verb.RELEASE_WITH_RECEIPT: (
            calls.of_terms("releaseWithReceipt", terms, ("bytes", signature)),
            0,
            lambda sheet, who: settling.release_with_receipt(sheet, payment, who, is_his=True),
        ),
        Verb.REFUND: (
            calls.of_terms("refund", terms, everything),
            0,
            lambda sheet, who: settling.refund(sheet, payment, who, ALL),
        ),
        Verb.RECLAIM: (calls.of_terms("reclaim", terms), 0, lambda sheet, who: settling.reclaim(sheet, payment, who)),
        Verb.DISPUTE: (calls.of_terms("dispute", terms), 0, lambda sheet, who: settling.dispute(sheet, payment, who)),
        Verb.RESOLVE: (
            calls.of_terms("resolve", terms, ("uint256", 0), ("uint256", state.held)),
            0,
            lambda sheet, who: settling.resolve(sheet, payment, who, 0, state.held),
        ),
        Verb.REPAY: (
            calls.of_terms("repay", terms, everything),
            state.repayable if is_coin else 0,
            lambda sheet, who: settling.repay(sheet, payment, who, ALL, state.repayable if is_coin else 0),
        ),
    }
