"""The story under kill -9: whatever dies between any two lines, it ends the same.

The driver plays the demo's story against the real processes. It kills the service, the chain, or both, after each step,
or at moments drawn from a seed; then it starts them again and the story goes on.
"""

from __future__ import annotations

import itertools
import os
import random
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from rich.console import Console

from earnest.cli.demo.books import books_of_chain
from earnest.cli.demo.narrator import Narrator
from earnest.cli.demo.run import build_world, prove
from earnest.cli.demo.story import Story
from earnest.payment.primitives import ZERO_ADDRESS, Address, Hash32
from earnest.store import open_store
from earnest.testing.processes import Child
from earnest.testing.stack import LocalStack
from earnest.testing.webhook_receiver import WebhookReceiver

PATIENCE_SECONDS = 90.0
LONG = bool(os.environ.get("EARNEST_TEST_LONG"))
"""`EARNEST_TEST_LONG=1 make chaos` kills each of the three after each step, and draws from more seeds."""
PLANS = [("serve",), ("chain",), ("both",)] if LONG else [("serve", "chain", "both")]
"""Whom to kill after the first step, after the second, …, and round again."""
SEEDS = range(1, 7) if LONG else (1,)
OPERATOR_TXS = 4
"""What the story asks of the operator: two confirmations and two refunds."""


def victims(stack: LocalStack, who: str) -> list[Child]:
    """Return the processes to kill."""
    assert stack.chain is not None
    return {"serve": [stack.service], "chain": [stack.chain], "both": [stack.chain, stack.service]}[who]


def play(stack: LocalStack, after_each_step: Callable[[], None], before_the_end: Callable[[], None]) -> None:
    """Tell the story, and prove its end once everything is up again."""
    with (
        WebhookReceiver() as receiver,
        closing(build_world(stack, receiver, Narrator(Console()), PATIENCE_SECONDS)) as world,
    ):
        story = Story(world)
        for step in story.steps():
            step.run()
            after_each_step()
        before_the_end()
        stack.wait_up()
        prove(story, stack)
        prove_no_tx_went_out_twice(stack, story)
        prove_books(stack, story)


def prove_no_tx_went_out_twice(stack: LocalStack, story: Story) -> None:
    """Check that each intent has one nonce, and that the chain has exactly one tx for each of them."""
    world, operator = story.world, Address(stack.operator.address)
    store = open_store(f"sqlite:///{stack.data_dir / 'earnest.db'}")
    try:
        with store.read() as tx:
            rows = [
                row
                for told in story.payments.values()
                for merchant in tx.merchants.list()
                for row in tx.txs.find(merchant.id, Hash32(told.id))
            ]
    finally:
        store.close()
    assert sorted(row.nonce for row in rows) == list(range(OPERATOR_TXS))
    assert all({each.nonce for each in row.attempts} == {row.nonce} for row in rows)
    assert world.rpc.tx_count(operator) == OPERATOR_TXS


def prove_books(stack: LocalStack, story: Story) -> None:
    """Check that everybody has what the undisturbed story gives him."""
    books = books_of_chain(story.world.rpc, story.world.escrow, stack.deployment.block_number)
    token = books[story.world.token.address]
    # A funding that the reorg came too late for is repeated, and stays in the escrow.
    assert (token.to_merchants, token.fees, token.to_buyers) == (158_400_000, 1_600_000, 60_000_000)
    coin = books[ZERO_ADDRESS]
    assert (coin.came_in, coin.to_buyers, coin.held) == (5 * 10**17, 5 * 10**17, 0)


@pytest.mark.parametrize("plan", PLANS, ids="-".join)
def test_story_ends_the_same_when_killed_after_each_step(tmp_path: Path, plan: tuple[str, ...]) -> None:
    whom = itertools.cycle(plan)
    with LocalStack(tmp_path) as stack:

        def kill() -> None:
            chosen = victims(stack, next(whom))
            for victim in chosen:
                victim.kill()
            for victim in chosen:
                victim.start()

        play(stack, kill, lambda: None)


@pytest.mark.parametrize("seed", SEEDS)
def test_story_ends_the_same_when_killed_at_random_moments(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    done = threading.Event()
    with LocalStack(tmp_path) as stack:

        def kill_now_and_then() -> None:
            while not done.wait(chance.uniform(0.0, 3.0)):
                chosen = victims(stack, chance.choice(["serve", "chain", "both"]))
                for victim in chosen:
                    victim.kill()
                done.wait(chance.uniform(0.0, 0.5))
                for victim in chosen:
                    victim.start()
                # Most often it may come up before it is killed again: a service that never starts tells no story.
                if chance.random() < 0.8:
                    stack.wait_up()

        killer = threading.Thread(target=kill_now_and_then)

        def spare() -> None:
            done.set()
            killer.join()

        killer.start()
        try:
            play(stack, lambda: None, spare)
        finally:
            spare()
