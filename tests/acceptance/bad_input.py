"""What the tests of bad input share: the command as a child, how an answer must look, and a shop that goes on."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import httpx

from earnest.chain.rpc import Rpc
from earnest.chain.signer import LocalSigner
from earnest.chain.wallet import Wallet
from earnest.cli.demo.run import account_of, sample_merchant
from earnest.escrow import txs
from earnest.escrow.reverts import explain_revert
from earnest.payment.primitives import ZERO_ADDRESS, ZERO_HASH, Address, Hash32
from earnest.payment.representation import parse_terms
from earnest.payment.terms import Terms, payment_id
from earnest.testing.processes import free_port
from earnest.testing.stack import LocalStack
from earnest.testing.webhook_receiver import WebhookReceiver
from tests.acceptance import forked

T = TypeVar("T")

TRACE = "Traceback (most recent call last)"
TIMEOUT_SECONDS = 120
"""A command that refuses takes two seconds; this is for a machine that is busy with something else."""
PATIENCE_SECONDS = 60.0
COIN = {"value": "0.01", "token": "ETH"}
AS_ANYBODY = """
import ctypes, os, sys
for capability in (1, 2):  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, of linux/capability.h
    assert ctypes.CDLL(None).prctl(24, capability, 0, 0, 0) == 0  # PR_CAPBSET_DROP, of linux/prctl.h
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
"""Runs Python without root's right to write what nobody may write, so that a read-only file is one for root too."""


@dataclass(frozen=True)
class Said:
    """What a command said before it ended."""

    status: int
    out: str
    err: str

    def refuses(self, status: int, *words: str) -> None:
        """Check that it ended with this status and one sentence that holds these words, and without a stack trace."""
        assert TRACE not in self.out + self.err
        assert self.status == status, self.out + self.err
        assert self.out == ""
        errors = [line for line in self.err.splitlines() if line.startswith("error ")]
        assert len(errors) == 1, self.err
        for word in words:
            assert word in errors[0]


def earnest(
    *arguments: str, env: Mapping[str, str] | None = None, cwd: Path | None = None, obey_permissions: bool = False
) -> Said:
    """Run `earnest` to its end.

    Args:
        arguments: what stands after the command's name.
        env: the settings, on top of our environment without any `EARNEST_…`.
        cwd: where it runs.
        obey_permissions: as root, give up root's right to write what nobody may write.
    """
    ours = {name: value for name, value in os.environ.items() if not name.startswith("EARNEST_")}
    settings = {**ours, **(env or {})}
    if obey_permissions and os.geteuid() == 0:
        return _started(arguments, settings, cwd)
    with tempfile.TemporaryDirectory() as scratch:
        return Said(*forked.run(arguments, settings, cwd or Path.cwd(), Path(scratch), TIMEOUT_SECONDS))


def _started(arguments: tuple[str, ...], env: Mapping[str, str], cwd: Path | None) -> Said:
    done = subprocess.run(
        [sys.executable, "-c", AS_ANYBODY, "-m", "earnest.cli", *arguments],
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def problem(answer: httpx.Response, status: int, code: str, *words: str) -> dict[str, Any]:
    """Check that the API refused with these problem details, and return them."""
    assert answer.headers["Content-Type"] == "application/problem+json", answer.text
    told: dict[str, Any] = answer.json()
    assert (answer.status_code, told["code"]) == (status, code), told
    assert TRACE not in answer.text
    for word in words:
        assert word in told["detail"], told
    return told


def until(look: Callable[[], T | None], what: str, patience_seconds: float = PATIENCE_SECONDS) -> T:
    """Wait until there is something, and return it."""
    deadline = time.monotonic() + patience_seconds
    while (found := look()) is None:
        assert time.monotonic() < deadline, f"waited {patience_seconds:.0f} s in vain for {what}"
        time.sleep(0.05)
    return found


class Shop:
    """A merchant on a stack: his API, his webhooks, the wallets of those who pay, and the chain itself."""

    def __init__(self, stack: LocalStack, receiver: WebhookReceiver) -> None:
        """Open the account; the stack's service runs already."""
        self.stack, self.receiver = stack, receiver
        self.account = sample_merchant(stack)
        self.http = self.as_key(self.account.api_key)
        self.rpc = Rpc(stack.node_url)
        self.receiver.trust(self.post("/v1/webhook_endpoints", {"url": receiver.url}).json()["secret"])

    def as_key(self, api_key: str) -> httpx.Client:
        """Return a client that asks with some key."""
        headers = {"Authorization": f"Bearer {api_key}"}
        return httpx.Client(base_url=self.stack.api_url, headers=headers, timeout=30.0, trust_env=False)

    def close(self) -> None:
        """Close what was opened here."""
        self.http.close()
        self.rpc.close()

    # By the API.

    def get(self, path: str) -> httpx.Response:
        """Ask."""
        return self.http.get(path)

    def post(self, path: str, body: dict[str, Any] | None = None, **headers: str) -> httpx.Response:
        """Ask for something."""
        return self.http.post(path, json=body or {}, headers=headers)

    def create(self, amount: dict[str, str] | None = None, **terms: Any) -> tuple[Hash32, Terms]:
        """Create a payment; returns its id and terms."""
        answer = self.post("/v1/payments", {"amount": amount or COIN, **terms})
        assert answer.status_code == 201, answer.text
        return Hash32(answer.json()["id"]), parse_terms(answer.json()["terms"])

    def shown(self, payment: Hash32) -> dict[str, Any]:
        """Return a payment as the merchant sees it."""
        answer = self.get(f"/v1/payments/{payment}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def wait_status(self, payment: Hash32, status: str) -> dict[str, Any]:
        """Wait until the mirror says so."""
        return self.wait_shown(payment, f"status {status}", lambda told: bool(told["status"] == status))

    def wait_shown(self, payment: Hash32, what: str, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until the merchant sees something of a payment, and return all that he sees."""

        def look() -> dict[str, Any] | None:
            told = self.shown(payment)
            return told if is_so(told) else None

        return until(look, what)

    def ids(self) -> set[Hash32]:
        """Return the ids of all payments of the merchant."""
        page = self.get("/v1/payments?limit=100").json()
        assert not page["has_more"]
        return {Hash32(each["id"]) for each in page["data"]}

    # By the chain.

    def wallet(self, role: str) -> Wallet:
        """Return the wallet of somebody."""
        return Wallet(self.rpc, LocalSigner.from_key(account_of(role).private_key), explain=explain_revert)

    def fund_tx(self, terms: Terms, *, by: str = "buyer", value: int | None = None) -> txs.UnsignedTx:
        """Return the tx that funds, with another value than the right one if one is given."""
        buyer = Address(account_of(by).address)
        tx = txs.fund(self.stack.deployment.address, self.stack.network.chain_id, terms, buyer)
        return tx if value is None else replace(tx, value=value)

    def fund(self, terms: Terms) -> None:
        """Pay into the escrow, in coin."""
        self.wallet("buyer").send(self.fund_tx(terms))

    def id_of(self, terms: Terms) -> Hash32:
        """Return the id that follows from some terms here."""
        return payment_id(terms, self.stack.network.chain_id, self.stack.deployment.address)

    def held(self, token: Address = ZERO_ADDRESS) -> int:
        """Return the coin that the escrow holds."""
        assert token == ZERO_ADDRESS
        return self.rpc.balance(self.stack.deployment.address)

    def chain_time(self) -> int:
        """Return the newest block's time."""
        return int(self.rpc.call("eth_getBlockByNumber", ["latest", False])["timestamp"], 16)

    def travel(self, seconds: int) -> None:
        """Move the chain's clock; it runs ahead of ours where blocks come fast, so that once may not be enough."""
        target = self.chain_time() + seconds
        while (now := self.chain_time()) < target:
            self.rpc.call("evm_increaseTime", [target - now])
            self.rpc.call("evm_mine")

    # Nothing is lost.

    def check_goes_on(self) -> None:
        """Check that the service is ready, and that neither it nor the chain left a stack trace in its log."""
        self.stack.wait_caught_up(PATIENCE_SECONDS)
        check_logs(self.stack)


def check_logs(stack: LocalStack) -> None:
    """Check that no process of the stack left a stack trace in its log."""
    for log in (stack.data_dir / "logs").glob("*.log"):
        assert TRACE not in log.read_text(), log.read_text()[-4_000:]


def database_url(data_dir: Path) -> str:
    """Return the URL of a stack's SQLite file."""
    return f"sqlite:///{data_dir / 'earnest.db'}"


def good_settings(data_dir: Path) -> dict[str, str]:
    """Return settings with which `serve` would start, on a node that is down; one thing is then made wrong.

    An escrow is recorded in the folder, as if it had been deployed.
    """
    deployments = data_dir / "deployments"
    deployments.mkdir()
    record = {
        "chain_id": 31337,
        "genesis_hash": ZERO_HASH,
        "address": account_of("anyone").address,
        "method": "create",
        "salt": None,
        "constructor_args": [],
        "artifact_hash": ZERO_HASH,
        "tx_hash": None,
        "block_number": 1,
        "block_hash": ZERO_HASH,
        "deployer": None,
    }
    (deployments / "31337.json").write_text(json.dumps(record))
    return {
        "EARNEST_DATA_DIR": str(data_dir),
        "EARNEST_SECRET_KEY": base64.b64encode(bytes(range(32))).decode(),
        "EARNEST_RPC_URL": f"http://127.0.0.1:{free_port()}",
        "EARNEST_PORT": "0",
    }
