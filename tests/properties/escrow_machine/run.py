"""What every machine does: payments are asked for, time passes, and the world misbehaves."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from earnest.payment.primitives import ZERO_ADDRESS, Hash32, hash32, keccak
from earnest.payment.status import HOLDING, Status
from earnest.payment.terms import Terms
from tests.properties.escrow_machine.asks import ROLES, TIMES_TO_PAY, families, next_bound, sums, which
from tests.properties.escrow_machine.cast import HOST, Party
from tests.properties.escrow_machine.facts import Staged
from tests.properties.escrow_machine.offers import check_edges, check_offers
from tests.properties.escrow_machine.play import Play
from tests.properties.escrow_machine.stage import COIN, INFINITE, Stage
from tests.support.evm import call_data

MOST_PAYMENTS = 10


class Run(RuleBasedStateMachine):
    """One run on a stage that all runs share; each takes back what it did."""

    stage: ClassVar[Stage]
    tries_always: ClassVar[bool] = True
    """Whether the offers are tried after each step, or, where calls are slow, at the end alone."""
    finished: ClassVar[Callable[[Play], None]] = staticmethod(lambda play: None)

    def __init__(self) -> None:
        super().__init__()
        self.after = ExitStack()
        self.after.enter_context(self.stage.evm.undone())
        self.play = Play(self.stage)
        self.families: list[Terms] = []
        self.last_tried: dict[Hash32, tuple[int, bool, int]] = {}

    def teardown(self) -> None:
        with self.after:
            if self.play.facts.payments and not self.play.disagrees:
                self.play.compare_everything()
                for payment in self.play.facts.payments:
                    check_offers(self.play, payment)
            type(self).finished(self.play)

    # --------------------------------------------------------------------------------------------------------- choosing

    def payment(self, number: int, *fitting: Status) -> Staged:
        """Return a payment; three of four numbers mean one in a fitting status, if there is any."""
        payments = self.play.facts.payments
        if fitting and number % 4:
            payments = [each for each in payments if self.play.facts.state(each).status in fitting] or payments
        return payments[number // 4 % len(payments)]

    def number_of(self, payment: Staged) -> int:
        """Return the number by which `payment` finds this one, whatever fits."""
        return 4 * self.play.facts.payments.index(payment)

    def party(self, payment: Staged, role: str) -> Party:
        """Return who is meant: by his role in the payment, if he has one there, else by name."""
        cast, terms = self.stage.cast, payment.terms
        if role not in ROLES:
            return cast[role]
        named = terms.buyer if terms.buyer != ZERO_ADDRESS else cast["buyer"].address
        address = {
            "buyer": self.play.facts.state(payment).buyer or named,
            "merchant": terms.merchant,
            "operator": terms.operator,
            "arbiter": terms.arbiter,
            "fee recipient": terms.fee_recipient,
        }[role]
        return cast["stranger"] if address == ZERO_ADDRESS else cast.at(address)

    def tried(self, payment: Staged) -> None:
        """Try the offers, unless nothing that they depend on is new since they were tried last."""
        if not self.tries_always:
            return
        state = self.play.facts.state(payment)
        bound = next_bound(payment.terms, state)
        facts = state.seq, bound is not None and self.play.now >= bound, len(self.play.facts.dismissed)
        before = self.last_tried.get(payment.id)
        if before != facts:
            check_offers(self.play, payment)
        if before is None or before[0] != state.seq:
            check_edges(self.play, payment)
        self.last_tried[payment.id] = facts

    # ----------------------------------------------------------------------------------------------------------- asking

    @initialize(data=st.data(), count=st.integers(2, 3))
    def open_shops(self, data: st.DataObject, count: int) -> None:
        self.families = [data.draw(families(self.stage)) for _ in range(count)]
        for number in range(2 * count):
            self.ask(data, number, "buyer wallet" if number % 3 == 2 else "buyer", 4)

    @precondition(lambda self: len(self.play.facts.payments) < MOST_PAYMENTS)
    @rule(
        data=st.data(),
        family=st.integers(0, 2),
        buyer=st.sampled_from(("buyer", "buyer", "buyer wallet", "")),
        time=st.integers(0, len(TIMES_TO_PAY) - 1),
    )
    def ask(self, data: st.DataObject, family: int, buyer: str, time: int) -> None:
        family %= len(self.families)
        common = self.families[family]
        terms = replace(
            common,
            buyer=self.stage.cast[buyer].address if buyer else ZERO_ADDRESS,
            amount=data.draw(sums(common.token)),
            pay_by=self.play.now + TIMES_TO_PAY[time],
            order_hash=hash32(keccak(b"order %d" % len(self.play.facts.payments))),
        )
        payment = self.play.add(terms, family)
        for token in self.stage.tokens:
            self.play.facts.balances[token, payment.deposit] = 0
            self.play.facts.balances.setdefault((token, self.stage.escrow), 0)
        self.tried(payment)

    # ------------------------------------------------------------------------------------------------------------- time

    @rule(number=which, offset=st.sampled_from((-1, 0, 1)))
    def wait_for_a_bound(self, number: int, offset: int) -> None:
        payment = self.payment(number, *HOLDING)
        bound = next_bound(payment.terms, self.play.facts.state(payment))
        # A block of its own comes between here and the next tx on no chain: the next tx has this very time.
        if bound is not None and bound + offset > self.play.now:
            self.stage.evm.time = bound + offset
        self.tried(payment)

    @rule(number=which, seconds=st.one_of(st.integers(1, 5), st.integers(1, 5_000)))
    def wait(self, number: int, seconds: int) -> None:
        self.stage.evm.time += seconds
        self.tried(self.payment(number))

    # -------------------------------------------------------------------------------------------------- what goes wrong

    @rule(
        number=which,
        whose=st.sampled_from(("buyer", "merchant", "fee recipient", "escrow")),
        yes=st.sampled_from((True, True, False)),
    )
    def shut_out(self, number: int, whose: str, yes: bool) -> None:
        """A token blocks one of a payment's parties or the escrow, or a wallet closes its door to coin."""
        payment = self.payment(number, *HOLDING)
        token, party = payment.terms.token, None if whose == "escrow" else self.party(payment, whose)
        if token in {self.stage.mute, self.stage.listed}:
            account = party.address if party else self.stage.escrow
            assert self.stage.evm.transact(HOST, token, call_data("setBlocked(address,bool)", account, yes)).succeeded
            (self.play.facts.blocked.add if yes else self.play.facts.blocked.discard)((token, account))
        elif token == COIN and party and party.is_wallet:
            close = call_data("setClosed(bool)", yes)
            assert self.stage.evm.transact(party.signer, party.address, close).succeeded
            (self.play.facts.closed.add if yes else self.play.facts.closed.discard)(party.address)

    @rule(
        number=which,
        name=st.sampled_from(("buyer", "buyer wallet", "friend", "merchant", "merchant wallet")),
        amount=st.sampled_from((0, 1, 10_001, INFINITE, INFINITE)),
    )
    def approve(self, number: int, name: str, amount: int) -> None:
        token, party = self.payment(number).terms.token, self.stage.cast[name]
        if token == COIN:
            return
        # The mute token wants an allowance to go through zero.
        for step in (0, amount):
            outcome = party.act(self.stage.evm, token, call_data("approve(address,uint256)", self.stage.escrow, step))
            assert outcome.succeeded
            self.play.pay_gas(party, outcome)
        self.play.facts.allowances[token, party.address, self.stage.escrow] = amount
