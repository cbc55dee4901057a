"""What holds of what merchants are told, whatever a chain does and whatever their rules are.

A second account of the same story is kept beside the mirror: by plain rules over the whole chain, after every single
update, of what each merchant must have heard by then.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from earnest.chain.updates import Block, BlockAccepted, BlockFinal, BlocksOrphaned, ChainUpdate
from earnest.mirror.belief import changes_status
from earnest.payment.events import PaymentEvent
from earnest.payment.notifications import TYPE_OF_EVENT
from earnest.payment.primitives import Hash32
from earnest.payment.record import Payment
from earnest.payment.status import Finality
from earnest.payment.tell_rule import TellRule, parse_tell_rule
from earnest.payment.transitions import apply, fold
from earnest.store import Store, open_store
from earnest.store.records import Notification
from tests.support.histories import Choices, Mine, Step, cut, cuts, histories, play
from tests.support.ledger import CHAIN_ID, MERCHANT, TOKEN, FakeChain, make_payment, possible_events
from tests.support.stores import make_mirror

AMOUNTS = (10, 100, 1_000)
PAYMENTS = [make_payment(number, amount=amount, pay_by=2**33) for number, amount in enumerate(AMOUNTS)]
FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
DEPTH = MERCHANT.safe_depth_blocks
RISING = [Finality.INCLUDED, Finality.SAFE, Finality.FINAL]


choices = st.tuples(st.integers(0, len(PAYMENTS) - 1), st.integers(0, 7))
mines = st.builds(Mine, st.lists(choices, max_size=3).map(tuple))
stories = histories(mines)
rules = st.sampled_from(
    [
        *([], ["*:safe:0"], ["*:final:0"], ["*:safe:0", f"{TOKEN}:included:0"]),
        *([f"{TOKEN}:safe:100"], [f"{TOKEN}:final:101"], [f"{TOKEN}:safe:10", f"{TOKEN}:final:11"]),
        [f"{TOKEN}:safe:11", f"{TOKEN}:final:1000"],
    ]
).map(parse_tell_rule)


def mine(chain: FakeChain, chosen: Choices) -> BlockAccepted:
    states = {payment.id: chain.state(payment) for payment in PAYMENTS}
    events: list[PaymentEvent] = []
    for which, option in chosen:
        payment = PAYMENTS[which]
        if possible := possible_events(payment, states[payment.id]):
            event = possible[option % len(possible)]
            states[payment.id] = apply(states[payment.id], event, 0)
            events.append(event)
    return chain.mine(*events)


Place = tuple[Hash32, int]
Said = tuple[str, tuple[Place, ...], str, str | None]
"""A notification's type, the events that it is about, and the status and the finality that it shows."""


@dataclass
class Heard:
    """What one merchant must have heard of one payment, worked out from the whole chain after each update."""

    payment: Payment
    finality: Finality
    chain: list[BlockAccepted] = field(default_factory=list)
    final: int = -1
    known: list[tuple[Place, PaymentEvent, Block]] = field(default_factory=list)
    """The events that he knows of and that count, with their blocks."""
    told: list[Said] = field(default_factory=list)

    def take(self, update: ChainUpdate) -> None:
        before = self.final
        match update:
            case BlockAccepted():
                self.chain.append(update)
            case BlocksOrphaned(blocks):
                self._orphan({block.hash for block in blocks})
            case BlockFinal(block):
                self.final = max(self.final, block.number)
        for accepted in self.chain:
            self._look(accepted, before)

    def _orphan(self, dropped: set[Hash32]) -> None:
        self.chain = [each for each in self.chain if each.block.hash not in dropped]
        lost = [each for each in self.known if each[0][0] in dropped]
        if lost:
            self.known = [each for each in self.known if each not in lost]
            self._say("reorged", [each[0] for each in lost])

    def _look(self, accepted: BlockAccepted, final_before: int) -> None:
        number = accepted.block.number
        for log in accepted.logs:
            if not isinstance(log.event, PaymentEvent) or log.event.payment_id != self.payment.id:
                continue
            place = (accepted.block.hash, log.log_index)
            if place not in {each[0] for each in self.known} and self._reached(number):
                self.known.append((place, log.event, accepted.block))
                self._say(TYPE_OF_EVENT[log.event.kind].removeprefix("payment."), [place])
            if final_before < number <= self.final and changes_status(log.event):
                self._say("finalized", [place])

    def _reached(self, number: int) -> bool:
        return RISING.index(self._finality_of(number)) >= RISING.index(self.finality)

    def _finality_of(self, number: int) -> Finality:
        if number <= self.final:
            return Finality.FINAL
        return Finality.SAFE if self.chain[-1].block.number - number >= DEPTH else Finality.INCLUDED

    def _say(self, what: str, places: Sequence[Place]) -> None:
        state = fold((event, block.timestamp) for _, event, block in self.known)
        finality = str(self._finality_of(self.known[-1][2].number)) if self.known else None
        self.told.append((what, tuple(places), str(state.status), finality))


@contextmanager
def mirrored(template: Path, rule: TellRule) -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as folder:
        path = shutil.copy(template, Path(folder) / "earnest.db")
        with closing(open_store(f"sqlite:///{path}")) as store:
            with store.transaction() as tx:
                tx.merchants.set_tell_rule(MERCHANT.id, rule)
                for payment in PAYMENTS:
                    tx.payments.add(payment)
            yield store


def notifications(store: Store, payment: Payment) -> list[Notification]:
    found: list[Notification] = []
    cursor = None
    with store.read() as tx:
        while True:
            page = tx.outbox.page(MERCHANT.id, limit=100, cursor=cursor, payment_id=payment.id)
            found += page.items
            if (cursor := page.next_cursor) is None:
                return found[::-1]


def said(told: Sequence[Notification]) -> list[Said]:
    return [
        (
            each.type.removeprefix("payment."),
            tuple((event["block"]["hash"], event["log_index"]) for event in each.payload["events"]),
            each.payload["data"]["status"],
            each.payload["data"]["finality"],
        )
        for each in told
    ]


@FEW
@given(story=stories, sizes=cuts, rule=rules)
def test_a_merchant_hears_the_story_of_what_reached_his_finality_and_nothing_else(
    sqlite_template: Path, story: list[Step], sizes: list[int], rule: TellRule
) -> None:
    updates = play(story, FakeChain(), mine)
    batches = cut(updates, sizes)
    # A batch that comes again right away is taken for a repetition, even if the chain went there and back twice.
    assume(all(one != other for one, other in pairwise(batches)))
    with mirrored(sqlite_template, rule) as store:
        mirror = make_mirror(store)
        for batch in batches:
            mirror.take(batch)
            mirror.take(batch)
        for payment in PAYMENTS:
            heard = Heard(payment, rule.finality_of(TOKEN, payment.terms.amount))
            for update in updates:
                heard.take(update)
            told = notifications(store, payment)
            assert said(told) == heard.told
            assert [each.version for each in told] == list(range(1, len(told) + 1))
            with store.read() as tx:
                stored = tx.payments.get(CHAIN_ID, payment.id)
                untold = tx.untold.of(CHAIN_ID, [payment.id]).get(payment.id, [])
                canonical = tx.events.canonical(CHAIN_ID, [payment.id])[payment.id]
            assert stored is not None
            assert stored.version == len(told)
            assert stored.state == fold((each.event, each.block.timestamp) for each in canonical)
            assert [each.seq for each in untold] == [each.event.seq for each in canonical[len(heard.known) :]]
            if heard.finality is Finality.FINAL:
                # What he ships on can never be taken back.
                assert "reorged" not in {what for what, *_ in heard.told}
