"""Kill the sender between any two of its words to the world: each intent is mined once, under one nonce."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earnest.chain.errors import NodeTimeout, NodeUnavailable, RpcError
from earnest.chain.sender import Sender
from earnest.chain.sending import TxIntent, TxState
from earnest.payment.errors import EarnestError, Unavailable
from earnest.payment.primitives import hash32
from earnest.settings import FinalityRule
from earnest.testing.fake_journal import FileJournal
from earnest.testing.fake_node import FakeNode
from tests.unit.chain.examples import CHAIN_ID, ESCROW, operator

INTENTS = [
    TxIntent("refund", hash32(bytes([n]) * 32), ESCROW, b"intent" + bytes([n]), 0, None, f"refund:{n}") for n in (1, 2)
]
STUCK_AFTER = 60


class KilledError(Exception):
    """The process died here."""


class World:
    """A node, a journal on disk, and a sender that may die at the k-th time it speaks to either of them."""

    def __init__(self, folder: Path) -> None:
        self.node = FakeNode(ESCROW)
        self.node.mine_empty(6)
        self.path = folder / "journal.json"
        self.now = 1_000.0
        self.spoken = 0
        self.dies_at: int | None = None
        self.faults: list[EarnestError | None] = []
        self.node.faults = self._before_call
        self.node.tamper = self._after_call
        self.start()

    def start(self) -> None:
        self.journal = FileJournal(self.path, CHAIN_ID, operator().address, lambda _name, _done: self._speak())
        self.sender = Sender(
            self.node,
            self.journal,
            operator(),
            chain_id=CHAIN_ID,
            finality=FinalityRule(tag="finalized"),
            stuck_after_seconds=STUCK_AFTER,
            clock=lambda: self.now,
        )

    def _speak(self) -> None:
        self.spoken += 1
        if self.spoken == self.dies_at:
            raise KilledError

    def _before_call(self, _method: str, _params: Sequence[Any]) -> EarnestError | None:
        self._speak()
        return self.faults.pop(0) if self.faults else None

    def _after_call(self, _method: str, _params: Sequence[Any], result: Any) -> Any:
        self._speak()
        return result

    def living(self, act: Callable[[], object]) -> None:
        """Do something; if it dies on the way, a new sender starts, and nothing else."""
        try:
            act()
        except KilledError:
            self.start()
        except Unavailable:
            pass

    def submit(self, intent: TxIntent) -> None:
        self.living(lambda: self.sender.submit(intent))

    def step(self) -> None:
        self.living(self.sender.step)

    def mine(self) -> None:
        self.node.mine()

    def let_it_wait(self) -> None:
        self.node.mine_empty(1)
        self.now += STUCK_AFTER

    def settle(self) -> None:
        """With nothing in the way any more, bring everything to its end."""
        self.dies_at, self.faults = None, []
        for intent in INTENTS:
            self.sender.submit(intent)
        ended_for = 0
        for _ in range(30):
            self.sender.step()
            self.node.mine()
            self.now += STUCK_AFTER
            ended_for += all(tx.state is TxState.FINAL for tx in self.journal.all())
            if ended_for == 3:  # nothing more is said of what has ended
                break

    def check(self) -> None:
        txs = self.journal.all()
        assert [tx.state for tx in txs] == [TxState.FINAL] * len(INTENTS)
        assert sorted(tx.data for tx in self.node.mined_txs()) == [intent.data for intent in INTENTS]
        for intent in INTENTS:
            assert len({tx.nonce for tx in self.node.sent if tx.data == intent.data}) == 1
        stored = {attempt.hash for tx in txs for attempt in tx.attempts}
        assert {tx.hash for tx in self.node.sent} <= stored, "broadcast, but not in the journal"


def story(world: World) -> Iterator[Callable[[], None]]:
    """Two payments refunded, one stuck, a reorg that drops both."""
    yield lambda: world.submit(INTENTS[0])
    yield world.step
    yield lambda: world.submit(INTENTS[1])
    yield world.step
    yield world.let_it_wait
    yield world.step  # raises the first one's fee
    yield world.mine
    yield world.step
    yield lambda: world.node.reorg(1, [[], []], keep_txs=False)
    yield world.step
    yield world.step


def test_killed_between_any_two_words(tmp_path: Path) -> None:
    whole = World(tmp_path)
    for act in story(whole):
        act()
    words = whole.spoken
    assert words > 60
    for dies_at in range(1, words + 1):
        (tmp_path / f"{dies_at}").mkdir()
        world = World(tmp_path / f"{dies_at}")
        world.dies_at = dies_at
        for act in story(world):
            act()
        assert world.spoken >= dies_at
        world.settle()
        world.check()


ACTS = st.sampled_from(["submit 0", "submit 1", "step", "step", "mine", "wait", "reorg", "forget", "dear", "cheap"])
FAULTS = st.none() | st.sampled_from(
    [
        NodeUnavailable("fake", "cannot be reached"),
        NodeTimeout("fake", "did not answer"),
        RpcError("any", -32000, "internal error"),
    ]
)


@settings(max_examples=60, deadline=None)
@given(
    acts=st.lists(ACTS, max_size=25),
    deaths=st.lists(st.integers(1, 40), max_size=4),
    faults=st.lists(FAULTS, max_size=20),
)
def test_whatever_happens_each_intent_is_mined_once_under_one_nonce(
    acts: list[str], deaths: list[int], faults: list[EarnestError | None]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        world.faults = list(faults)
        for act in acts:
            if deaths and (world.dies_at is None or world.spoken >= world.dies_at):
                world.dies_at = world.spoken + deaths.pop(0)
            _do(world, act)
        world.node.base_fee = 10**9
        world.settle()
        world.check()


def _do(world: World, act: str) -> None:
    match act.split():
        case ["submit", number]:
            world.submit(INTENTS[int(number)])
        case ["step"]:
            world.step()
        case ["mine"]:
            world.node.mine()
        case ["wait"]:
            world.let_it_wait()
        case ["reorg"]:
            depth = min(3, world.node.head.number - world.node.finalized)
            world.node.reorg(depth, [[] for _ in range(depth + 1)], keep_txs=False)
        case ["forget"]:
            world.node.forget_pool()
        case ["dear"]:
            world.node.base_fee *= 3
        case ["cheap"]:
            world.node.base_fee = 10**9


def test_the_check_would_notice_a_second_nonce(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.submit(INTENTS[0])
    world.sender.submit(TxIntent("refund", INTENTS[0].payment_id, ESCROW, INTENTS[0].data, 0, None, "another key"))
    world.settle()
    with pytest.raises(AssertionError):
        world.check()
