"""Earnest as a service runs it: follower, mirror and deliverer in one process, with a merchant who asked for payments.

Reads what to do as JSON from the first line of its standard input, prints the webhooks' secret when it follows, runs
until its standard input ends, and prints what it saw and what it cost as JSON.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from threading import Event, Thread

import msgspec

from earnest.chain.background import in_a_thread
from earnest.chain.follower import Follower
from earnest.chain.heads import Heads, Polling
from earnest.chain.rpc import Rpc
from earnest.chain.subscription import Subscription
from earnest.chain.updates import BlockAccepted, ChainUpdate, Mirror, Position
from earnest.cli.logs import set_up_logs
from earnest.commands.create_endpoint import create_endpoint
from earnest.mirror import ChainMirror
from earnest.payment.primitives import ZERO_ADDRESS, Hash32, parse_address
from earnest.payment.record import Payment
from earnest.payment.status import Status
from earnest.payment.terms import payment_id
from earnest.payment.transitions import NOTHING_YET
from earnest.settings import load_network
from earnest.store import Store, open_store
from earnest.store.leads import Fence, follow_lead
from earnest.store.presence import Presence
from earnest.store.records import Merchant
from earnest.webhooks.deliver import Deliverer
from earnest.webhooks.kit import EndpointKit
from earnest.webhooks.post import Poster
from earnest.webhooks.retry import Answer
from earnest.webhooks.secretbox import SecretBox, new_key
from earnest.wiring.garbage import look_rarely
from tests.benchmarks.backfill.watch import peak_mib
from tests.benchmarks.live.story import CHAIN_ID, WARM_UP, Story

ACCOUNT = "mer_1"
WEBHOOK_THREADS = ("deliver", "webhook")
OF_TIME = "presence"
"""Says that this process is there, once a second or so: it costs what it costs however many blocks there are."""


class Task(msgspec.Struct):
    """What to run. `poll_seconds` is the usual pace; `subscribed`: also listen for heads."""

    story: Story
    database: str
    shop: str
    poll_seconds: float
    subscribed: bool


class Outcome(msgspec.Struct):
    """Wall times (seconds) by block number and by notification; CPU in seconds since the last block of the warm-up."""

    visible: dict[int, float]
    sent: dict[str, float]
    follower_cpu: float
    webhooks_cpu: float
    peak_mib: float
    released: int
    events: int
    heads: str
    threads: dict[str, float]


@dataclass
class TimedMirror:
    """The mirror, with the time at which each block's rows could be seen by others.

    `cpu` is what each thread had cost by the end of the warm-up, which begins with `blocks` set to zero.
    """

    inner: Mirror
    visible: dict[int, float] = field(default_factory=dict)
    events: int = 0
    blocks: int = 0
    cpu: Mapping[str, float] = field(default_factory=dict)

    def position(self) -> Position | None:
        return self.inner.position()

    def begin(self, genesis_hash: Hash32) -> Position:
        return self.inner.begin(genesis_hash)

    def take(self, updates: Sequence[ChainUpdate]) -> None:
        self.inner.take(updates)
        now = time.time()
        for each in updates:
            if isinstance(each, BlockAccepted):
                self.visible[each.block.number] = now
                self.events += len(each.logs)
                self.blocks += 1
                if self.blocks == WARM_UP:
                    self.cpu = _cpu()


@dataclass
class TimedPoster:
    """The poster, with the time at which each webhook left."""

    inner: Poster
    sent: dict[str, float] = field(default_factory=dict)

    def post(self, url: str, headers: dict[str, str], body: bytes, now: int) -> Answer:
        self.sent.setdefault(headers["webhook-id"], time.time())
        return self.inner.post(url, headers, body, now)


def main() -> None:
    set_up_logs()
    task = msgspec.json.decode(sys.stdin.readline(), type=Task)
    with ExitStack() as ends:
        store = ends.enter_context(closing(open_store(task.database)))
        rpc = ends.enter_context(closing(Rpc(task.story.url)))
        store.upgrade()
        fence = Fence()
        fence.lead = ends.enter_context(ends.enter_context(Presence(store)).lead(follow_lead(CHAIN_ID)))
        secrets = SecretBox(new_key(bytes(32)))
        shop = _prepare(store, secrets, task)
        news, stop = Event(), Event()
        mirror = TimedMirror(_mirror(store, task, news, fence))
        poster = TimedPoster(Poster(allow_private=True))
        deliverer = Deliverer(store, secrets, poster, lambda: int(time.time()), news=news)
        follower = _follower(rpc, mirror, task)
        look_rarely()  # as the service does before it starts its loops
        threads = [
            Thread(target=follower.run, args=(stop,), name="follow"),
            Thread(target=deliverer.run, args=(stop,), name="deliver"),
        ]
        for each in threads:
            each.start()
        while follower.status().lag_blocks != 0:
            time.sleep(0.01)
        mirror.events = mirror.blocks = 0
        print(shop, flush=True)
        sys.stdin.read()
        cpu = {name: seconds - mirror.cpu.get(name, 0.0) for name, seconds in _cpu().items()}
        status = follower.status()
        stop.set()
        for each in threads:
            each.join()
        webhooks = sum(seconds for name, seconds in cpu.items() if name.startswith(WEBHOOK_THREADS))
        outcome = Outcome(
            visible=mirror.visible,
            sent=poster.sent,
            follower_cpu=sum(cpu.values()) - webhooks - cpu.get(OF_TIME, 0.0),
            webhooks_cpu=webhooks,
            peak_mib=peak_mib(),
            released=_released(store, task),
            events=mirror.events,
            heads=f"{status.heads} {status.heads_why or ''}".strip(),
            threads=cpu,
        )
    print(msgspec.json.encode(outcome).decode())


def _mirror(store: Store, task: Task, news: Event, fence: Fence | None = None) -> ChainMirror:
    return ChainMirror(
        store,
        CHAIN_ID,
        parse_address(task.story.escrow),
        load_network("local").token_at,
        lambda: int(time.time()),
        checkout_url=lambda payment: f"https://shop.test/pay/{payment.id}",
        fence=fence,
        announce=news.set,
    )


def _follower(rpc: Rpc, mirror: Mirror, task: Task) -> Follower:
    heads: Heads = Polling()
    if task.subscribed:
        heads = Subscription([task.story.url.replace("http", "ws")], chain_id=CHAIN_ID)
    return Follower(
        rpc,
        mirror,
        chain_id=CHAIN_ID,
        escrow=parse_address(task.story.escrow),
        deployed_at_block=task.story.deployed_at_block,
        finality=load_network("local").finality,
        poll_seconds=task.poll_seconds,
        heads=heads,
        ahead=in_a_thread,
    )


def _prepare(store: Store, secrets: SecretBox, task: Task) -> str:
    """Write down the merchant, what he asked for, and where he wants to be told; return the webhooks' secret."""
    every = task.story.every
    first = every[0]
    merchant = Merchant(
        id=ACCOUNT,
        name="A shop",
        payout=first.merchant,
        operator=first.operator,
        arbiter=first.arbiter,
        fee_recipient=ZERO_ADDRESS,
        fee_bps=0,
        delivery_period=first.delivery_period,
        dispute_window=first.dispute_window,
        arbitration_period=first.arbitration_period,
        payment_window=86_400,
        safe_depth_blocks=2,
        created_at=1,
    )
    escrow = parse_address(task.story.escrow)
    with store.transaction() as tx:
        tx.merchants.add(merchant)
        for number, terms in enumerate(every):
            named = payment_id(terms, CHAIN_ID, escrow)
            tx.payments.add(
                Payment(
                    *(named, CHAIN_ID, escrow, terms, NOTHING_YET, 0),
                    *(ACCOUNT, f"order-{number}", bytes(16), 1),
                )
            )
    return create_endpoint(store, EndpointKit(secrets, allow_private=True), ACCOUNT, task.shop, now=1).secret


def _released(store: Store, task: Task) -> int:
    """Return how many payments are released in the end."""
    escrow = parse_address(task.story.escrow)
    ids = [payment_id(terms, CHAIN_ID, escrow) for terms in task.story.every]
    with store.read() as tx:
        payments = tx.payments.many(CHAIN_ID, ids, lock=False)
    return sum(each.state.status is Status.RELEASED for each in payments.values())


def _cpu() -> Mapping[str, float]:
    """Return the CPU time of each living thread, in seconds; the workers of one pool together."""
    spent: dict[str, float] = {}
    for thread in threading.enumerate():
        if thread.ident is not None:
            name = thread.name.partition("_")[0]
            spent[name] = spent.get(name, 0.0) + time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
    return spent


if __name__ == "__main__":
    main()
