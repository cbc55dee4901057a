"""One run: each call is done on the chain beside the pure rules, and everything is compared after it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from earnest.escrow import views
from earnest.payment.events import EscrowEvent, PaymentEvent
from earnest.payment.primitives import Address, checksum_address
from earnest.payment.terms import Terms, payment_id
from earnest.payment.transitions import NOTHING_YET
from earnest.payment.typed_data import PERMIT2
from tests.properties.escrow_machine.cast import HOST, Party
from tests.properties.escrow_machine.facts import Facts, Refusal, Sheet, Staged
from tests.properties.escrow_machine.stage import COIN, INFINITE, RICHES, Stage
from tests.properties.escrow_machine.told import Errors, errors_of, events_in, is_same, refusal_in
from tests.support.evm import PLENTY_OF_GAS, Evm, Outcome, call_data

Expectation = Callable[[Sheet], None]


@dataclass
class Play:
    """A stage, what is known of it, and how many calls were compared."""

    stage: Stage
    facts: Facts = field(init=False)
    errors: Errors = field(init=False)
    calls: int = 0
    tried: int = 0
    disagrees: bool = False
    """Whether a comparison failed; what comes after it would only hide why."""
    seen: Counter[str] = field(default_factory=Counter)
    """The calls by what came of them: the events told, or the name of the error."""

    def __post_init__(self) -> None:
        stage = self.stage
        self.errors = errors_of(stage.artifact)
        self.facts = Facts(stage)
        for party in stage.cast:
            self.facts.balances[COIN, party.address] = stage.balance(COIN, party.address)
            for token in stage.tokens[1:]:
                self.facts.balances[token, party.address] = RICHES
                if party.name != "friend":
                    self.facts.allowances[token, party.address, stage.escrow] = INFINITE
                    self.facts.allowances[token, party.address, PERMIT2] = INFINITE

    @property
    def evm(self) -> Evm:
        return self.stage.evm

    @property
    def now(self) -> int:
        return self.evm.time

    def add(self, terms: Terms, family: int) -> Staged:
        """Let a merchant ask for one more payment; the escrow must call it by the same name as we do."""
        id_ = payment_id(terms, self.evm.chain_id, self.stage.escrow)
        (word,) = self.stage.ask(
            self.stage.escrow, call_data("depositAddressOf(bytes32)", bytes.fromhex(id_[2:])), "address"
        )
        payment = Staged(terms, id_, checksum_address(str(word)), family)
        self.facts.payments.append(payment)
        return payment

    # ------------------------------------------------------------------------------------------------------------ calls

    def expect(self, expectation: Expectation) -> Sheet | Refusal:
        """Return what the rules say that a call would do now."""
        sheet = Sheet(self.facts, self.now)
        try:
            expectation(sheet)
        except Refusal as refusal:
            return refusal
        return sheet

    def do(self, caller: Party, data: bytes, expectation: Expectation, value: int = 0, gas: int | None = None) -> None:
        """Send a tx to the escrow and compare all that comes of it; with little `gas` it may also do nothing."""
        expected = self.expect(expectation)
        outcome = caller.act(self.evm, self.stage.escrow, data, value, PLENTY_OF_GAS if gas is None else gas)
        self.calls += 1
        self.pay_gas(caller, outcome)
        if gas is not None and not outcome.succeeded and self._was_starved(outcome):
            self.compare({COIN})
            return
        self.disagrees = True
        self._compare_outcome(expected, outcome)
        touched = set()
        if isinstance(expected, Sheet):
            self.facts.take(expected)
            self.seen.update(_name(event) for event in expected.events)
            touched = {token for token, _ in expected.balances} | {token for _, token in expected.credits}
        else:
            self.seen[expected.name or "refused by another contract"] += 1
        self.compare(touched)
        self.disagrees = False

    def pay_gas(self, caller: Party, outcome: Outcome) -> None:
        key = COIN, caller.signer.address
        if key in self.facts.balances:
            self.facts.balances[key] -= outcome.coin_for_gas

    def _was_starved(self, outcome: Outcome) -> bool:
        return not outcome.output or refusal_in(outcome, self.errors).name == "PushNeedsGas"

    def _compare_outcome(self, expected: Sheet | Refusal, outcome: Outcome) -> None:
        if isinstance(expected, Refusal):
            assert not outcome.succeeded, f"the rules refuse by {expected!r}, the escrow does it"
            refusal = refusal_in(outcome, self.errors)
            assert is_same(expected, refusal), f"the rules refuse by {expected!r}, the escrow by {refusal!r}"
        else:
            why = "" if outcome.succeeded else repr(refusal_in(outcome, self.errors))
            assert outcome.succeeded, f"the rules allow {expected.events}, the escrow refuses by {why}"
            assert outcome.timestamp == expected.now
            told = events_in(outcome, self.stage.escrow)
            assert told == expected.events, f"expected {expected.events}, told {told}"

    # ------------------------------------------------------------------------------------------------------ comparisons

    def compare(self, tokens: Iterable[Address]) -> None:
        """Compare every payment's state, every credit, and the balances in these tokens with what is known."""
        self._compare_states()
        for (account, token), amount in self.facts.credits.items():
            told = self.stage.ask(self.stage.escrow, call_data("creditOf(address,address)", account, token), "uint256")
            assert told == (amount,), f"credit of {account} in {token}: {told}, expected {amount}"
        for token in tokens:
            self._compare_balances(token)

    def compare_everything(self) -> None:
        self.compare(self.stage.tokens)

    def _compare_states(self) -> None:
        payments = self.facts.payments
        data = bytes.fromhex(views.states_of([payment.id for payment in payments])[2:])
        answer = self.evm.call(HOST.address, self.stage.escrow, data)
        for payment, slot in zip(payments, views.decode_states_of(answer.output), strict=True):
            state = self.facts.state(payment)
            if state == NOTHING_YET:
                assert (slot.status, slot.since, slot.seq) == (state.status, 0, 0)
            else:
                folded = views.EscrowState(_known(state.buyer), state.status, state.since, state.seq)
                assert slot == folded, f"{payment.id}: {slot}, folded {folded}"
            held = self.stage.ask(self.stage.escrow, payment.held_of, "uint256")
            assert held == (state.held,), f"{payment.id}: {held} held, folded {state.held}"
            accounted = state.held + state.to_merchant + state.to_fee_recipient + state.to_buyer
            assert accounted == state.funded, f"{payment.id}: {state}"

    def _compare_balances(self, token: Address) -> None:
        balances = {account: amount for (each, account), amount in self.facts.balances.items() if each == token}
        for account, amount in balances.items():
            told = self.stage.balance(token, account)
            assert told == amount, f"{account} has {told} of {token}, expected {amount}"
        owed = sum(amount for (_, each), amount in self.facts.credits.items() if each == token)
        held = sum(self.facts.state(each).held for each in self.facts.payments if each.terms.token == token)
        kept = balances.get(self.stage.escrow, 0)
        assert kept == held + owed, f"the escrow has {kept} of {token} for {held} held and {owed} credited"


def _name(event: EscrowEvent) -> str:
    if isinstance(event, PaymentEvent):
        return f"{event.kind} -> {event.status}{' with a credit' if event.credited else ''}"
    return type(event).__name__


def _known(buyer: Address | None) -> Address:
    assert buyer is not None
    return buyer
