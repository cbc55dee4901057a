"""Opens what the settings name, and keys: here and nowhere else."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import structlog

from earnest.chain.background import in_a_thread
from earnest.chain.endpoints import Endpoints
from earnest.chain.errors import ChainMismatch, KeyUnusable, RpcError
from earnest.chain.heads import Heads, Polling
from earnest.chain.rpc import Rpc
from earnest.chain.subscription import Subscription
from earnest.escrow.deployment import Deployment, load_deployment
from earnest.payment.errors import Misconfigured, Unavailable
from earnest.settings import Network, Settings

# What takes long to load is loaded by the function that builds it: most commands need one thing of the house, and not
# its web server, its database and its signer.
if TYPE_CHECKING:
    from earnest.chain.signer import LocalSigner
    from earnest.store import Store
    from earnest.webhooks.secretbox import SecretBox

log = structlog.get_logger(__name__)

REACH_SECONDS: Final = 4.0
"""How long a command waits for each node's first answer; one that is well gives it in a tenth of that."""


class NotDeployed(Misconfigured):
    """No escrow is recorded for the chain."""

    code = "not_deployed"


class SecretKeyMissing(Misconfigured):
    """Webhook secrets cannot be kept without a key to encrypt them."""

    code = "secret_key_missing"


class NoEndpoint(Misconfigured):
    """No JSON-RPC endpoint was named for the chain."""

    code = "no_endpoint"


class NodeUnreachable(Unavailable):
    """No endpoint of the chain answers."""

    code = "node_unreachable"

    def __init__(self, network: str, problems: Sequence[str]) -> None:
        super().__init__(
            f"no node of {network} answers: {'; '.join(problems)}. Is it up, and does the URL lead to a node's "
            "JSON-RPC (--rpc-url, EARNEST_RPC_URL)?"
        )


class NoOperatorKey(Misconfigured):
    """There is nothing to send with."""

    code = "no_operator_key"


def open_database(settings: Settings) -> Store:
    """Open the database and bring its schema up to date.

    Raises:
        SchemaTooNew: a newer version of Earnest wrote it.
        DatabaseReadOnly, DatabaseMissing, NotADatabase, DatabaseUnavailable: as named.
    """
    from earnest.store import open_store  # noqa: PLC0415

    if settings.database_url is None:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    store = open_store(settings.database())
    try:
        store.upgrade()
        store.check()
    except BaseException:
        store.close()
        raise
    return store


def open_signer(settings: Settings) -> LocalSigner | None:
    """Open the operator's key; None if the host gave none, and then nothing can be sent from here.

    Raises:
        WrongPassword, NotAKeystore, KeyUnusable: as named.
    """
    from earnest.chain.signer import LocalSigner  # noqa: PLC0415

    if settings.operator_keystore is not None:
        password = settings.operator_keystore_password
        if password is None:
            raise KeyUnusable("EARNEST_OPERATOR_KEYSTORE needs EARNEST_OPERATOR_KEYSTORE_PASSWORD beside it")
        return LocalSigner.from_keystore(settings.operator_keystore, password.get_secret_value())
    if settings.operator_key is not None:
        try:
            return LocalSigner.from_key(settings.operator_key.get_secret_value())
        except KeyUnusable as error:
            raise KeyUnusable(f"EARNEST_OPERATOR_KEY: {error}") from None
    return None


def open_secret_box(settings: Settings) -> SecretBox:
    """Open the box for webhook secrets; raises `SecretKeyMissing`."""
    from earnest.webhooks.secretbox import SecretBox  # noqa: PLC0415

    return SecretBox(_secret_key(settings))


def open_secret_keys(settings: Settings) -> list[bytes]:
    """Return the keys themselves, for backups; the first one seals. Raises `SecretKeyMissing`, `InvalidSecretKey`."""
    from earnest.webhooks.secretbox import read_keys  # noqa: PLC0415

    return read_keys(_secret_key(settings))


def _secret_key(settings: Settings) -> str:
    if settings.secret_key is None:
        raise SecretKeyMissing(
            "EARNEST_SECRET_KEY is not set: it encrypts webhook secrets in the database, and backups; "
            "make one with `openssl rand -base64 32` and keep it as safe as the database itself"
        )
    return settings.secret_key.get_secret_value()


def open_rpc(network: Network) -> Endpoints:
    """Open the chain's endpoints; raises `NoEndpoint` if none was named."""
    if not network.rpc_urls:
        raise NoEndpoint(f"no endpoint for {network.name}: name one with --rpc-url or EARNEST_RPC_URL")
    alone = len(network.rpc_urls) == 1
    nodes = [Rpc(url, patient=alone) for url in network.rpc_urls]
    return Endpoints(nodes, chain_id=network.chain_id, background=in_a_thread)


def reach_node(network: Network) -> Endpoints:
    """Open the chain's endpoints for a command that does one thing, once it is known that one of them answers.

    The service waits for a node that is down, for as long as it takes; a person who typed a wrong URL does not.

    Raises:
        NoEndpoint: none was named.
        ChainMismatch: those that answer are on another chain.
        NodeUnreachable: none answers within seconds; says what each did.
    """
    problems: list[str] = []
    mismatch: ChainMismatch | None = None
    open_rpc(network).close()  # a URL that is none is told as such
    for url in network.rpc_urls:
        probe = Rpc(url, timeout_seconds=REACH_SECONDS, retries=0)
        try:
            actual = probe.chain_id()
        except (Unavailable, RpcError) as error:
            problems.append(str(error))
            continue
        finally:
            probe.close()
        if actual == network.chain_id:
            return open_rpc(network)
        mismatch = mismatch or ChainMismatch(probe.endpoint, network.chain_id, actual)
    raise mismatch or NodeUnreachable(network.name, problems)


def open_heads(settings: Settings, network: Network) -> Heads:
    """Return who tells of new heads; nothing is connected before somebody waits for them. Raises `BadNodeUrl`."""
    urls = settings.heads_urls(network)
    return Subscription(urls, chain_id=network.chain_id) if urls else Polling()


def recorded_deployment(settings: Settings, network: Network) -> Deployment:
    """Return the escrow that is recorded for the chain; raises `NotDeployed`."""
    folder = settings.deployments(network)
    deployment = load_deployment(folder, network.chain_id)
    if deployment is None:
        raise NotDeployed(
            f"no escrow is recorded for {network.name} (chain {network.chain_id}) in {folder}; "
            f"run: earnest deploy --network {network.name}"
        )
    return deployment


def check_chain(rpc: Endpoints, network: Network) -> None:
    """Check that the node, if it answers, is on the chain that was configured; raises `ChainMismatch`."""
    try:
        actual = rpc.chain_id()
    except Unavailable as error:
        log.warning("the node does not answer yet; waiting for it", network=network.name, error=str(error))
        return
    if actual != network.chain_id:
        raise ChainMismatch(rpc.endpoint, network.chain_id, actual)


def wall_clock() -> int:
    """Return wall time in Unix seconds."""
    return int(time.time())
