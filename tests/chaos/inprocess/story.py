"""One random story, told by its seed: payments and their lives, reorgs, faults and crashes, and the judgement."""

from __future__ import annotations

import random
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, inspect, literal_column, select, table

from earnest.commands.create_merchant import NewMerchant
from earnest.commands.create_payment import PaymentRequest
from earnest.payment.primitives import ZERO_ADDRESS, Hash32
from earnest.payment.record import Payment
from earnest.payment.status import Status
from earnest.payment.tell_rule import TellRule, parse_tell_rule
from earnest.payment.terms import DAY, HOUR, Terms, payment_id
from earnest.settings import FinalityRule
from earnest.store import open_store
from earnest.store.records import Merchant, PaymentFilter
from earnest.testing.crashes import CrashingStore, CrashPoints
from earnest.testing.fault_plans import FaultKind, FaultPlan
from tests.chaos.inprocess.chain import ChainTx, ContractChain
from tests.chaos.inprocess.deeds import Known, People
from tests.chaos.inprocess.judge_mirror import differences_of_mirror
from tests.chaos.inprocess.judge_operator import differences_of_operator
from tests.chaos.inprocess.judge_tools import Tools
from tests.chaos.inprocess.judge_webhooks import differences_of_webhooks
from tests.chaos.inprocess.service import Service
from tests.chaos.inprocess.shops import Shops
from tests.chaos.inprocess.truth import read
from tests.chaos.inprocess.weather import Weather
from tests.chaos.inprocess.world import ARBITER, BUYERS, FEES, MERCHANTS, OPERATOR, START, new_world
from tests.support.postgres import PostgresServer

PATIENCE = 400
"""How many rounds the operator's txs have to be settled in once all is calm."""
QUIET_STEPS = 8
"""After so many steps without news, ten seconds each, there is none to come: endpoints that were set aside are looked
at again within a minute."""

ON_POSTGRESQL = 4
"""Every so many-th story is told on PostgreSQL, where the machine has it."""
REBUILT = 7
"""After every so many-th story the mirror is rebuilt: that takes as long as the story."""


@dataclass
class Outcome:
    """What a story had in it, and every difference between what was believed or told and what is."""

    seed: int
    differences: list[str] = field(default_factory=list)
    crashes: int = 0
    reorgs: int = 0
    deepest: int = 0
    faults: int = 0
    false_alarms: int = 0
    payments: int = 0
    events: int = 0
    webhooks: int = 0
    blocks: int = 0
    rebuilds: int = 0
    on_postgresql: int = 0
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    kinds: dict[str, int] = field(default_factory=dict)


class Stage:
    """What the stories of one process share: where their databases are made.

    Args:
        folder: for files.
        server: a PostgreSQL, where the machine has one: every so many-th story is told on it.
    """

    def __init__(self, folder: Path, server: PostgresServer | None = None) -> None:
        self.folder, self._server = folder, server
        self._path, self._template = folder / "story.db", folder / "template.db"
        _empty(f"sqlite:///{self._template}")
        # The same object for all stories: to learn anew how SQL is written would take longer than a story.
        self._on_sqlite = CrashingStore(f"sqlite:///{self._path}", CrashPoints())
        self._postgres_template = ""

    def tell(self, seed: int) -> Outcome:
        """Tell the story of a seed."""
        began = time.process_time()
        with self._database(seed) as (url, store):
            outcome = Story(seed, self, url, store).play()
        outcome.on_postgresql = int(url.startswith("postgresql"))
        outcome.cpu_seconds = time.process_time() - began
        return outcome

    @contextmanager
    def _database(self, seed: int) -> Iterator[tuple[str, CrashingStore]]:
        """Give a database for one story, and its URL."""
        if self._server is not None and seed % ON_POSTGRESQL == 0:
            if not self._postgres_template:
                self._postgres_template = self._server.create_database()
                _empty(self._server.url(self._postgres_template))
            name = self._server.create_database(self._postgres_template)
            url = self._server.url(name)
            with closing(CrashingStore(url, CrashPoints())) as store:
                yield url, store
            self._server.drop_database(name)
            return
        shutil.copy(self._template, self._path)
        try:
            yield f"sqlite:///{self._path}", self._on_sqlite
        finally:
            self._on_sqlite.close()
            for each in self.folder.glob(f"{self._path.name}*"):
                each.unlink()


def _empty(url: str) -> None:
    with closing(open_store(url)) as store:
        store.upgrade()


class Story:
    """The story of one seed; `Stage.tell` tells it."""

    def __init__(self, seed: int, stage: Stage, url: str, store: CrashingStore) -> None:
        self.seed, self.rng = seed, random.Random(seed)
        self.outcome = Outcome(seed)
        self.world, self.url, self.folder = new_world(), url, stage.folder / "replays"
        self.weather = Weather.of(self.rng)
        self.chain = ContractChain(self.world.evm, self.weather.finality_depth)
        self.people = People(self.world, self.chain, self.rng)
        self.plans = [FaultPlan(each, seed=seed + at) for at, each in enumerate(self.weather.endpoints)]
        self.points = CrashPoints(seed=seed)
        self.shops = Shops(random.Random(seed), self.weather.shop_trouble)
        depth = self.weather.finality_depth
        rule = FinalityRule(tag="finalized") if self.weather.by_tag else FinalityRule(depth_blocks=depth)
        self.finality = rule
        self.service = Service(self.world, self.chain, store, rule, self.plans, self.points, self.shops, self.rng)
        self.merchants: list[Merchant] = []
        self.urls_of: dict[str, list[str]] = {}
        self.waiting: list[ChainTx] = []
        """Txs that people sent and no block has taken yet."""
        self.created: set[Hash32] = set()

    def play(self) -> Outcome:
        """Tell the story and judge its end."""
        self._open_accounts()
        self.points.probability = self.weather.crash_probability
        for _ in range(self.weather.steps):
            self._step()
        self._come_to_rest()
        self.outcome.differences += list(self._judge())
        if not self.outcome.differences:
            self.outcome.differences += list(self._try_tools())
        if self.rng.random() < 0.15 and not self.outcome.differences:
            self.outcome.differences += list(self._reorg_past_finality())
        self._count()
        return self.outcome

    # What happens.

    def _step(self) -> None:
        self.service.now += self.rng.choice([0, 1, 3, 12])
        dice = self.rng.random()
        if dice < 0.14:
            self._create()
        elif dice < 0.48:
            for _ in range(self.rng.randint(1, 3)):
                self.waiting += self.people.deed()
        elif dice < 0.60:
            self._mine()
        elif dice < 0.60 + self.weather.reorg_share:
            self._reorg()
        elif dice < 0.85:
            for _ in range(self.rng.randint(1, 3)):
                self.service.follow()
        elif dice < 0.90:
            self._operate()
        elif dice < 0.93:
            self.service.send()
        elif dice < 0.98:
            self.service.deliver()
        elif dice < 0.99:
            self.service.now += self.rng.choice([HOUR, 6 * HOUR, 2 * DAY])
        else:
            self.service.restart()

    def _open_accounts(self) -> None:
        # Its own dice, so that a rule changes when merchants are told, and nothing else of the story.
        dice = random.Random(f"rules of {self.outcome.seed}")
        for number, who in enumerate(MERCHANTS[: self.rng.randint(1, 3)]):
            disputable, fee = self.rng.random() < 0.8, self.rng.choice([0, 250, 10_000])
            new = NewMerchant(
                name=f"shop {number}",
                payout=who.address,
                operator=OPERATOR.address,
                arbiter=ARBITER.address if disputable else ZERO_ADDRESS,
                fee_recipient=FEES.address if fee else ZERO_ADDRESS,
                fee_bps=fee,
                delivery_period=2 * DAY,
                dispute_window=6 * HOUR if disputable else 0,
                arbitration_period=DAY if disputable else 0,
                payment_window=2 * HOUR,
                safe_depth_blocks=self.rng.randint(0, 3),
                tell=self._some_rule(dice),
            )
            urls = [f"https://shop{number}.example/{hook}" for hook in range(self.rng.choice([1, 1, 1, 2]))]
            merchant = self.service.open_account(new, urls)
            self.merchants.append(merchant)
            self.urls_of[merchant.id] = urls

    def _some_rule(self, dice: random.Random) -> TellRule:
        by_amount = [f"{each.address}:{step}" for each in self.world.tokens for step in ("safe:7", "final:100")]
        return parse_tell_rule(dice.choice([[], [], ["*:safe:0"], ["*:final:0"], by_amount]))

    def _create(self) -> None:
        merchant, token = self.rng.choice(self.merchants), self.rng.choice(self.world.tokens)
        buyer, amount = self.rng.choice([*BUYERS, None]), self.rng.choice([1, 7, 100, 10**6 + 1])
        if self.rng.random() < 0.1:
            self._create_foreign(merchant, token.address)
            return
        request = PaymentRequest(
            token=token.address,
            base_units=str(amount),
            order_reference=f"order-{self.rng.random()}",
            buyer=buyer.address if buyer else None,
        )
        payment = self.service.create(merchant, request)
        if payment is not None:
            self.created.add(payment.id)
            self.people.payments.append(Known(payment.id, payment.terms, own=True))

    def _create_foreign(self, merchant: Merchant, token: str) -> None:
        """Somebody funds terms that merely name the merchant."""
        terms = Terms(
            buyer=self.rng.choice(BUYERS).address,
            merchant=merchant.payout,
            operator=merchant.operator,
            arbiter=merchant.arbiter,
            token=next(each.address for each in self.world.tokens if each.address == token),
            amount=self.rng.randint(1, 1_000),
            fee_recipient=merchant.fee_recipient,
            fee_bps=merchant.fee_bps,
            pay_by=self.chain.head.timestamp + DAY,
            delivery_period=merchant.delivery_period,
            dispute_window=merchant.dispute_window,
            arbitration_period=merchant.arbitration_period,
            order_hash=Hash32("0x" + self.rng.randbytes(32).hex()),
        )
        id_ = payment_id(terms, self.world.evm.chain_id, self.world.escrow)
        self.people.payments.append(Known(id_, terms, own=False))

    def _mine(self) -> None:
        for _ in range(self.rng.choice([1, 1, 1, 2, 5])):
            seconds = self.rng.choice([12] * 20 + [HOUR, 7 * HOUR, 2 * DAY])
            self.chain.mine(self._taken(self.waiting), seconds)
            self.service.now += seconds

    def _taken(self, waiting: list[ChainTx]) -> list[ChainTx]:
        """Take some of what waits, in any order, but each sender's signed ones in the order of their nonces."""
        chosen = [each for each in waiting if self.rng.random() < 0.8]
        for each in chosen:
            waiting.remove(each)
        self.rng.shuffle(chosen)
        signed = self.chain.ready()[: self.rng.randint(0, 3)]
        places = sorted(self.rng.randint(0, len(chosen)) for _ in signed)
        for offset, (place, tx) in enumerate(zip(places, signed, strict=True)):
            chosen.insert(place + offset, tx)
        return chosen

    def _reorg(self) -> None:
        depth = min(self.chain.room, self.rng.choice([1, 1, 1, 2, 3, 8, 100]))
        if depth < 1:
            return
        dropped = self.chain.drop(depth)
        forgets = self.rng.random() < 0.3
        for tx in (tx for block in reversed(dropped) for tx in block.txs):
            if tx.nonce is None:
                self.waiting.append(tx)
            elif not forgets:  # else the node lost its pool with the blocks
                self.chain.pool.setdefault((tx.sender, tx.nonce), tx)
        for _ in range(self.rng.choice([0, depth, depth, depth + 1, max(depth - 1, 1)])):
            self.chain.mine(self._taken(self.waiting))
        self.outcome.reorgs += 1
        self.outcome.deepest = max(self.outcome.deepest, depth)

    def _operate(self) -> None:
        """Ask for a confirmation or a refund with the operator's key, for what the mirror takes as possible."""
        own = [each for each in self.people.payments if each.own]
        if not own:
            return
        chosen = self.rng.choice(own)
        merchant = next(each for each in self.merchants if each.payout == chosen.terms.merchant)
        if self.rng.random() < 0.6:
            self.service.confirm(merchant, chosen.id)
        else:
            amount = self.rng.choice([None, max(1, chosen.terms.amount // 3)])
            self.service.refund(merchant, chosen.id, amount, key=str(self.rng.randint(0, 3)))

    # The end.

    def _come_to_rest(self) -> None:
        """Let the weather clear up, the chain go on past finality, and the service do all that it has to."""
        for plan in self.plans:
            plan.faults = ()
        self.points.probability, self.shops.trouble = 0.0, 0.0
        for _ in range(PATIENCE):
            self.service.follow()
            self.service.send()
            self.chain.mine([*self.waiting, *self.chain.ready()])
            self.waiting.clear()
            if not self.service.sender.status().unsettled:
                break
        self.chain.mine((), 3 * HOUR)  # past every `pay_by`
        for _ in range(self.weather.finality_depth + 1):
            self.chain.mine(())
        quiet = 0
        while quiet < QUIET_STEPS:
            self.service.now += 10
            quiet = 0 if self.service.follow() else quiet + 1
        idle = 0
        while idle < 2:
            idle = 0 if self.service.deliver() else idle + 1
            self.service.now += DAY if idle else 0

    def _judge(self) -> Iterator[str]:
        self.service.send()
        own = self._own_payments()
        missing = self.created - {each.id for each in own}
        if missing:
            yield f"created and lost: {sorted(missing)}"
        ids = [each.id for each in self.people.payments]
        truth = read(self.chain, self.world.escrow, ids + [each.id for each in own])
        self.outcome.payments = sum(each.status is not Status.CREATED for each in truth.states.values())
        self.outcome.events = sum(len(each) for each in truth.events.values())
        store, shops, final = self.service.store, self.shops, self.chain.blocks[self.chain.finalized].block
        yield from differences_of_mirror(store, self.world, self.chain, truth)
        rules = {each.id: each.tell for each in self.merchants}
        secrets = self.service.secrets
        yield from differences_of_webhooks(shops.got, own, self.urls_of, secrets, rules, truth, final.timestamp)
        yield from differences_of_operator(store, self.chain, OPERATOR.address, own)

    def _try_tools(self) -> Iterator[str]:
        """Reconcile; and now and then rebuild, after which nobody is told anything anew."""
        service = self.service
        tools = Tools(service.store, self.url, self.world, self.chain, self.finality, self.folder, int(service.now))
        yield from tools.reconcile()
        if self.seed % REBUILT:
            return
        self.outcome.rebuilds += 1
        yield from tools.rebuild()
        got = len(self.shops.got)
        service.follow()
        service.deliver()
        if len(self.shops.got) != got:
            yield f"{len(self.shops.got) - got} webhooks came after a rebuild"

    def _own_payments(self) -> list[Payment]:
        found: list[Payment] = []
        with self.service.store.read() as tx:
            for merchant in self.merchants:
                cursor = None
                while True:
                    page = tx.payments.page(merchant.id, PaymentFilter(), limit=100, cursor=cursor)
                    found += page.items
                    if (cursor := page.next_cursor) is None:
                        break
        return found

    def _reorg_past_finality(self) -> Iterator[str]:
        """Take back what was final: an alarm, and not one byte written."""
        before = self._bytes()
        self.service.frozen = None
        self.chain.drop(min(self.weather.finality_depth + 2, len(self.chain.blocks) - 1))
        for _ in range(self.weather.finality_depth + 4):
            self.chain.mine(())
        told = [self.service.follow() for _ in range(3)]
        if any(told) or self.service.frozen is None:
            yield f"a reorg past finality was not refused: {self.service.troubles}"
        if self._bytes() != before:
            yield "a reorg past finality was written down"

    def _bytes(self) -> list[Any]:
        engine = create_engine(self.url)
        try:
            with engine.connect() as database:
                tables = sorted(inspect(engine).get_table_names())
                whole: dict[str, Any] = {name: select(literal_column("*")).select_from(table(name)) for name in tables}
                return [(name, sorted(map(str, database.execute(rows)))) for name, rows in whole.items()]
        finally:
            engine.dispose()

    def _count(self) -> None:
        outcome = self.outcome
        outcome.crashes = len(self.points.crashes)
        happened = sum((plan.happened for plan in self.plans), Counter[FaultKind]())
        outcome.faults, outcome.kinds = happened.total(), {str(kind): count for kind, count in happened.items()}
        outcome.false_alarms = self.service.troubles["reorg_past_finality"]
        outcome.webhooks, outcome.blocks = len(self.shops.got), len(self.chain.blocks)
        if self.service.now < START:
            outcome.differences.append("time went backwards")
