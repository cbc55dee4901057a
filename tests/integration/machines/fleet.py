"""Several processes of Earnest's on one PostgreSQL and one chain, each to be stopped, woken, killed, started again."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from earnest.store import Store, open_store
from earnest.store.leads import follow_lead
from earnest.store.records import LeaderRow
from earnest.testing.processes import free_port
from earnest.testing.stack import LocalStack
from tests.integration.machines.forked_child import ForkedChild

PATIENCE_SECONDS = 60.0
SHORT_FLEET: Mapping[str, int] = {"serve": 2, "follow": 1, "send": 1, "deliver": 1}


@dataclass
class Machine:
    """One process; `port` is where it answers requests, None where it does not."""

    name: str
    child: ForkedChild
    port: int | None = None
    is_stopped: bool = field(default=False)

    @property
    def is_awake(self) -> bool:
        """Whether it runs and is not stopped."""
        return self.child.running and not self.is_stopped

    def stop(self) -> None:
        """Send SIGSTOP: it does nothing, says nothing, and its connections live."""
        assert self.child.pid is not None
        os.kill(self.child.pid, signal.SIGSTOP)
        self.is_stopped = True

    def wake(self) -> None:
        """Send SIGCONT."""
        if self.is_stopped and self.child.pid is not None:
            os.kill(self.child.pid, signal.SIGCONT)
        self.is_stopped = False

    def kill(self) -> None:
        """Send SIGKILL, as the power supply would."""
        self.child.kill()
        self.is_stopped = False

    def start(self) -> None:
        """Start it."""
        self.child.start()

    def end(self) -> None:
        """End it in good order."""
        self.wake()
        self.child.stop()


class Fleet:
    """The processes, the chain and the database that they share.

    Args:
        stack: the folder, the chain with the contract, and the settings; its own service is not started.
        plan: how many run each command.
    """

    def __init__(self, stack: LocalStack, plan: Mapping[str, int] = SHORT_FLEET) -> None:
        self.stack = stack
        self.store: Store = open_store(str(stack.database_url))
        self.machines = [self._machine(command, number) for command, count in plan.items() for number in range(count)]

    @property
    def chain_id(self) -> int:
        """Of the chain that they follow."""
        return self.stack.network.chain_id

    @property
    def api_urls(self) -> list[str]:
        """Where requests are answered, by some process or other."""
        return [f"http://127.0.0.1:{each.port}" for each in self.machines if each.port is not None]

    def start(self) -> None:
        """Start every process that does not run, and wait until all have said that they are there."""
        for each in self.machines:
            if not each.child.running:
                each.start()
        wait_until(self._all_there, "every process being there")

    def calm(self) -> None:
        """Wake and start everybody, and wait until one of them follows."""
        for each in self.machines:
            each.wake()
        self.start()
        wait_until(lambda: self.leader() is not None, "a leader")

    def leader(self) -> Machine | None:
        """Return the process that follows the chain now, None while nobody does."""
        row = self.leader_row()
        return self.by_name(row.process_name) if row is not None and row.is_there else None

    def leader_row(self) -> LeaderRow | None:
        """Return what the database says of who follows."""
        with self.store.read() as tx:
            return tx.leads.leader(follow_lead(self.chain_id))

    def by_name(self, process_name: str) -> Machine | None:
        """Return the process that calls itself so."""
        pid = int(process_name.rpartition("/")[2])
        return next((each for each in self.machines if each.child.pid == pid), None)

    def tails(self) -> str:
        """Return the last lines of each process' log."""
        return "\n\n".join(f"--- {each.name}\n{each.child.tail(8)}" for each in self.machines)

    def close(self) -> None:
        """End every process; those that are stopped by force."""
        for each in self.machines:
            each.kill()
        self.store.close()

    def _machine(self, command: str, number: int) -> Machine:
        port = free_port() if command == "serve" else None
        arguments = [command, *(["--port", str(port)] if port else [])]
        name = f"{command}-{number}"
        return Machine(name, ForkedChild(arguments, *self.stack.child_settings(name)), port)

    def there(self) -> list[Machine]:
        """Return the processes that say that they are there, and answer if they should."""
        with self.store.read() as tx:
            pids = {int(each.name.rpartition("/")[2]) for each in tx.processes.alive()}
        found = [each for each in self.machines if each.child.pid in pids and not each.is_stopped]
        return [each for each in found if each.port is None or answers(f"http://127.0.0.1:{each.port}")]

    def _all_there(self) -> bool:
        return len(self.there()) == len(self.machines)


def answers(url: str) -> bool:
    """Whether an API answers."""
    try:
        return httpx.get(f"{url}/health/live", timeout=1.0, trust_env=False).is_success
    except httpx.TransportError:
        return False


def wait_until(true: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> float:
    """Return how long it took; raises `TimeoutError`."""
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > seconds:
            raise TimeoutError(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(0.02)
    return time.monotonic() - began


@contextmanager
def running_fleet(
    folder: Path, node_url: str, database_url: str, plan: Mapping[str, int] = SHORT_FLEET
) -> Iterator[Fleet]:
    """Run a fleet on a fresh chain and an empty database."""
    stack = LocalStack(folder, rpc_url=node_url, database_url=database_url)
    stack.install_contract()
    with closing(open_store(database_url)) as store:
        store.upgrade()
    with closing(Fleet(stack, plan)) as fleet:
        fleet.start()
        yield fleet
