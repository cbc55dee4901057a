"""`earnest reconcile` and `earnest rebuild` as a host runs them, beside a service that works and without it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from earnest.chain.rpc import Rpc
from earnest.payment.primitives import Address, Hash32
from earnest.payment.terms import payment_id
from earnest.store import open_store
from earnest.testing.stack import LocalStack
from tests.acceptance.forked import run
from tests.integration.chain.conftest import CHAIN_ID, Town, until
from tests.support.rebuilding import by_hand

PATIENCE_SECONDS = 120.0


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[LocalStack]:
    with LocalStack(tmp_path) as started:
        yield started


def earnest(stack: LocalStack, *arguments: str) -> tuple[int, str]:
    """Run a command; returns its status and all that it said."""
    where = ("--data-dir", str(stack.data_dir), "--rpc-url", stack.node_url)
    status, out, err = run((*arguments, *where), os.environ, stack.data_dir, stack.data_dir, PATIENCE_SECONDS)
    return status, out + err


def test_a_host_finds_and_mends_what_somebody_changed(stack: LocalStack) -> None:
    with closing(Rpc(stack.node_url)) as rpc:
        town = Town(stack.node_url, rpc, Address(stack.deployment.address), stack.deployment.block_number)
        terms = town.terms(1)
        assert town.fund(terms) is not None
    id_: Hash32 = payment_id(terms, CHAIN_ID, Address(stack.deployment.address))
    database = f"sqlite:///{stack.data_dir / 'earnest.db'}"
    with closing(open_store(database)) as store:

        def is_final() -> bool:
            with store.read() as tx:
                return any(each.final for each in tx.events.timeline(CHAIN_ID, id_))

        until(is_final)
        # The service is at work: whoever only looks is let in, whoever writes is not.
        status, said = earnest(stack, "reconcile", "--json")
        assert (status, json.loads(said[: said.rindex("}") + 1])["differences"]) == (0, [])
        status, said = earnest(stack, "rebuild", "--dry-run")
        assert (status, "to the last byte" in said) == (0, True), said
        status, said = earnest(stack, "rebuild")
        assert (status, "another process already works on" in said) == (1, True), said
        stack.service.stop()
        by_hand(store, f"UPDATE payments SET status = 'released' WHERE id = '{id_}'")
        status, said = earnest(stack, "reconcile")
        assert (status, f"payment {id_}: status is released in the mirror, funded by its events" in said) == (1, True)
        status, said = earnest(stack, "rebuild")
        assert (status, f"payment {id_}: status is released in the mirror, funded on the chain" in said) == (0, True)
        assert earnest(stack, "reconcile")[0] == 0
        status, said = earnest(stack, "reconcile", "--hash")
        assert (status, said.startswith("0x"), "1 payments, 1 events up to block" in said) == (0, True, True), said
