"""Nodes that are down, killed, wiped or faulty, for real: processes, sockets and lost answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from earnest.chain.errors import GenesisChanged
from earnest.chain.follower import FollowerState
from earnest.chain.rpc import Rpc
from earnest.chain.sending import TxState
from earnest.localnet.faults import METHOD as FAULTS
from earnest.payment.errors import Unavailable
from earnest.testing.fake_journal import FileJournal
from earnest.testing.fake_mirror import FakeMirror
from tests.integration.chain.conftest import CHAIN_ID, OPERATOR, Town, address, catch_up, town_at, until
from tests.integration.localnet.nodes import ChainProcess, free_port


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[ChainProcess]:
    process = ChainProcess(tmp_path / "chain", port=free_port())
    yield process
    process.kill()


@pytest.fixture
def town(chain: ChainProcess, tmp_path: Path) -> Iterator[Town]:
    with town_at(chain.url, tmp_path) as town:
        yield town


def restarted(chain: ChainProcess, folder: Path | None = None) -> ChainProcess:
    return ChainProcess(folder or chain.data_dir, port=int(chain.url.rsplit(":", 1)[1]))


def test_a_node_that_is_killed_and_started_again_is_followed_on(chain: ChainProcess, town: Town) -> None:
    mirror = FakeMirror()
    follower = town.follower(mirror)
    town.fund(town.terms(1))
    stop = Event()
    thread = Thread(target=follower.run, args=(stop,))
    thread.start()
    again = None
    try:
        until(lambda: len(mirror.logs) == 1)
        chain.kill()
        until(lambda: follower.status().state is FollowerState.WAITING)
        assert "cannot be reached" in str(follower.status().error)
        again = restarted(chain)
        until(lambda: follower.status().state is FollowerState.FOLLOWING, 40)
        town.fund(town.terms(2))
        until(lambda: len(mirror.logs) == 2)
    finally:
        stop.set()
        thread.join(20)
        if again:
            again.kill()
    assert not any(type(update).__name__ == "BlocksOrphaned" for take in mirror.takes for update in take)


def test_a_chain_that_was_wiped_stops_the_follower(chain: ChainProcess, town: Town, tmp_path: Path) -> None:
    mirror = FakeMirror()
    follower = town.follower(mirror)
    town.fund(town.terms(1))
    catch_up(follower)
    chain.kill()
    another = restarted(chain, tmp_path / "another")
    try:
        for _ in range(12):
            another.calls("evm_mine")
        with pytest.raises(GenesisChanged, match="another chain, same id"):
            follower.run(Event())
        assert follower.status().state is FollowerState.STOPPED
    finally:
        another.kill()


def test_faults_in_every_method_neither_lose_nor_repeat_anything(town: Town, tmp_path: Path) -> None:
    """In turn the node answers with errors, drops connections, and loses answers; then both sides say the same."""
    mirror = FakeMirror()
    journal = FileJournal(tmp_path / "journal.json", CHAIN_ID, address(OPERATOR))
    terms = [town.terms(number) for number in range(3)]
    for each in terms:
        town.fund(each)
    calm, town.rpc = town.rpc, Rpc(town.url, retries=0)
    follower, sender = town.follower(mirror), town.sender(journal)
    kinds = ["error", "drop", "lose"]
    for number in range(60):
        kind = kinds[number // 3 % 3]
        calm.call(FAULTS, ({"method": "*", "kind": kind, "times": 1},))
        _try(follower.step)
        calm.call(FAULTS, ({"method": "eth_sendRawTransaction", "kind": kind, "times": 1},))
        _try(lambda number=number: sender.submit(town.intent(terms[number % 3], "refund")))
        _try(sender.step)
        calm.call(FAULTS)
        if number % 5 == 0:
            calm.call("evm_mine")
    for _ in range(8):
        sender.step()
        calm.call("evm_mine")
    catch_up(follower)
    assert [tx.state for tx in journal.all()] == [TxState.FINAL] * 3
    assert len(mirror.logs) == 6
    assert calm.tx_count(address(OPERATOR)) == 3
    town.rpc.close()


def _try(act: Any) -> None:
    with suppress(Unavailable):
        act()


def test_a_node_that_is_down_at_the_start_is_waited_for(tmp_path: Path) -> None:
    """The chain, with a payment on it, is stopped; the follower starts first."""
    chain = ChainProcess(tmp_path / "chain", port=free_port())
    try:
        with town_at(chain.url, tmp_path) as town:
            town.fund(town.terms(1))
            chain.stop()
            mirror = FakeMirror()
            follower = town.follower(mirror)
            stop = Event()
            thread = Thread(target=follower.run, args=(stop,))
            thread.start()
            try:
                until(lambda: follower.status().failures >= 2)
                assert follower.status().state is FollowerState.WAITING
                chain = restarted(chain)
                until(lambda: len(mirror.logs) == 1, 40)
            finally:
                stop.set()
                thread.join(20)
    finally:
        chain.kill()
