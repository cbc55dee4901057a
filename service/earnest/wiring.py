"""The only place that builds things and opens keys: settings go in, a service that runs comes out."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

import structlog

from earnest import __version__
from earnest.chain.background import in_a_thread
from earnest.chain.endpoints import Endpoints
from earnest.chain.errors import ChainMismatch, KeyUnusable
from earnest.chain.rpc import Rpc
from earnest.escrow.deployment import Deployment, load_deployment
from earnest.payment.errors import Misconfigured, Unavailable
from earnest.settings import Network, Settings

# What takes long to load is loaded by the function that builds it: most commands need one thing of the house, and not
# its web server, its database and its signer.
if TYPE_CHECKING:
    from fastapi import FastAPI

    from earnest.chain.follower import Follower
    from earnest.chain.sender import Sender
    from earnest.chain.signer import LocalSigner
    from earnest.payment.record import Payment
    from earnest.store import Store
    from earnest.store.leading import Led
    from earnest.store.leads import Fence
    from earnest.store.loops import Loop
    from earnest.store.presence import Presence
    from earnest.webhooks.deliver import Deliverer
    from earnest.webhooks.secretbox import SecretBox

log = structlog.get_logger(__name__)


class NotDeployed(Misconfigured):
    """No escrow is recorded for the chain."""

    code = "not_deployed"


class SecretKeyMissing(Misconfigured):
    """Webhook secrets cannot be kept without a key to encrypt them."""

    code = "secret_key_missing"


class NoEndpoint(Misconfigured):
    """No JSON-RPC endpoint was named for the chain."""

    code = "no_endpoint"


class NoOperatorKey(Misconfigured):
    """There is nothing to send with."""

    code = "no_operator_key"


class Job(StrEnum):
    """What a process may do beside answering requests, or instead of it."""

    FOLLOW = "follow"
    """Follow the chain; one process at a time."""
    SEND = "send"
    """Send the operator's txs; one process at a time."""
    DELIVER = "deliver"
    """Deliver webhooks; any number of processes at once."""


@dataclass
class Jobs:
    """Some of the service's jobs, built but not started."""

    loops: list[Loop]
    resources: ExitStack

    def start_loops(self, stop: threading.Event) -> list[threading.Thread]:
        """Start each loop in a thread of its own; they end soon after `stop` is set."""
        from earnest.store.loops import keep_running  # noqa: PLC0415

        threads = [
            threading.Thread(target=keep_running, args=(loop, stop), name=loop.name, daemon=True) for loop in self.loops
        ]
        for thread in threads:
            thread.start()
        return threads

    def close(self) -> None:
        """Leave: close connections, and give back what is led and claimed."""
        self.resources.close()


@dataclass
class Service(Jobs):
    """The whole service, built but not started: the API, and the loops beside it."""

    app: FastAPI


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
        return LocalSigner.from_key(settings.operator_key.get_secret_value())
    return None


def open_secret_box(settings: Settings) -> SecretBox:
    """Open the box for webhook secrets; raises `SecretKeyMissing`."""
    from earnest.webhooks.secretbox import SecretBox  # noqa: PLC0415

    if settings.secret_key is None:
        raise SecretKeyMissing(
            "EARNEST_SECRET_KEY is not set: it encrypts webhook secrets in the database; "
            "make one with `openssl rand -base64 32` and keep it as safe as the database itself"
        )
    return SecretBox(settings.secret_key.get_secret_value())


def open_rpc(network: Network) -> Endpoints:
    """Open the chain's endpoints; raises `NoEndpoint` if none was named."""
    if not network.rpc_urls:
        raise NoEndpoint(f"no endpoint for {network.name}: name one with --rpc-url or EARNEST_RPC_URL")
    alone = len(network.rpc_urls) == 1
    nodes = [Rpc(url, patient=alone) for url in network.rpc_urls]
    return Endpoints(nodes, chain_id=network.chain_id, background=in_a_thread)


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


def build_service(settings: Settings, jobs: Collection[Job] = tuple(Job)) -> Service:
    """Build the service for one chain: the API, and beside it the jobs that this process takes part in.

    Everything that can be wrong with the settings is found here, before anything runs; a node that is down is not: the
    follower and the sender wait for it.

    Raises:
        Misconfigured: any of its leaves, with what the host has to mend.
    """
    with ExitStack() as resources:
        parts = Parts(settings, resources)
        network, secrets, deployment, rpc = parts.network, parts.secrets, parts.deployment, parts.rpc
        parts.signer  # noqa: B018 (what is wrong with the settings is told at once, before anything heavy is loaded)
        from earnest.api import create_app  # noqa: PLC0415
        from earnest.api.services import ChainService, Services  # noqa: PLC0415
        from earnest.chain.proofs.prover import Prover  # noqa: PLC0415

        follower, following = parts.following if Job.FOLLOW in jobs else (None, None)
        sender = parts.sending[0] if parts.sending is not None else None
        chain = ChainService(
            network=network,
            escrow=deployment.address,
            rpc=rpc,
            sender=sender,
            follower_status=lambda: follower.status() if follower and following and following.leads else None,
            deployed_at_block=deployment.block_number,
            sender_status=sender.status if sender is not None and Job.SEND in jobs else None,
            prover=Prover(rpc),
        )
        services = Services(
            store=parts.store,
            chains={network.chain_id: chain},
            default_chain_id=network.chain_id,
            secrets=secrets,
            clock=wall_clock,
            public_url=settings.base_url(),
            allow_private=settings.webhooks_allow_private,
            version=__version__,
        )
        return Service(parts.loops(jobs), resources.pop_all(), create_app(services))


def build_jobs(settings: Settings, jobs: Collection[Job]) -> Jobs:
    """Build some of the service's jobs without the API; only what they need is opened.

    Raises:
        Misconfigured: any of its leaves, with what the host has to mend.
    """
    with ExitStack() as resources:
        return Jobs(Parts(settings, resources).loops(jobs), resources.pop_all())


class Parts:
    """What the service is made of: each part is built when it is first asked for, and all are closed together."""

    def __init__(self, settings: Settings, resources: ExitStack) -> None:
        self._settings, self._resources = settings, resources

    def loops(self, jobs: Collection[Job]) -> list[Loop]:
        """Return the loops of these jobs.

        Raises:
            NoOperatorKey: sending is all that was asked for, and there is no key.
        """
        from earnest.store.loops import Loop  # noqa: PLC0415

        loops: list[Loop] = []
        if Job.DELIVER in jobs:
            loops.append(Loop(Job.DELIVER, self.deliverer.run))
        if Job.FOLLOW in jobs:
            loops.append(self.following[1].loop)
        if Job.SEND in jobs and self.sending is not None:
            loops.append(self.sending[1].loop)
        if not loops and Job.SEND in jobs:
            raise NoOperatorKey(
                "no operator's key is set, so there is nothing to send: set EARNEST_OPERATOR_KEYSTORE with "
                "EARNEST_OPERATOR_KEYSTORE_PASSWORD, or EARNEST_OPERATOR_KEY"
            )
        return loops

    @cached_property
    def network(self) -> Network:
        """The chain, with its endpoints."""
        return self._settings.chosen_network()

    @cached_property
    def secrets(self) -> SecretBox:
        """The box for webhook secrets."""
        return open_secret_box(self._settings)

    @cached_property
    def signer(self) -> LocalSigner | None:
        """The operator's key."""
        return open_signer(self._settings)

    @cached_property
    def deployment(self) -> Deployment:
        """The escrow."""
        return recorded_deployment(self._settings, self.network)

    @cached_property
    def rpc(self) -> Endpoints:
        """The chain's endpoints."""
        rpc = open_rpc(self.network)
        self._resources.callback(rpc.close)
        check_chain(rpc, self.network)
        return rpc

    @cached_property
    def store(self) -> Store:
        """The database; an SQLite file is this process' alone from here on."""
        store = open_database(self._settings)
        self._resources.callback(store.close)
        if store.takes_one_process:
            self._resources.enter_context(store.lock("serve"))
        return store

    @cached_property
    def presence(self) -> Presence:
        """This process among those on the database."""
        from earnest.store.presence import Presence  # noqa: PLC0415

        return self._resources.enter_context(Presence(self.store))

    @cached_property
    def following(self) -> tuple[Follower, Led]:
        """The follower of the chain, and who may run it."""
        from earnest.store.leading import Led  # noqa: PLC0415
        from earnest.store.leads import Fence, follow_lead  # noqa: PLC0415

        fence = Fence()
        follower = _follower(self._settings, self.store, self.rpc, self.network, self.deployment, fence)
        name = follow_lead(self.network.chain_id)
        return follower, Led(self.presence, name, follower.run, fence=fence, status=follower.status)

    @cached_property
    def sending(self) -> tuple[Sender, Led] | None:
        """The sender of the operator's txs, and who may run it; None without a key."""
        from earnest.store.leading import Led  # noqa: PLC0415
        from earnest.store.leads import Fence, send_lead  # noqa: PLC0415

        fence = Fence()
        sender = _sender(self._settings, self.store, self.rpc, self.network, self.signer, fence)
        if sender is None:
            return None
        name = send_lead(self.network.chain_id, sender.address)
        return sender, Led(self.presence, name, sender.run, fence=fence, status=sender.status)

    @cached_property
    def deliverer(self) -> Deliverer:
        """Who delivers webhooks; any number may at once."""
        from earnest.webhooks.deliver import Deliverer  # noqa: PLC0415
        from earnest.webhooks.post import Poster  # noqa: PLC0415

        poster = Poster(allow_private=self._settings.webhooks_allow_private, may_send=self.presence.alive)
        return Deliverer(self.store, self.secrets, poster, wall_clock, presence=self.presence)


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


def _follower(
    settings: Settings, store: Store, rpc: Endpoints, network: Network, deployment: Deployment, fence: Fence
) -> Follower:
    from earnest.chain.follower import Follower  # noqa: PLC0415
    from earnest.mirror import ChainMirror  # noqa: PLC0415
    from earnest.payment.uri import checkout_url  # noqa: PLC0415

    def where_to_pay(payment: Payment) -> str:
        return checkout_url(settings.base_url(), payment.id)

    mirror = ChainMirror(
        store,
        network.chain_id,
        deployment.address,
        network.token_at,
        wall_clock,
        checkout_url=where_to_pay,
        fence=fence,
    )
    return Follower(
        rpc,
        mirror,
        chain_id=network.chain_id,
        escrow=deployment.address,
        deployed_at_block=deployment.block_number,
        finality=network.finality,
        poll_seconds=network.poll_seconds,
        ahead=in_a_thread,
    )


def _sender(
    settings: Settings, store: Store, rpc: Endpoints, network: Network, signer: LocalSigner | None, fence: Fence
) -> Sender | None:
    from earnest.chain.sender import Sender  # noqa: PLC0415
    from earnest.commands.journal import StoreJournal  # noqa: PLC0415
    from earnest.escrow.reverts import explain_revert  # noqa: PLC0415

    if signer is None:
        log.warning("no operator's key: this service can neither confirm deliveries nor refund")
        return None
    return Sender(
        rpc,
        StoreJournal(store, network.chain_id, signer.address, wall_clock, fence=fence),
        signer,
        chain_id=network.chain_id,
        finality=network.finality,
        max_fee_cap_wei=settings.max_fee_gwei * 10**9,
        poll_seconds=network.poll_seconds,
        explain=explain_revert,
    )
