"""A rebuild beside processes that follow a moving chain, killed again and again: the mirror stays right throughout."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from earnest.chain.rpc import Rpc
from earnest.chain.signer import LocalSigner
from earnest.chain.wallet import Wallet
from earnest.cli.demo.run import account_of, sample_merchant
from earnest.escrow import txs
from earnest.payment.primitives import ZERO_ADDRESS, Hash32
from earnest.payment.representation import parse_terms
from earnest.testing.webhook_receiver import WebhookReceiver
from tests.integration.machines.fleet import Fleet, running_fleet, wait_until
from tests.integration.machines.patient import PatientClient
from tests.support.anvil import find_anvil, running_anvil
from tests.support.postgres import PostgresServer
from tests.support.rebuilding import by_hand

LONG = bool(os.environ.get("EARNEST_TEST_LONG"))
KILLS = 12 if LONG else 3
PAYMENTS = 6
DAMAGE = (
    "UPDATE payments SET status = 'released', held = '0' WHERE id = :id",
    "DELETE FROM events WHERE payment_id = :id",
)


@pytest.fixture
def fleet(postgres_server: PostgresServer, tmp_path: Path) -> Iterator[Fleet]:
    """Two processes that may follow, on one PostgreSQL and one chain."""
    anvil = find_anvil()
    if anvil is None:
        pytest.skip("MISSING: anvil (npm ci in contracts/)")
    name = postgres_server.create_database()
    with (
        running_anvil(anvil) as node_url,
        running_fleet(tmp_path, node_url, postgres_server.url(name), {"serve": 1, "follow": 1}) as running,
    ):
        yield running
    postgres_server.drop_database(name)


def start(fleet: Fleet, *arguments: str) -> subprocess.Popen[str]:
    """Start a command of its own, as a host does in a terminal."""
    _, settings = fleet.stack.child_settings("command")
    return subprocess.Popen(
        [sys.executable, "-m", "earnest.cli", *arguments],
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(fleet: Fleet, *arguments: str) -> tuple[int, str]:
    process = start(fleet, *arguments)
    said, _ = process.communicate()
    return process.returncode, said


@contextmanager
def mining(rpc: Rpc) -> Iterator[None]:
    """Let the chain grow a few blocks a second."""
    over = threading.Event()

    def mine() -> None:
        while not over.wait(0.3):
            rpc.call("evm_mine")

    thread = threading.Thread(target=mine)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def kill_at_random(fleet: Fleet, chance: random.Random) -> None:
    """Begin a rebuild, and kill it at some moment: while it loads, replays, leads, compares or has ended already."""
    process = start(fleet, "rebuild")
    time.sleep(chance.uniform(0.6, 3.5))
    process.send_signal(signal.SIGKILL)
    process.communicate()


def told(fleet: Fleet) -> Counter[tuple[str, str]]:
    """Count what was ever written for the shop, by payment and kind."""
    engine = create_engine(fleet.store._url)
    try:
        with engine.connect() as connection:
            rows = connection.execute(text("SELECT payment_id, type FROM notifications")).all()
    finally:
        engine.dispose()
    return Counter((row.payment_id, row.type) for row in rows)


def test_a_rebuild_beside_the_leader_killed_at_any_moment_leaves_the_chains_story_told_once(fleet: Fleet) -> None:
    chance = random.Random(7)
    fleet.calm()
    account = sample_merchant(fleet.stack)
    with (
        closing(Rpc(fleet.stack.node_url)) as rpc,
        closing(PatientClient(fleet.api_urls, account.api_key, seed=7)) as api,
        WebhookReceiver() as shop,
        mining(rpc),
    ):
        shop.trust(api.post("/v1/webhook_endpoints", {"url": shop.url}, "endpoint")["secret"])
        buyer = Wallet(rpc, LocalSigner.from_key(account_of("buyer").private_key))

        def pay(number: int) -> Hash32:
            order = {"amount": {"base_units": str(10**15), "token": ZERO_ADDRESS}, "order_reference": str(number)}
            created = api.post("/v1/payments", order, f"create-{number}")
            terms = parse_terms(created["terms"])
            buyer.send(txs.fund(fleet.stack.deployment.address, fleet.chain_id, terms, buyer.address))
            return Hash32(created["id"])

        def is_funded(id_: Hash32) -> bool:
            return str(api.get(f"/v1/payments/{id_}")["status"]) == "funded"

        ids = [pay(number) for number in range(PAYMENTS)]
        for id_ in ids:
            wait_until(lambda id_=id_: is_funded(id_), "the payment being funded")  # type: ignore[misc]
        for statement in DAMAGE:
            by_hand(fleet.store, statement, id=ids[0])
        for number in range(KILLS):
            kill_at_random(fleet, chance)
            ids.append(pay(PAYMENTS + number))  # business goes on
        status, said = run(fleet, "rebuild")
        assert status == 0, said
        for id_ in ids:
            wait_until(lambda id_=id_: is_funded(id_), "the payment being funded")  # type: ignore[misc]
        wait_until(lambda: fleet.leader() is not None, "somebody following again")
        status, said = run(fleet, "rebuild")
        assert (status, "to the last byte" in said) == (0, True), said
        wait_until(lambda: (ids[0], "payment.reorged") in told(fleet), "the shop being told of what was another")
    counts = told(fleet)
    assert {kind: counts[ids[0], kind] for kind in ("payment.funded", "payment.reorged")} == {
        "payment.funded": 1,
        "payment.reorged": 1,
    }
    assert [counts[id_, "payment.funded"] for id_ in ids] == [1] * len(ids)
    assert [counts[id_, "payment.reorged"] for id_ in ids[1:]] == [0] * (len(ids) - 1)
