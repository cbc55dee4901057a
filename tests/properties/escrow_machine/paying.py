"""Every way to pay, as rules: right and wrong payers, amounts and signatures, at any time."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from earnest.payment.primitives import ZERO_ADDRESS, Address
from earnest.payment.status import Status
from earnest.payment.typed_data import permit, permit_witness_transfer_from, receive_with_authorization
from tests.properties.escrow_machine import calls, funding
from tests.properties.escrow_machine.asks import MOST_COIN, callers, which
from tests.properties.escrow_machine.cast import Party
from tests.properties.escrow_machine.facts import Staged
from tests.properties.escrow_machine.run import MOST_PAYMENTS, Run
from tests.properties.escrow_machine.stage import COIN
from tests.support.evm import call_data

payers = st.sampled_from(("buyer", "buyer", "buyer wallet", "friend", "merchant", "stranger"))
flaws = st.sampled_from(("", "", "", "another signer", "another payment", "too late", "too early"))


class Paying(Run):
    """See `tests.properties.escrow_machine.run.Run`."""

    @rule(
        number=which,
        by=payers,
        named=st.sampled_from(("", "", "", "", "buyer wallet", "merchant", "arbiter", "zero", "escrow")),
        wrong_value=st.sampled_from((0, 0, 0, 0, -1, 1)),
    )
    def fund(self, number: int, by: str, named: str, wrong_value: int) -> None:
        payment = self.payment(number, Status.CREATED)
        caller, buyer = self.party(payment, by), self._buyer(payment, named)
        value = max(0, (payment.terms.amount if payment.terms.token == COIN else 0) + wrong_value)
        self.play.do(
            caller,
            calls.of_terms("fund", payment.terms, ("address", buyer)),
            lambda sheet: funding.fund(sheet, payment, caller.address, buyer, value),
            value,
        )
        self.tried(payment)

    @rule(number=which)
    def fund_rightly(self, number: int) -> None:
        """The buyer pays; without this, too few payments would live to see anything."""
        self.fund(number | 1, "buyer", "", 0)

    @precondition(lambda self: len(self.play.facts.payments) < MOST_PAYMENTS)
    @rule(data=st.data(), family=st.integers(0, 2), buyer=st.sampled_from(("buyer", "buyer wallet")))
    def sell(self, data: st.DataObject, family: int, buyer: str) -> None:
        """A payment is asked for and paid at once."""
        self.ask(data, family, buyer, 4)
        self.fund(4 * (len(self.play.facts.payments) - 1), "buyer", "", 0)

    @rule(number=which, by=payers, flaw=flaws)
    def fund_with_permit(self, number: int, by: str, flaw: str) -> None:
        payment, caller = self.payment(number, Status.CREATED), self.stage.cast[by]
        buyer, amount = self._buyer(payment, ""), payment.terms.amount
        deadline = self.play.now + (-1 if flaw == "too late" else 0)
        nonce = self.play.facts.permit_nonces[caller.address] + (flaw == "too early")
        spender = caller.address if flaw == "another payment" else self.stage.escrow
        message = permit(self.stage.dollar_domain, caller.address, spender, amount, nonce, deadline)
        signature = self._signer(caller, flaw).sign(message.digest)
        # A permit is a key's signature; a wallet's owner signs in vain.
        holds = not flaw and not caller.is_wallet
        more = (
            ("uint256", deadline),
            ("uint8", signature[64]),
            ("bytes32", signature[:32]),
            ("bytes32", signature[32:64]),
        )
        self.play.do(
            caller,
            calls.of_terms("fundWithPermit", payment.terms, ("address", buyer), *more),
            lambda sheet: funding.fund_with_permit(sheet, payment, caller.address, buyer, permit_holds=holds),
        )
        self.tried(payment)

    @rule(number=which, other=which, payer=payers, by=callers("stranger"), flaw=flaws)
    def fund_with_authorization(self, number: int, other: int, payer: str, by: str, flaw: str) -> None:
        payment, owner = self.payment(number, Status.CREATED), self.stage.cast[payer]
        caller = self.party(payment, by)
        signed = self.payment(other) if flaw == "another payment" else payment
        after = self.play.now - (0 if flaw == "too early" else 1)
        before = self.play.now + (0 if flaw == "too late" else 1)
        message = receive_with_authorization(
            self.stage.dollar_domain,
            owner.address,
            self.stage.escrow,
            payment.terms.amount,
            signed.id,
            valid_after=after,
            valid_before=before,
        )
        signature = self._signer(owner, flaw).sign(message.digest)
        in_time = flaw not in {"too late", "too early"}
        holds = in_time and flaw != "another signer" and signed == payment and not owner.is_wallet
        more = ("address", owner.address), ("uint256", after), ("uint256", before), ("bytes", signature)
        self.play.do(
            caller,
            calls.of_terms("fundWithAuthorization", payment.terms, *more),
            lambda sheet: funding.fund_with_authorization(sheet, payment, caller.address, owner.address, holds=holds),
        )
        self.tried(payment)

    @rule(number=which, other=which, payer=payers, by=callers("stranger"), nonce=st.integers(0, 5), flaw=flaws)
    def fund_with_permit2(self, number: int, other: int, payer: str, by: str, nonce: int, flaw: str) -> None:
        payment, owner = self.payment(number, Status.CREATED), self.stage.cast[payer]
        caller = self.party(payment, by)
        signed = self.payment(other) if flaw == "another payment" else payment
        named = payment.terms.buyer if payment.terms.buyer != ZERO_ADDRESS else owner.address
        # Permit2 knows no beginning; here the flaw is a signature for another buyer.
        buyer = self.stage.cast["stranger"].address if flaw == "too early" else named
        deadline = self.play.now - (flaw == "too late")
        message = permit_witness_transfer_from(
            self.play.evm.chain_id,
            self.stage.escrow,
            payment.terms.token,
            payment.terms.amount,
            signed.id,
            owner.address,
            buyer,
            nonce=nonce,
            deadline=deadline,
        )
        signature = self._signer(owner, flaw).sign(message.digest)
        holds = flaw not in {"too late", "another signer"} and signed == payment and buyer == named
        more = ("address", owner.address), ("uint256", nonce), ("uint256", deadline), ("bytes", signature)
        self.play.do(
            caller,
            calls.of_terms("fundWithPermit2", payment.terms, *more),
            lambda sheet: funding.fund_with_permit2(sheet, payment, caller.address, owner.address, nonce, holds=holds),
        )
        self.tried(payment)

    @rule(
        number=which,
        by=payers,
        kind=st.sampled_from(("right", "right", "right", "coin", "dollar")),
        amount=st.sampled_from(("exact", "exact", "more", "short", "one")),
    )
    def deposit(self, number: int, by: str, kind: str, amount: str) -> None:
        """Someone sends money to the deposit address, as an exchange does."""
        payment, party, facts = self.payment(number, Status.CREATED), self.stage.cast[by], self.play.facts
        token = {"right": payment.terms.token, "coin": COIN, "dollar": self.stage.dollar}[kind]
        # Nobody has as much coin as an amount in a token may be.
        exact = min(payment.terms.amount, MOST_COIN) if token == COIN else payment.terms.amount
        units = {"exact": exact, "more": exact + exact // 3 + 1, "short": exact - 1, "one": 1}[amount]
        moves = facts.can_move(token, party.address, payment.deposit) and facts.balances[token, party.address] >= units
        if token == COIN:
            outcome = party.act(self.stage.evm, payment.deposit, b"", units)
        else:
            transfer = call_data("transfer(address,uint256)", payment.deposit, units)
            outcome = party.act(self.stage.evm, token, transfer)
        self.play.pay_gas(party, outcome)
        assert outcome.succeeded == moves
        if moves:
            facts.balances[token, party.address] -= units
            facts.balances[token, payment.deposit] += units
        self.play.compare({token})

    @rule(
        number=which,
        by=callers("stranger", "buyer"),
        kind=st.sampled_from(("right", "right", "right", "coin", "dollar")),
    )
    def collect(self, number: int, by: str, kind: str) -> None:
        payment = self._collectable(number)
        caller = self.party(payment, by)
        token = {"right": payment.terms.token, "coin": COIN, "dollar": self.stage.dollar}[kind]
        self.play.do(
            caller,
            calls.of_terms("collect", payment.terms, ("address", token)),
            lambda sheet: funding.collect(sheet, payment, caller.address, token),
        )
        self.tried(payment)

    # --------------------------------------------------------------------------------------------------------- choosing

    def _collectable(self, number: int) -> Staged:
        """Return a payment, three times of four one with something at its deposit address."""
        facts = self.play.facts
        found = [each for each in facts.payments if facts.balances[each.terms.token, each.deposit]]
        return found[number // 4 % len(found)] if found and number % 4 else self.payment(number)

    def _buyer(self, payment: Staged, named: str) -> Address:
        match named:
            case "":
                return self.party(payment, "buyer").address
            case "merchant":
                return payment.terms.merchant
            case "arbiter":
                return payment.terms.arbiter
            case "zero":
                return ZERO_ADDRESS
            case "escrow":
                return self.stage.escrow
            case _:
                return self.stage.cast[named].address

    def _signer(self, owner: Party, flaw: str) -> Party:
        other = "friend" if owner.name == "operator" else "operator"
        return self.stage.cast[other] if flaw == "another signer" else owner
