"""Nodes that are not what they should be: another chain, down at the start, a token that is none, a wiped chain."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from earnest.chain.errors import NoContract
from earnest.cli.demo.run import account_of
from earnest.store import open_store
from earnest.store.records import PaymentFilter
from earnest.testing.stack import LocalStack
from earnest.testing.webhook_receiver import WebhookReceiver
from tests.acceptance.bad_input import COIN, Shop, check_logs, database_url, earnest, problem, until

OTHER_CHAIN = 8453
TOKEN = {"value": "1", "token": "tUSD"}


class NodeOfAnotherChain(BaseHTTPRequestHandler):
    """Answers every question with its chain's id: more than that is never asked of it."""

    def do_POST(self) -> None:
        """Answer one JSON-RPC call."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": hex(OTHER_CHAIN)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's own word)
        """Say nothing."""


@pytest.fixture
def other_node() -> Iterator[str]:
    """The URL of a node of another chain than the local one."""
    with ThreadingHTTPServer(("127.0.0.1", 0), NodeOfAnotherChain) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_a_node_of_another_chain_is_refused_before_the_database_is_touched(
    shared_shop: Shop, other_node: str, tmp_path: Path
) -> None:
    settings = {
        "EARNEST_DATA_DIR": str(tmp_path),
        "EARNEST_DEPLOYMENTS_DIR": str(shared_shop.stack.data_dir / "deployments"),
        "EARNEST_SECRET_KEY": (shared_shop.stack.data_dir / "secret.key").read_text(),
        "EARNEST_PORT": "0",
    }
    said = earnest("serve", "--rpc-url", other_node, env=settings)
    said.refuses(1, other_node.removeprefix("http://"), f"is on chain {OTHER_CHAIN}; configured is chain 31337")
    assert list(tmp_path.iterdir()) == []


def sync(shop: Shop) -> dict[str, Any]:
    """Return how far the service says that it is."""
    return dict(shop.get("/health/sync").json()["chains"][0])


def wait_error(shop: Shop, words: str) -> str:
    """Wait until the follower says what stands in its way."""

    def look() -> str | None:
        error = sync(shop)["error"]
        return error if error and words in error else None

    return until(look, words)


def test_a_late_chain_is_waited_for_and_a_wiped_one_is_never_believed(tmp_path: Path) -> None:
    """One story, since it takes a stack of its own: each part needs the chain as the one before left it."""
    stack = LocalStack(tmp_path)
    try:
        with WebhookReceiver() as receiver:
            stack.start_chain()
            stack.install_contract()
            assert stack.chain is not None
            stack.chain.stop()
            stack.start_service()
            with closing(Shop(stack, receiver)) as shop:
                a_chain_that_is_down_is_waited_for(shop)
                a_token_without_code_is_refused(shop)
                a_wiped_chain_stops_the_follower(shop)
    finally:
        stack.stop()


def a_chain_that_is_down_is_waited_for(shop: Shop) -> None:
    stack = shop.stack
    where = stack.node_url.removeprefix("http://")
    assert f"the node at {where} cannot be reached" == wait_error(shop, "cannot be reached")
    said = stack.service.log_file.read_text()
    assert "the node does not answer yet; waiting for it" in said
    assert where in said
    ready = shop.get("/health/ready")
    assert (ready.status_code, ready.json()["ready"]) == (503, False)
    assert "local: nothing is mirrored yet (not_mirrored)" in ready.json()["reasons"]
    assert shop.get("/health/live").status_code == 200
    told = problem(shop.post("/v1/payments", {"amount": COIN}), 503, "node_unavailable", where, "cannot be reached")
    assert told["retryable"]
    assert shop.ids() == set()

    stack.start_chain()
    stack.wait_caught_up(60.0)
    assert sync(shop)["error"] is None


def a_token_without_code_is_refused(shop: Shop) -> None:
    token = shop.stack.network.tokens[0].address
    code = shop.rpc.call("eth_getCode", [token, "latest"])
    shop.rpc.call("anvil_setCode", [token, "0x"])
    told = problem(
        shop.post("/v1/payments", {"amount": TOKEN}), 422, "token_is_no_contract", f"tUSD ({token})", "31337"
    )
    assert told["param"] == "amount.token"
    assert shop.ids() == set()
    shop.rpc.call("anvil_setCode", [token, code])
    shop.create(TOKEN)


def a_wiped_chain_stops_the_follower(shop: Shop) -> None:
    stack = shop.stack
    assert stack.chain is not None
    delivered, terms = shop.create()
    shop.fund(terms)
    shop.wait_status(delivered, "funded")
    waiting, more = shop.create()
    file = stack.data_dir / "chain.db"

    stack.chain.stop()
    wait_error(shop, "cannot be reached")
    before = stored(shop)
    file.rename(file.with_suffix(".old"))
    stack.start_chain()
    error = wait_error(shop, "another chain, same id")
    assert "chain 31337" in error
    assert "start with" in error
    ready = shop.get("/health/ready")
    assert ready.status_code == 503
    assert [reason for reason in ready.json()["reasons"] if "see /health/sync" in reason]
    assert stored(shop) == before
    assert shop.shown(delivered)["status"] == "funded"
    assert shop.ids() >= {delivered, waiting}
    # There is no escrow on this chain: a tx to its address would succeed and do nothing. So nothing is asked of it.
    escrow, wallet = stack.deployment.address, account_of("buyer").address
    problem(shop.post(f"/v1/payments/{delivered}/confirm_delivery"), 500, "genesis_changed", "another chain, same id")
    problem(
        shop.get(f"/v1/payments/{waiting}/txs/fund?from={wallet}"), 500, "genesis_changed", "another chain, same id"
    )
    with pytest.raises(NoContract, match=escrow):
        shop.fund(more)
    assert shop.get(f"/v1/payments/{delivered}/txs").json()["data"] == []
    check_logs(stack)

    # The old chain is found again, and nothing was lost. (The service would find out by itself within half a minute.)
    stack.service.stop()
    stack.chain.stop()
    file.unlink()
    file.with_suffix(".old").rename(file)
    stack.start_chain()
    stack.start_service()
    stack.wait_caught_up(60.0)
    assert shop.post(f"/v1/payments/{delivered}/confirm_delivery").status_code == 202
    shop.wait_status(delivered, "delivered")
    shop.fund(more)
    shop.wait_status(waiting, "funded")
    check_logs(stack)


def stored(shop: Shop) -> tuple[Any, ...]:
    """Return what the database has of payments, events and blocks."""
    store = open_store(database_url(shop.stack.data_dir))
    try:
        with store.read() as tx:
            page = tx.payments.page(shop.account.id, PaymentFilter(), limit=100)
            chain = shop.stack.network.chain_id
            return page.items, tx.events.canonical(chain, [each.id for each in page.items]), tx.blocks.accepted(chain)
    finally:
        store.close()
