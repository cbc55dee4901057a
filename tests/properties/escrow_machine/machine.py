"""The whole machine: every verb of the escrow, in any order, beside the pure rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import rule

from earnest.payment.actions import actions
from earnest.payment.primitives import ZERO_ADDRESS
from earnest.payment.status import HOLDING, Role, Status, Verb
from tests.properties.escrow_machine import batches, calls, settling
from tests.properties.escrow_machine.asks import amount_of, amounts, callers, which
from tests.properties.escrow_machine.facts import Refusal, Sheet, Staged
from tests.properties.escrow_machine.paying import Paying
from tests.properties.escrow_machine.ways_out import WaysOut
from tests.support.evm import call_data

chosen = st.lists(which, max_size=6)


class EscrowMachine(Paying, WaysOut):
    """See `tests.properties.escrow_machine.run.Run`."""

    @rule(number=which, by=callers("buyer", "stranger"), others=chosen)
    def release_many(self, number: int, by: str, others: list[int]) -> None:
        first = self.payment(number, *HOLDING)
        caller, items = self.party(first, by), self._items(first, others)
        # What an item has for itself is not read in the common terms.
        common = replace(first.terms, buyer=caller.address, amount=7, pay_by=1)
        self.play.do(
            caller,
            calls.of_items("releaseMany", common, [each.terms for each in items]),
            lambda sheet: batches.release_many(sheet, items, caller.address),
        )
        self._try_all(items)

    @rule(number=which, by=callers("merchant", "operator"), others=chosen)
    def confirm_delivery_many(self, number: int, by: str, others: list[int]) -> None:
        first = self.payment(number, Status.FUNDED)
        caller, items = self.party(first, by), self._items(first, others)
        common = replace(first.terms, buyer=ZERO_ADDRESS, amount=0, pay_by=0)
        self.play.do(
            caller,
            calls.of_items("confirmDeliveryMany", common, [each.terms for each in items]),
            lambda sheet: batches.confirm_delivery_many(sheet, first, items, caller.address),
        )
        self._try_all(items)

    @rule(
        number=which,
        by=callers("merchant"),
        operator=st.sampled_from(("operator", "stranger", "merchant")),
        sure=st.integers(0, 3),
    )
    def dismiss_operator(self, number: int, by: str, operator: str, sure: int) -> None:
        if sure:
            return  # he is gone for the rest of the run, so this comes seldom
        payment = self.payment(number)
        caller, dismissed = self.party(payment, by), self.party(payment, operator).address
        self.play.do(
            caller,
            calls.dismiss_operator(dismissed),
            lambda sheet: settling.dismiss_operator(sheet, caller.address, dismissed),
        )
        told = self.stage.ask(
            self.stage.escrow, call_data("isDismissed(address,address)", caller.address, dismissed), "bool"
        )
        assert told == (True,)
        self.tried(payment)

    @rule(number=which, by=callers("stranger"), whose=callers("buyer", "merchant", "fee recipient"), choice=amounts)
    def withdraw(self, number: int, by: str, whose: str, choice: str | int) -> None:
        payment = self.payment(number)
        caller, account = self.party(payment, by), self.party(payment, whose).address
        owed = [
            owner
            for (owner, token), amount in self.play.facts.credits.items()
            if amount and token == payment.terms.token
        ]
        if owed and number % 3:
            account = owed[number % len(owed)]
        token = payment.terms.token
        amount = amount_of(choice, self.play.facts.credits.get((account, token), 0))
        self.play.do(
            caller,
            calls.withdraw(account, token, amount),
            lambda sheet: settling.withdraw(sheet, account, token, amount),
        )

    @rule(number=which, by=callers("stranger", "buyer"))
    def knock_at_the_wrong_door(self, number: int, by: str) -> None:
        """Nobody but the deposit address hands in deposits, and the escrow takes no coin that nobody counts."""
        payment = self.payment(number)
        caller = self.party(payment, by)

        def refused(_: Sheet) -> None:
            raise Refusal("NotDepositAddress", caller.address)

        def nobody(_: Sheet) -> None:
            raise Refusal

        self.play.do(caller, call_data("receiveDeposit(bytes32)", bytes.fromhex(payment.id[2:])), refused, value=1)
        self.play.do(caller, b"", nobody, value=1)

    @rule(number=which, pick=st.integers(0, 20), choice=amounts)
    def go_on(self, number: int, pick: int, choice: str | int) -> None:
        """Do one of the things that are offered, or wait for it: a life that goes its way."""
        payment = self.payment(number, *HOLDING)
        sheet = Sheet(self.play.facts, self.play.now)
        offered = [
            (each, role)
            for each in actions(payment.terms, sheet.state(payment), sheet.now)
            for role in each.by
            for _ in range(_ONWARD.get(each.verb, 1))
            if each.verb in _DONE_BY
        ]
        if not offered:
            return
        action, role = offered[pick % len(offered)]
        self.stage.evm.time = max(self.play.now, action.possible_from)
        same = self.number_of(payment)
        _DONE_BY[action.verb](self, same, "stranger" if role is Role.ANYONE else role.value, choice)

    @rule(number=which, pick=st.integers(0, 20), choice=amounts)
    def go_on_anywhere(self, number: int, pick: int, choice: str | int) -> None:
        self.go_on(number // 4 * 4, pick, choice)

    def _items(self, first: Staged, others: list[int]) -> list[Staged]:
        """Return payments of one family, some of them twice."""
        relatives = [each for each in self.play.facts.payments if each.family == first.family]
        return [relatives[each % len(relatives)] for each in others]

    def _try_all(self, items: list[Staged]) -> None:
        for payment in {each.id: each for each in items[:2]}.values():
            self.tried(payment)


_DONE_BY: Final[dict[Verb, Callable[[EscrowMachine, int, str, str | int], None]]] = {
    Verb.FUND: lambda self, number, by, choice: self.fund(number, by, "", 0),
    Verb.CONFIRM_DELIVERY: lambda self, number, by, choice: self.confirm_delivery(number, by),
    Verb.RELEASE: lambda self, number, by, choice: self.release(number, by, choice if by == "buyer" else "all"),
    Verb.RELEASE_WITH_RECEIPT: lambda self, number, by, choice: self.release_with_receipt(number, number, by, ""),
    Verb.REFUND: lambda self, number, by, choice: self.refund(number, by, choice),
    Verb.RECLAIM: lambda self, number, by, choice: self.reclaim(number, by),
    Verb.DISPUTE: lambda self, number, by, choice: self.dispute(number, by),
    Verb.RESOLVE: lambda self, number, by, choice: self.resolve(number, by, 1, 0),
    Verb.REPAY: lambda self, number, by, choice: self.repay(number, by, choice, 0),
}
"""How an offer is taken up, by the role to which it was made."""

_ONWARD: Final = {Verb.CONFIRM_DELIVERY: 3, Verb.DISPUTE: 8, Verb.RESOLVE: 3}
"""How many times as often as others an offer is taken up that leads to where more can happen."""
