"""Payments that live as they do in the world: most are delivered and released, some of everything else."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from earnest.payment.primitives import ZERO_ADDRESS, Hash32, hash32
from earnest.payment.status import ON_CHAIN, Status
from earnest.payment.terms import DAY, HOUR, Terms, payment_id
from tests.benchmarks.backfill.world import CHAIN_ID, OWN_SHOP, World, logs_of, sold
from tests.support.evm import Log, Outcome, Signer

ALIVE = 3_000
"""Payments under way at the same time, once things have begun."""
SETTLED = (Status.RELEASED, Status.REFUNDED, Status.RECLAIMED, Status.RESOLVED, Status.REPAID)


@dataclass(slots=True)
class Life:
    """One payment so far, as its own logs tell it."""

    shop: int
    terms: Terms
    id: Hash32
    buyer: Signer
    status: Status = Status.CREATED
    held: int = 0


class Lives:
    """Acts at random, as real people do, and returns what the chain logged."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.random = world, random.Random(seed)
        self.own: list[Terms] = []
        """The terms of the own shop's payments, in order of their funding."""
        self._alive: list[Life] = []
        self._by_id: dict[Hash32, Life] = {}
        self._number = 0
        self._owed = 0

    def act(self, now: int, room: int) -> tuple[Log, ...]:
        """Do one thing at `now` that makes at most `room` events, and return all its logs (none: it was refused)."""
        world, pick = self.world, self.random.random()
        world.now = now
        if room >= 4 and pick < 0.01:
            return self._taken(self._confirm_many())
        if pick < 0.012 and self._owed:
            self._owed = 0
            return self._taken(world.withdraw(ZERO_ADDRESS))
        if pick < 0.0122:
            return self._taken(world.dismiss_operator(self.random.choice(world.shops[-3:])))
        if len(self._alive) < 50 or (pick < 0.5 and len(self._alive) < ALIVE) or pick < 0.3:
            return self._taken(self._fund(now))
        return self._taken(self._go_on())

    def _fund(self, now: int) -> Outcome:
        pick, world = self.random, self.world
        number = OWN_SHOP if pick.random() < 0.1 else pick.randrange(1, len(world.shops))
        # Half of the buyers come again.
        self._number += 1
        is_new = pick.random() < 0.5
        buyer = Signer(2_000_000 + (self._number if is_new else pick.randrange(self._number) // 2))
        named = buyer.address if pick.random() < 0.2 else ZERO_ADDRESS
        terms = sold(world.shops[number], self._number, pick.randrange(10_000, 10**9), now + DAY, named)
        life = Life(number, terms, payment_id(terms, CHAIN_ID, world.escrow), buyer)
        self._by_id[life.id] = life
        outcome = world.fund(terms, pick.choice(world.payers), buyer.address)
        assert outcome.succeeded
        self._alive.append(life)
        if number == OWN_SHOP:
            self.own.append(terms)
        return outcome

    def _go_on(self) -> Outcome:
        at = self.random.randrange(len(self._alive))
        life = self._alive[at]
        # A batch may have ended it already.
        outcome = Outcome(False, b"") if life.status in SETTLED else self._step(life)
        is_over = life.status in SETTLED
        if is_over or (not outcome.succeeded and self.random.random() < 0.05):
            # Nobody ever looks at it again.
            self._alive[at] = self._alive[-1]
            self._alive.pop()
            if is_over:
                self._by_id.pop(life.id, None)
        return outcome

    def _step(self, life: Life) -> Outcome:
        world, pick = self.world, self.random
        shop, terms, part = world.shops[life.shop], life.terms, max(1, life.held // 3)
        confirm: Callable[[], Outcome] = lambda: world.confirm_delivery(shop, terms)  # noqa: E731
        release: Callable[[], Outcome] = lambda: world.release(life.buyer, terms)  # noqa: E731
        release_part: Callable[[], Outcome] = lambda: world.release(life.buyer, terms, part)  # noqa: E731
        refund: Callable[[], Outcome] = lambda: world.refund(shop, terms)  # noqa: E731
        refund_part: Callable[[], Outcome] = lambda: world.refund(shop, terms, part)  # noqa: E731
        reclaim: Callable[[], Outcome] = lambda: world.reclaim(terms)  # noqa: E731
        dispute: Callable[[], Outcome] = lambda: world.dispute(life.buyer, terms)  # noqa: E731
        choices: list[tuple[Callable[[], Outcome], int]]
        match life.status:
            case Status.FUNDED:
                choices = [(confirm, 60), (release, 12), (release_part, 6), (refund, 8), (refund_part, 4), (reclaim, 8)]
                if ZERO_ADDRESS not in {terms.buyer, terms.token}:
                    choices.append((lambda: world.deposit_twice(terms, life.id, pick.choice(world.payers)), 4))
            case Status.DELIVERED:
                choices = [(release, 60), (release_part, 6), (refund, 6), (refund_part, 3), (dispute, 12)]
            case Status.DISPUTED:
                half = life.held // 2
                choices = [(lambda: world.resolve(shop, terms, half, life.held - half), 70), (reclaim, 20), (refund, 8)]
            case _:
                raise AssertionError(life.status)
        verbs, weights = [verb for verb, _ in choices], [weight for _, weight in choices]
        outcome = pick.choices(verbs, weights)[0]()
        self._told(outcome)
        return self._then_repay(outcome, life) if pick.random() < 0.05 else outcome

    def _then_repay(self, outcome: Outcome, life: Life) -> Outcome:
        """Some shops give something back after all."""
        if life.status not in {Status.RELEASED, Status.RESOLVED}:
            return outcome
        given = life.terms.amount // (4 if self.random.random() < 0.5 else 1)
        repaid = self.world.repay(self.world.shops[life.shop], life.terms, given)
        return Outcome(outcome.succeeded, b"", (*outcome.logs, *repaid.logs))

    def _confirm_many(self) -> Outcome:
        """Confirm the deliveries of a few of one shop's payments, and of one that nobody paid."""
        some = self.random.sample(self._alive, min(40, len(self._alive)))
        fitting = [each for each in some if each.status is Status.FUNDED and each.shop == some[0].shop][:3]
        if not fitting:
            return Outcome(False, b"")
        shop = self.world.shops[fitting[0].shop]
        unpaid = sold(shop, 10**9 + self._number, 5, GENESIS_PAY_BY)
        return self.world.confirm_delivery_many(shop, [*(each.terms for each in fitting), unpaid])

    def _taken(self, outcome: Outcome) -> tuple[Log, ...]:
        self._told(outcome)
        return outcome.logs if outcome.succeeded else ()

    def _told(self, outcome: Outcome) -> None:
        for log in logs_of(outcome, self.world.escrow):
            life = self._by_id.get(hash32(log.topics[1])) if len(log.topics) == 2 else None
            if life is not None and len(log.data) >= 96:
                life.status, life.held = ON_CHAIN[log.data[63]], int.from_bytes(log.data[64:96])
                self._owed |= log.data[-1] & 1


GENESIS_PAY_BY = 1_700_000_000 + HOUR
