"""The whole house on this machine: chain, contract and service as real processes, for demos, shops' tests and our own.

The chain and the service are children of whoever holds the stack; each can be stopped, killed and started again, and
finds its files where it left them.
"""

from __future__ import annotations

import base64
import os
import secrets
import ssl
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import httpx

from earnest.chain.signer import LocalSigner
from earnest.escrow.deploy import deploy
from earnest.escrow.deployment import Deployment
from earnest.localnet.accounts import DevAccount, dev_accounts
from earnest.localnet.tokens import install_test_tokens
from earnest.settings import Network, load_network
from earnest.testing.processes import Child, ChildFailed, free_port, refuse_taken_port

START_SECONDS = 60.0
"""A cold start imports py-evm on a slow disk; what takes longer is broken."""
NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Nothing here speaks TLS. By default httpx would load the well-known authorities for each look whether a child is
ready, 50 ms of work beside the child that is starting."""


@dataclass
class LocalStack:
    """A chain, the escrow on it, and the service.

    Args:
        data_dir: the folder with all files of the stack; made if it is missing.
        rpc_url: another node (anvil, say) instead of the embedded chain.
        database_url: another database than the SQLite file in the folder.
        chain_port, api_port: 0 picks free ones, which stay the same over restarts.
    """

    data_dir: Path
    rpc_url: str | None = None
    database_url: str | None = None
    chain_port: int = 0
    api_port: int = 0
    chain: Child | None = field(init=False, default=None)
    service: Child = field(init=False)
    deployment: Deployment = field(init=False)

    def __post_init__(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        if self.rpc_url is None:
            self.chain_port = self.chain_port or free_port()
            self.rpc_url = f"http://127.0.0.1:{self.chain_port}"
            chain = ["earnest.cli", "chain", "--port", str(self.chain_port)]
            self.chain = Child("the chain", chain, *self.child_settings("chain"))
        self.api_port = self.api_port or free_port()
        serve = ["earnest.cli", "serve", "--port", str(self.api_port)]
        self.service = Child("the service", serve, *self.child_settings("serve"))

    @property
    def api_url(self) -> str:
        """Where the service answers."""
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def node_url(self) -> str:
        """Where the chain answers."""
        return str(self.rpc_url)

    @property
    def network(self) -> Network:
        """The chain's description."""
        return load_network("local")

    @property
    def operator(self) -> DevAccount:
        """The account whose key the service sends with."""
        return dev_accounts()[1]

    def start(self) -> None:
        """Start what is not running: the chain, the contract on it, the service."""
        self.start_chain()
        self.install_contract()
        self.start_service()

    def start_chain(self) -> None:
        """Start the embedded chain and wait until it answers; nothing to do for another node."""
        if self.chain is not None and not self.chain.running:
            refuse_taken_port(self.chain_port, "--chain-port")
            self.chain.start()
            self.chain.wait_ready(self._node_answers, START_SECONDS)

    def install_contract(self) -> None:
        """Deploy the escrow where it is not there yet, and the test tokens on a node that lacks them."""
        install_test_tokens(self.node_url)
        deployer = LocalSigner.from_key(dev_accounts()[0].private_key).account
        folder = self.data_dir / "deployments"
        self.deployment = deploy(self.node_url, deployer, self.network.chain_id, lambda _plan: True, folder)

    def start_service(self) -> None:
        """Start the service and wait until it answers."""
        if not self.service.running:
            refuse_taken_port(self.api_port, "--api-port")
            self.service.start()
            self.service.wait_ready(self._service_answers, START_SECONDS)

    def stop(self) -> None:
        """End the service, then the chain, in good order."""
        self.service.stop()
        if self.chain is not None:
            self.chain.stop()

    def check_running(self) -> None:
        """Raise `ChildFailed` if chain or service ended by itself."""
        for child in (self.chain, self.service):
            if child is not None and not child.running:
                raise ChildFailed(f"{child.name} ended; the last of {child.log_file}:\n{child.tail()}")

    def wait_up(self) -> None:
        """Wait until chain and service answer, as after a restart; raises `ChildFailed`."""
        if self.chain is not None:
            self.chain.wait_ready(self._node_answers, START_SECONDS)
        self.service.wait_ready(self._service_answers, START_SECONDS)

    def wait_caught_up(self, timeout_seconds: float = 30.0) -> None:
        """Wait until the service says that it follows the chain; raises `TimeoutError`."""
        deadline = time.monotonic() + timeout_seconds
        while not self._answers(f"{self.api_url}/health/ready"):
            if time.monotonic() > deadline:
                raise TimeoutError("the service does not say that it is ready")
            time.sleep(0.05)

    def child_settings(self, log_name: str) -> tuple[Path, dict[str, str]]:
        """Return the log file and the environment of one more child of this stack (a second service, say)."""
        settings = {
            "EARNEST_DATA_DIR": str(self.data_dir.absolute()),
            "EARNEST_NETWORK": "local",
            "EARNEST_RPC_URL": self.node_url,
            "EARNEST_SECRET_KEY": secret_key(self.data_dir / "secret.key"),
            "EARNEST_OPERATOR_KEY": self.operator.private_key,
            "EARNEST_WEBHOOKS_ALLOW_PRIVATE": "true",
        }
        if self.database_url:
            settings["EARNEST_DATABASE_URL"] = self.database_url
        return self.data_dir / "logs" / f"{log_name}.log", settings

    def _node_answers(self) -> bool:
        ask = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
        try:
            return httpx.post(self.node_url, json=ask, timeout=2.0, trust_env=False, verify=NO_AUTHORITIES).is_success
        except httpx.TransportError:
            return False

    def _service_answers(self) -> bool:
        return self._answers(f"{self.api_url}/health/live")

    def _answers(self, url: str) -> bool:
        try:
            return httpx.get(url, timeout=2.0, trust_env=False, verify=NO_AUTHORITIES).is_success
        except httpx.TransportError:
            return False

    def __enter__(self) -> LocalStack:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def secret_key(path: Path) -> str:
    """Return the key in `path`, making one (mode 0600) if there is none: for the developer's stack only."""
    if not path.exists():
        write_private(path, base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())
    return path.read_text().strip()


def write_private(path: Path, text: str) -> None:
    """Write a new file that its owner alone can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
