"""The service under test, all of its loops in one thread: built anew after each crash, from what the database holds."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from earnest.chain.endpoints import Endpoints
from earnest.chain.errors import ReorgPastFinality
from earnest.chain.follower import Follower
from earnest.chain.node import Node
from earnest.chain.sender import Sender
from earnest.commands.confirm_delivery import confirm_delivery
from earnest.commands.create_endpoint import create_endpoint
from earnest.commands.create_merchant import NewMerchant, create_merchant
from earnest.commands.create_payment import PaymentRequest, create_payment
from earnest.commands.journal import StoreJournal
from earnest.commands.ports import Place
from earnest.commands.refund import refund
from earnest.escrow.reverts import explain_revert
from earnest.mirror import ChainMirror
from earnest.payment.errors import EarnestError
from earnest.payment.primitives import Hash32
from earnest.payment.record import Payment
from earnest.settings import FinalityRule
from earnest.store.records import Merchant
from earnest.testing.crashes import Crash, CrashingNode, CrashingPosts, CrashingStore, CrashPoints
from earnest.testing.fault_plans import FaultPlan
from earnest.testing.faulty_node import FaultyNode
from earnest.webhooks.deliver import Deliverer
from earnest.webhooks.kit import EndpointKit
from earnest.webhooks.secretbox import SecretBox, new_key
from tests.chaos.inprocess.chain import ContractChain
from tests.chaos.inprocess.shops import Shops
from tests.chaos.inprocess.world import START, World, operator_key

T = TypeVar("T")

DELIVERIES_A_STEP = 4


@dataclass
class Service:
    """One `serve` over its lives.

    Args:
        store: the database, whose schema is up to date. A restart closes all its connections and keeps the object,
            which knows nothing but how SQL is written: to learn that anew would take longer than a story.
        finality: the chain's rule.
        plans: what befalls the questions to each endpoint.
        points: where the process may end.
    """

    world: World
    chain: ContractChain
    store: CrashingStore
    finality: FinalityRule
    plans: Sequence[FaultPlan]
    points: CrashPoints
    shops: Shops
    rng: random.Random
    now: float = START
    """Wall time."""
    troubles: Counter[str] = field(default_factory=Counter)
    """What was raised out of a step and tried again later, by its code."""
    secrets: dict[str, str] = field(default_factory=dict)
    """The endpoints' secrets, by their URL."""
    frozen: str | None = None
    """What the follower said when it last found a final block gone."""

    def __post_init__(self) -> None:
        self.box = SecretBox(new_key(bytes(32)))
        self.start()

    def start(self) -> None:
        """Be a new process."""
        self.points.revive()
        self.store.points, self.store.process_id = self.points, self.rng.randbytes(8).hex()
        network = self.world.network(self.finality)
        chain_id = network.chain_id
        node = Endpoints([self._endpoint(each) for each in self.plans], chain_id=chain_id, clock=self.wall)
        self.place = Place(network, self.world.escrow, self.chain)
        self.mirror = ChainMirror(self.store, chain_id, self.world.escrow, network.token_at, self.wall)
        self.follower = Follower(
            node,
            self.mirror,
            chain_id=chain_id,
            escrow=self.world.escrow,
            deployed_at_block=0,
            finality=self.finality,
            clock=self.wall,
        )
        self.sender = Sender(
            node,
            StoreJournal(self.store, chain_id, operator_key().address, self.wall, self.rng.randbytes),
            operator_key(),
            chain_id=chain_id,
            finality=self.finality,
            explain=explain_revert,
            clock=self.wall,
        )
        posts = CrashingPosts(self.shops, self.points)
        self.deliverer = Deliverer(self.store, self.box, posts, self.wall, rng=self.rng, workers=1)

    def _endpoint(self, plan: FaultPlan) -> Node:
        return CrashingNode(FaultyNode(self.chain, plan, sleep=lambda _seconds: None), self.points)

    def restart(self) -> None:
        """End and start again."""
        self.points.revive()
        self.store.close()
        self.start()

    def wall(self) -> int:
        return int(self.now)

    # What it does by itself.

    def follow(self) -> bool:
        """Let the follower make a step; returns whether anything was new."""
        return bool(self._try(self.follower.step))

    def send(self) -> None:
        self._try(self.sender.step)

    def deliver(self) -> int:
        """Deliver a few; returns how many were tried."""
        tried = 0
        for _ in range(DELIVERIES_A_STEP):
            died, made = len(self.points.crashes), self._try(self.deliverer.step) or 0
            tried += made
            if not made and len(self.points.crashes) == died:
                break
        return tried

    # What merchants ask of it.

    def open_account(self, new: NewMerchant, urls: list[str]) -> Merchant:
        merchant = create_merchant(self.store, new, self.wall(), self.rng.randbytes)
        for url in urls:
            kit = EndpointKit(self.box, random=self.rng.randbytes)
            made = create_endpoint(self.store, kit, merchant.id, url, now=self.wall(), random=self.rng.randbytes)
            self.secrets[made.endpoint.url] = made.secret
        return merchant

    def create(self, merchant: Merchant, request: PaymentRequest) -> Payment | None:
        return self._try(
            lambda: create_payment(
                self.store, self.place, merchant.id, request, now=self.wall(), random=self.rng.randbytes
            )
        )

    def confirm(self, merchant: Merchant, payment_id: Hash32) -> None:
        self._try(lambda: confirm_delivery(self.store, lambda _chain: self.sender, merchant.id, payment_id))

    def refund(self, merchant: Merchant, payment_id: Hash32, amount: int | None, key: str) -> None:
        self._try(
            lambda: refund(
                self.store, lambda _chain: self.sender, merchant.id, payment_id, amount=amount, request_key=key
            )
        )

    def _try(self, step: Callable[[], T]) -> T | None:
        """Do something; a crash restarts the service, an error of the house's tree is left for the next time."""
        try:
            return step()
        except Crash:
            self.restart()
        except ReorgPastFinality as error:
            self.frozen = str(error)
            self.troubles[error.code] += 1
        except EarnestError as error:
            self.troubles[error.code] += 1
        return None
