"""What the command line checks before it approves a token: nothing is spent where the payment itself would fail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from earnest.cli.paying import NotEnoughTokens, steps_to_pay
from earnest.commands.errors import EscrowNotDeployed
from earnest.escrow import txs
from earnest.escrow.txs import UnsignedTx
from earnest.localnet.inprocess import EmbeddedChain
from earnest.payment.errors import Conflict, TooLate
from earnest.payment.primitives import Address
from earnest.payment.record import Payment
from earnest.payment.status import Verb
from earnest.payment.terms import Terms, payment_id
from earnest.payment.transitions import NOTHING_YET
from tests.support.provable import BUYER, CHAIN_ID, MERCHANT, EmbeddedNode, Town, account

NOBODY = Address("0x000000000000000000000000000000000000dEaD")


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    with EmbeddedChain() as chain:
        yield Town(EmbeddedNode(chain))


def payment_of(town: Town, terms: Terms) -> Payment:
    named = payment_id(terms, CHAIN_ID, town.escrow)
    return Payment(named, CHAIN_ID, town.escrow, terms, NOTHING_YET, version=0)


def steps(town: Town, terms: Terms, payer: Address, verb: Verb = Verb.FUND) -> list[str]:
    """Return who is called by what is to be sent, in order: the token, the escrow."""
    named = {terms.token: "token", town.escrow: "escrow"}
    paying = UnsignedTx(town.escrow, "0x", 0, CHAIN_ID)
    return [
        named[each.to] for each in steps_to_pay(town.node, payment_of(town, terms), verb, payer, terms.amount, paying)
    ]


def allow(town: Town, terms: Terms, amount: int) -> None:
    town.send(BUYER, txs.approve(terms.token, CHAIN_ID, town.escrow, amount))


def test_only_the_approvals_that_are_missing_are_asked_for(town: Town) -> None:
    terms, buyer = town.in_tokens(1), account(BUYER)
    allow(town, terms, 0)
    assert steps(town, terms, buyer) == ["token", "escrow"]
    allow(town, terms, 1)
    assert steps(town, terms, buyer) == ["token", "token", "escrow"], "some tokens insist on zero in between"
    allow(town, terms, terms.amount)
    assert steps(town, terms, buyer) == ["escrow"]
    assert steps(town, town.terms(2), buyer) == ["escrow"], "coin needs none"


def test_what_is_funded_already_is_not_approved_for_again(town: Town) -> None:
    terms = town.in_tokens(3)
    town.fund(terms)
    with pytest.raises(Conflict, match="while the payment is funded"):
        steps(town, terms, account(BUYER))


def test_what_is_late_or_too_much_or_nowhere_is_refused_before_anything_is_spent(town: Town) -> None:
    terms = town.in_tokens(4)
    with pytest.raises(TooLate):
        steps(town, replace(terms, pay_by=1), account(BUYER))
    with pytest.raises(NotEnoughTokens, match="has 0 base units") as refusal:
        steps(town, terms, NOBODY)
    assert (refusal.value.has, refusal.value.needed) == (0, terms.amount)
    elsewhere = replace(payment_of(town, terms), escrow=NOBODY)
    with pytest.raises(EscrowNotDeployed):
        steps_to_pay(town.node, elsewhere, Verb.FUND, account(BUYER), 1, UnsignedTx(NOBODY, "0x", 0, CHAIN_ID))


def test_the_merchant_alone_repays_and_only_after_a_release(town: Town) -> None:
    terms = town.in_tokens(5)
    town.fund(terms)
    with pytest.raises(Conflict, match="only the merchant"):
        steps(town, terms, account(BUYER), Verb.REPAY)
    with pytest.raises(Conflict, match="while the payment is funded on the chain"):
        steps(town, terms, account(MERCHANT), Verb.REPAY)
    town.release(terms)
    assert steps(town, terms, account(MERCHANT), Verb.REPAY)[-1] == "escrow"
