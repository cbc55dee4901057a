"""From the block being mined to the row visible and the webhook sent: `python -m tests.benchmarks.live` from the root.

An anvil mines a block each 200 ms, told so by this program: that moment is "mined". In each block one payment of the
real escrow is funded, one delivered and one released, in an ERC-20. Earnest follows in a process of its own, by
subscription and by polling, into SQLite and PostgreSQL, and delivers webhooks to a real receiver. Beside it, in the
same run, a bare subscription and a bare poll note when the node shows each block. The follower's share is the time from
the bare subscription's to the row's; when polling, it holds the wait for the next poll.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import msgspec
from sqlalchemy import create_engine

from deploy.tools.setup import ROOT
from earnest.chain.node import Call
from earnest.chain.rpc import Rpc
from earnest.testing.webhook_receiver import WebhookReceiver
from tests.benchmarks.live import table
from tests.benchmarks.live.follow import Outcome, Task
from tests.benchmarks.live.story import RELEASED_AFTER, STEPS, WARM_UP, begin, blocks_of_txs
from tests.support.anvil import find_anvil, running_anvil
from tests.support.postgres import PostgresServer, find_binaries, running_server

BLOCK_SECONDS = 0.2
POLL_SECONDS = 0.1
AHEAD_SECONDS = 0.08
"""How long before a block its txs are handed to the node."""
BLOCKS, BLOCKS_OF_CHECK = 500, 50
CATCH_UP_SECONDS = 60.0
"""How long the last webhooks may take on a machine that is busy with other things; what is late counts as it is."""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="live", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--blocks", type=int, default=BLOCKS, help=f"blocks of each run (default: {BLOCKS})")
    parser.add_argument("--only", choices=("sqlite", "postgresql"), help="one database alone")
    parser.add_argument(
        "--check",
        action="store_true",
        help=f"{BLOCKS_OF_CHECK} blocks into SQLite: fails if a row or a webhook is missing, or far too late",
    )
    arguments = parser.parse_args()
    if arguments.check:
        arguments.blocks, arguments.only = BLOCKS_OF_CHECK, "sqlite"
    anvil, binaries = find_anvil(), find_binaries()
    if anvil is None or binaries is None:
        raise SystemExit("it takes anvil (make contracts) and PostgreSQL")
    runs = []
    with ExitStack() as stack:
        server = stack.enter_context(running_server(binaries))
        for database in [arguments.only] if arguments.only else ["sqlite", "postgresql"]:
            for subscribed in (True, False):
                runs.append(run(anvil, server, database, arguments.blocks, subscribed=subscribed))
                print(table.lines(runs)[-1] if len(runs) > 1 else "\n".join(table.lines(runs)), flush=True)
    missed = table.slower(runs) if arguments.check else table.missed(runs)
    print("\n".join(["", *table.lines(runs), "", *missed]))
    return 1 if any(each.wrong for each in runs) or (arguments.check and missed) else 0


def run(anvil: Path, server: PostgresServer, database: str, blocks: int, *, subscribed: bool) -> table.Run:
    """Mine so many blocks with something in each, and return what was seen of them."""
    payments = blocks - RELEASED_AFTER
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(running_anvil(anvil))
        shop = stack.enter_context(WebhookReceiver())
        name = server.create_database()
        stack.callback(server.drop_database, name)
        where = f"sqlite:///{folder / 'earnest.db'}" if database == "sqlite" else server.url(name)
        rpc = Rpc(url)
        stack.callback(rpc.close)
        story = begin(url, payments, folder)
        rpc.call("evm_setAutomine", (False,))
        raws = list(blocks_of_txs(story, rpc))
        task = Task(story, where, shop.url, POLL_SECONDS, subscribed)
        bare, polled, ours = (
            stack.enter_context(child("observe", "subscription", url, "0")),
            stack.enter_context(child("observe", "poll", url, str(POLL_SECONDS))),
            stack.enter_context(child("follow", log_file=folder / "follow.log")),
        )
        _say(ours, msgspec.json.encode(task).decode())
        for each in (bare, polled):
            _hear(each)
        shop.trust(_hear(ours))
        mined = mine(rpc, raws, lambda: _take_statistics(where))
        time.sleep(1.0)
        deadline = time.monotonic() + CATCH_UP_SECONDS
        while len(table.blocks_of(shop.received)) < STEPS * payments and time.monotonic() < deadline:
            time.sleep(0.1)
        outcome = msgspec.json.decode(_end(ours), type=Outcome)
        seen = dict[int, float]
        return table.Run(
            database=database,
            subscribed=subscribed,
            mined=mined,
            shown=msgspec.json.decode(_end(bare), type=seen, strict=False),
            polled=msgspec.json.decode(_end(polled), type=seen, strict=False),
            received={each.id: each.at for each in reversed(shop.received) if each.verified},
            blocks_of=table.blocks_of(shop.received),
            outcome=outcome,
            payments=payments,
        )


def mine(rpc: Rpc, raws: list[list[bytes]], in_the_warm_up: Callable[[], None]) -> dict[int, float]:
    """Mine a block at each tick; return when the node was told to, by the block's number."""
    head = rpc.header("latest")
    assert head is not None
    number, mined = head.block.number, {}
    tick = time.time() + 0.5
    for txs in raws:
        _sleep_until(tick - AHEAD_SECONDS)
        sent = rpc.batch([Call("eth_sendRawTransaction", ("0x" + raw.hex(),)) for raw in txs])
        assert all(isinstance(each, str) for each in sent), sent
        _sleep_until(tick)
        number += 1
        mined[number] = time.time()
        rpc.call("evm_mine")
        tick += BLOCK_SECONDS
        if len(mined) == WARM_UP // 2:
            in_the_warm_up()
    return mined


def _take_statistics(database: str) -> None:
    """Do what PostgreSQL does by itself within a minute of the first rows, which most runs are shorter than."""
    if not database.startswith("sqlite"):
        engine = create_engine(database, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql("ANALYZE")
        engine.dispose()


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.time()))


@contextmanager
def child(module: str, *arguments: str, log_file: Path | None = None) -> Iterator[subprocess.Popen[str]]:
    """Run one of this folder's programs; it ends with this one at the latest."""
    command = [sys.executable, "-m", f"tests.benchmarks.live.{module}", *arguments]
    with ExitStack() as stack:
        log = stack.enter_context(log_file.open("w")) if log_file else None
        process = stack.enter_context(
            subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, bufsize=1
            )
        )
        stack.callback(process.kill)
        yield process


def _say(process: subprocess.Popen[str], words: str) -> None:
    _open(process.stdin).write(words + "\n")
    _open(process.stdin).flush()


def _hear(process: subprocess.Popen[str]) -> str:
    words = _open(process.stdout).readline().strip()
    if not words:
        raise SystemExit(f"{process.args!r} ended before it was ready")
    return words


def _end(process: subprocess.Popen[str]) -> str:
    _open(process.stdin).close()
    return _open(process.stdout).readline()


def _open(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


if __name__ == "__main__":
    sys.exit(main())
