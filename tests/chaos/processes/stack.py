"""The processes of one run: a chain, two endpoints before it that misbehave, and one service or two."""

from __future__ import annotations

import random
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import httpx

from earnest.testing.fault_plans import Fault, FaultKind, FaultPlan
from earnest.testing.faulty_proxy import FaultyProxy
from earnest.testing.processes import free_port
from earnest.testing.wild_errors import TRANSIENT_ERRORS
from tests.chaos.inprocess.chain import ChainTx
from tests.chaos.processes.chain import DirectChain, Refused
from tests.chaos.processes.forks import Fork
from tests.chaos.processes.postgres import Postgres
from tests.chaos.processes.template import DATABASE, Template

KINDS = (
    FaultKind.DROP,
    FaultKind.LOSE,
    FaultKind.DELAY,
    FaultKind.TRUNCATE,
    FaultKind.GARBAGE,
    FaultKind.RATE_LIMIT,
    FaultKind.SERVER_ERROR,
    FaultKind.NO_BATCHES,
    FaultKind.RPC_ERROR,
    FaultKind.EMPTY_LOGS,
    FaultKind.MISSING_LOGS,
    FaultKind.DUPLICATE_LOGS,
    FaultKind.WRONG_CHAIN,
    FaultKind.STALE_HEAD,
)


class Stack:
    """Everything that runs; as a context manager it ends all of it."""

    def __init__(self, template: Template, folder: Path, postgres: Postgres | None, seed: int) -> None:
        self.template, self.postgres = template, postgres
        self.folder = template.copied(folder)
        self.kills = 0
        self._ends = ExitStack()
        chain_port = free_port()
        self.chain = DirectChain(f"http://127.0.0.1:{chain_port}", escrow=template.escrow)
        self.proxies = [
            self._ends.enter_context(FaultyProxy(self.chain.url, FaultPlan(seed=seed * 10 + at))) for at in range(2)
        ]
        settings = dict(template.settings(self.folder, ",".join(each.url for each in self.proxies)))
        self.database_url = f"sqlite:///{self.folder / DATABASE}"
        if postgres is not None:
            name = postgres.server.create_database()
            self._ends.callback(postgres.server.drop_database, name)
            self.database_url = settings["EARNEST_DATABASE_URL"] = postgres.server.url(name)
        command = ("chain", "--port", str(chain_port))
        self.chain_process = Fork("the chain", command, settings, self.folder / "chain.log")
        self.urls: list[str] = []
        self.services: list[Fork] = []
        for number in range(2 if postgres else 1):
            port = free_port()
            self.urls.append(f"http://127.0.0.1:{port}")
            log = self.folder / f"serve-{number}.log"
            self.services.append(Fork(f"service {number}", ("serve", "--port", str(port)), settings, log))
        self._sent: list[str] = []
        """The bytes of what people sent, newest last."""
        self._waking: list[threading.Timer] = []

    def start(self) -> None:
        """Start the chain and then the services; the database is ready."""
        self.chain_process.start()
        self.chain_process.wait(self.chain.answers)
        for service in self.services:
            service.start()

    def kill(self, *victims: Fork) -> None:
        """Kill with -9, and start again at once."""
        for victim in victims:
            victim.kill()
            self.kills += 1
        for victim in victims:
            victim.start()

    def revive(self) -> None:
        """Start what ended by itself, as a host's supervisor does: a service gives up where no node is on its chain."""
        for each in self.services:
            if not each.running:
                each.start()

    def freeze(self, victim: Fork, seconds: float) -> None:
        """Stop a process and wake it some time later, when it believes that no time has passed."""
        victim.freeze()
        timer = threading.Timer(seconds, victim.wake)
        timer.start()
        self._waking.append(timer)

    def spoil(self, rng: random.Random) -> None:
        """Give one endpoint other faults, or none; one of them tells the truth, at most half of the time in vain."""
        proxy = rng.choice(self.proxies)
        chosen = rng.sample(KINDS, rng.randint(0, 3))
        proxy.plan.faults = tuple(
            Fault(kind, rng.choice([0.1, 0.3]), retry_after_seconds=1, errors=TRANSIENT_ERRORS) for kind in chosen
        )

    def send(self, tx: ChainTx) -> None:
        """Let somebody send a tx."""
        self._sent.append(self.chain.send(tx))

    def reorg(self, depth: int, rng: random.Random) -> bool:
        """Drop blocks and mine otherwise, with some of the dropped txs; false if the chain would have none of it."""
        again = [raw for raw in self._sent[-depth:] if rng.random() < 0.6]
        rng.shuffle(again)
        placed = [[raw, rng.randrange(depth)] for raw in again]
        for txs in (placed, []):  # those that are older than the dropped blocks, or in a wrong order, are refused
            try:
                self.chain.ask("anvil_reorg", depth, txs)
            except Refused:
                continue
            return True
        return False

    def heal(self) -> None:
        """Let everybody be awake, alive and honest."""
        for proxy in self.proxies:
            proxy.plan.faults = ()
        for timer in self._waking:
            timer.join()
        for each in (self.chain_process, *self.services):
            if not each.running:
                each.start()
        self.chain_process.wait(self.chain.answers)

    def __enter__(self) -> Stack:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for timer in self._waking:
            timer.join()
        for each in (*self.services, self.chain_process):
            each.kill()
        self.chain.http.close()
        self._ends.close()


def answers(url: str) -> bool:
    """Whether a service answers."""
    try:
        return httpx.get(f"{url}/health/live", timeout=2.0, trust_env=False).is_success
    except httpx.TransportError:
        return False


def wait_a_little(deadline: float, what: str) -> None:
    if time.monotonic() > deadline:
        raise TimeoutError(what)
    time.sleep(0.05)
