"""Requests per second of the API beside a bare FastAPI handler with the same query: `python -m tests.benchmarks.api`.

Both serve the same SQLite file of 10,000 payments, each in a process of its own, one after the other in turns, to eight
connections that stay open. The bare handler runs the same query of the store and returns three fields; ours checks the
key, counts it, shows the whole payment and writes a line of the log. CPU is the server's own, and the sounder measure
on a machine that does other things.
"""

from __future__ import annotations

import argparse
import http.client
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from deploy.tools.setup import ROOT
from earnest.commands.create_key import create_key
from earnest.store import open_store
from tests.support.ledger import MERCHANT, START, make_payment

PAYMENTS, CONNECTIONS, ROUNDS = 10_000, 8, 5
TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Side:
    """A server under way."""

    port: int
    pid: int

    def cpu_seconds(self) -> float:
        """How long it has computed so far. Source: proc(5)."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) * TICK_SECONDS


@contextmanager
def side(kind: str, database: str) -> Iterator[Side]:
    command = [sys.executable, "-m", "tests.benchmarks.api.serve", kind, database]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        port = int(process.stdout.readline())
        try:
            yield Side(port, process.pid)
        finally:
            process.stdin.close()


def fill(database: str) -> tuple[str, list[str]]:
    """Write the payments; returns a key and their ids."""
    with closing(open_store(database)) as store:
        store.upgrade()
        payments = [make_payment(number) for number in range(PAYMENTS)]
        with store.transaction() as tx:
            tx.merchants.add(MERCHANT)
            tx.payments.save(payments)
        return create_key(store, MERCHANT.id, now=START).secret, [each.id for each in payments]


def ask(at: Side, key: str, paths: list[str]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", at.port, timeout=60)
    for path in paths:
        connection.request("GET", path, headers={"Authorization": f"Bearer {key}"})
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, body
    connection.close()


def measure(at: Side, key: str, paths: list[str]) -> tuple[float, float]:
    """Return requests per second, and the server's CPU for one in milliseconds."""
    began, cpu = time.monotonic(), at.cpu_seconds()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(lambda number: ask(at, key, paths[number::CONNECTIONS]), range(CONNECTIONS)))
    return len(paths) / (time.monotonic() - began), (at.cpu_seconds() - cpu) / len(paths) * 1_000


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="api", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=800, help="in each round, of each kind and side")
    requests = parser.parse_args().requests
    with tempfile.TemporaryDirectory() as folder, ExitStack() as sides:
        database = f"sqlite:///{folder}/earnest.db"
        key, ids = fill(database)
        servers = {kind: sides.enter_context(side(kind, database)) for kind in ("ours", "bare")}
        questions = {
            "one payment": [f"/v1/payments/{ids[number * 7 % PAYMENTS]}" for number in range(requests)],
            "a list of 20": ["/v1/payments?limit=20"] * (requests // 2),
        }
        found = defaultdict[tuple[str, str], list[tuple[float, float]]](list)
        for _ in range(ROUNDS):
            for question, paths in questions.items():
                for kind, server in servers.items():
                    found[question, kind].append(measure(server, key, paths))
    print(f"{'':14} {'ours/s':>8} {'bare/s':>8} {'ours, ms CPU':>13} {'bare, ms CPU':>13}")
    for question in questions:
        (our_rate, our_cpu), (bare_rate, bare_cpu) = (
            [median(each) for each in zip(*found[question, kind], strict=True)] for kind in ("ours", "bare")
        )
        print(f"{question:14} {our_rate:8.0f} {bare_rate:8.0f} {our_cpu:13.2f} {bare_cpu:13.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
