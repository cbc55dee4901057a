"""Every way out, as rules: right and wrong callers and amounts, at any time."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from earnest.payment.status import HOLDING, Status
from earnest.payment.transitions import REPAYABLE
from earnest.payment.typed_data import receipt
from tests.properties.escrow_machine import calls, settling
from tests.properties.escrow_machine.asks import amount_of, amounts, callers, parts, which
from tests.properties.escrow_machine.facts import Staged
from tests.properties.escrow_machine.run import Run
from tests.properties.escrow_machine.stage import COIN


class WaysOut(Run):
    """See `tests.properties.escrow_machine.run.Run`."""

    @rule(number=which, by=callers("merchant", "operator"))
    def confirm_delivery(self, number: int, by: str) -> None:
        payment = self.payment(number, Status.FUNDED)
        caller = self.party(payment, by)
        self.play.do(
            caller,
            calls.of_terms("confirmDelivery", payment.terms),
            lambda sheet: settling.confirm_delivery(sheet, payment, caller.address),
        )
        self.tried(payment)

    @rule(number=which)
    def hand_over(self, number: int) -> None:
        """The merchant confirms; without this, too few payments would live to be disputed."""
        self.confirm_delivery(number | 1, "merchant")

    @rule(number=which, by=callers("buyer", "stranger"), choice=amounts)
    def release(self, number: int, by: str, choice: str | int) -> None:
        payment = self.payment(number, *HOLDING)
        caller = self.party(payment, by)
        amount = amount_of(choice, self.play.facts.state(payment).held)
        self.play.do(
            caller,
            calls.of_terms("release", payment.terms, ("uint256", amount)),
            lambda sheet: settling.release(sheet, payment, caller.address, amount),
        )
        self.tried(payment)

    @rule(
        number=which,
        other=which,
        by=callers("stranger", "merchant"),
        flaw=st.sampled_from(("", "", "another signer", "another payment", "another chain", "another escrow", "short")),
    )
    def release_with_receipt(self, number: int, other: int, by: str, flaw: str) -> None:
        payment = self.payment(number, *HOLDING)
        caller, buyer = self.party(payment, by), self.party(payment, "buyer")
        signed = self.payment(other) if flaw == "another payment" else payment
        escrow = self.stage.dollar if flaw == "another escrow" else self.stage.escrow
        chain_id = self.play.evm.chain_id + (flaw == "another chain")
        signer = self.stage.cast["operator"] if flaw == "another signer" else buyer
        signature = signer.sign(receipt(escrow, chain_id, signed.id, buyer.address).digest)
        if flaw == "short":
            signature = signature[:64]
        is_his = not flaw or (flaw == "another payment" and signed == payment)
        self.play.do(
            caller,
            calls.of_terms("releaseWithReceipt", payment.terms, ("bytes", signature)),
            lambda sheet: settling.release_with_receipt(sheet, payment, caller.address, is_his=is_his),
        )
        self.tried(payment)

    @rule(number=which, by=callers("merchant", "operator"), choice=amounts)
    def refund(self, number: int, by: str, choice: str | int) -> None:
        payment = self.payment(number, *HOLDING)
        caller = self.party(payment, by)
        amount = amount_of(choice, self.play.facts.state(payment).held)
        self.play.do(
            caller,
            calls.of_terms("refund", payment.terms, ("uint256", amount)),
            lambda sheet: settling.refund(sheet, payment, caller.address, amount),
        )
        self.tried(payment)

    @rule(
        number=which,
        status=st.sampled_from((Status.FUNDED, Status.DELIVERED, Status.DISPUTED)),
        verb=st.sampled_from(("release", "refund")),
        choice=parts,
    )
    def move_a_part(self, number: int, status: Status, verb: str, choice: str) -> None:
        """He who may does it; without this, few payments would see a second part, and fewer a part while disputed."""
        payment = self.payment(number | 1, status)
        if self.play.facts.state(payment).status is not status:
            payment = self.payment(number | 1, *HOLDING)
        self._move_a_part(payment, verb, choice)

    @rule(number=which, verb=st.sampled_from(("release", "refund")), choice=parts)
    def move_parts_in_vain(self, number: int, verb: str, choice: str) -> None:
        """Two parts go to one who can't take them; without this, hardly any credit would grow."""
        payment = self.payment(number | 1, *HOLDING)
        self.shut_out(self.number_of(payment), "merchant" if verb == "release" else "buyer", True)
        for _ in range(2):
            self._move_a_part(payment, verb, choice)

    def _move_a_part(self, payment: Staged, verb: str, choice: str) -> None:
        if verb == "release":
            self.release(self.number_of(payment), "buyer", choice)
        else:
            self.refund(self.number_of(payment), "merchant", choice)

    @rule(number=which, by=callers("stranger", "buyer"))
    def reclaim(self, number: int, by: str) -> None:
        payment = self.payment(number, Status.FUNDED, Status.DISPUTED)
        caller = self.party(payment, by)
        self.play.do(
            caller,
            calls.of_terms("reclaim", payment.terms),
            lambda sheet: settling.reclaim(sheet, payment, caller.address),
        )
        self.tried(payment)

    @rule(number=which, by=callers("buyer"))
    def dispute(self, number: int, by: str) -> None:
        payment = self.payment(number, Status.DELIVERED)
        caller = self.party(payment, by)
        self.play.do(
            caller,
            calls.of_terms("dispute", payment.terms),
            lambda sheet: settling.dispute(sheet, payment, caller.address),
        )
        self.tried(payment)

    @rule(
        number=which,
        by=callers("arbiter"),
        share=st.sampled_from((0, 1, 2, 3)),
        wrong_by=st.sampled_from((0, 0, 0, -1, 1)),
    )
    def resolve(self, number: int, by: str, share: int, wrong_by: int) -> None:
        payment = self.payment(number, Status.DISPUTED)
        caller, held = self.party(payment, by), self.play.facts.state(payment).held
        to_buyer = held * share // 3
        to_merchant = max(0, held - to_buyer + wrong_by)
        self.play.do(
            caller,
            calls.of_terms("resolve", payment.terms, ("uint256", to_buyer), ("uint256", to_merchant)),
            lambda sheet: settling.resolve(sheet, payment, caller.address, to_buyer, to_merchant),
        )
        self.tried(payment)

    @rule(number=which, by=callers("merchant"), choice=amounts, wrong_value=st.sampled_from((0, 0, 0, 0, -1, 1)))
    def repay(self, number: int, by: str, choice: str | int, wrong_value: int) -> None:
        payment = self.payment(number, *REPAYABLE)
        caller, repayable = self.party(payment, by), self.play.facts.state(payment).repayable
        amount = amount_of(choice, repayable)
        part = min(repayable if amount == settling.ALL else amount, 10**22)
        value = max(0, (part if payment.terms.token == COIN else 0) + wrong_value)
        self.play.do(
            caller,
            calls.of_terms("repay", payment.terms, ("uint256", amount)),
            lambda sheet: settling.repay(sheet, payment, caller.address, amount, value),
            value,
        )
        self.tried(payment)

    @rule(
        number=which,
        verb=st.sampled_from(("release", "refund", "reclaim")),
        by=callers("buyer", "merchant", "stranger"),
        gas=st.integers(40_000, 700_000),
    )
    def starve(self, number: int, verb: str, by: str, gas: int) -> None:
        """With any amount of gas a verb does what it always does, or nothing."""
        payment = self.payment(number, *HOLDING)
        caller = self.party(payment, by)
        everything = [("uint256", settling.ALL)] if verb != "reclaim" else []
        expectations = {
            "release": lambda sheet: settling.release(sheet, payment, caller.address, settling.ALL),
            "refund": lambda sheet: settling.refund(sheet, payment, caller.address, settling.ALL),
            "reclaim": lambda sheet: settling.reclaim(sheet, payment, caller.address),
        }
        self.play.do(caller, calls.of_terms(verb, payment.terms, *everything), expectations[verb], gas=gas)
        self.tried(payment)
