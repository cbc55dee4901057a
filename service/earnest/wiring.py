"""The only place that builds things and opens keys: settings go in, a service that runs comes out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from earnest import __version__
from earnest.chain.errors import ChainMismatch, KeyUnusable
from earnest.chain.rpc import Rpc
from earnest.escrow.deployment import Deployment, load_deployment
from earnest.payment.errors import EarnestError, Misconfigured, Unavailable
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
    from earnest.webhooks.secretbox import SecretBox

log = structlog.get_logger(__name__)

STAND_BY_SECONDS = 1.0
"""How often a process that does not lead asks whether it may."""
WATCH_SECONDS = 1.0
"""How often a process that leads makes sure that it still does."""
MEND_SECONDS = 15.0
"""How long a loop rests that something stopped which only the host can mend (a node on another chain, say)."""
RESTART_SECONDS = 2.0
"""How long a loop that fell over by a fault of ours rests before it is started again."""


class NotDeployed(Misconfigured):
    """No escrow is recorded for the chain."""

    code = "not_deployed"


class SecretKeyMissing(Misconfigured):
    """Webhook secrets cannot be kept without a key to encrypt them."""

    code = "secret_key_missing"


class NoEndpoint(Misconfigured):
    """No JSON-RPC endpoint was named for the chain."""

    code = "no_endpoint"


@dataclass(frozen=True)
class Loop:
    """One of the service's jobs that run for as long as it does."""

    name: str
    run: Callable[[threading.Event], None]


class Led:
    """A job that one process at a time may run; where several share a database, the others stand by.

    Args:
        store: holds the lock.
        name: of the lock and of the loop.
        run: the job; runs until it is told to stop.
    """

    def __init__(self, store: Store, name: str, run: Callable[[threading.Event], None]) -> None:
        self._store, self._name, self._run = store, name, run
        self.leads = store.takes_one_process
        """Whether this process runs it now."""

    @property
    def loop(self) -> Loop:
        """The loop to be started."""
        return Loop(self._name, self._run if self._store.takes_one_process else self._lead)

    def _lead(self, stop: threading.Event) -> None:
        from earnest.store.errors import LockTaken  # noqa: PLC0415

        while not stop.is_set():
            try:
                with self._store.lock(self._name) as held:
                    log.info("leads", loop=self._name)
                    self._run_while(held, stop)
            except LockTaken:
                pass
            stop.wait(STAND_BY_SECONDS)

    def _run_while(self, held: Callable[[], bool], stop: threading.Event) -> None:
        """Run the job until told to stop, or until the lock is lost: then another process may lead already."""
        over = threading.Event()

        def watch() -> None:
            while not over.is_set():
                if stop.wait(WATCH_SECONDS):
                    over.set()
                elif not over.is_set() and not held():
                    log.warning("lost the lead: the connection that held the lock ended", loop=self._name)
                    over.set()

        watcher = threading.Thread(target=watch, name=f"{self._name}-watch", daemon=True)
        watcher.start()
        self.leads = True
        try:
            self._run(over)
        finally:
            self.leads = False
            over.set()
            watcher.join()


@dataclass
class Service:
    """The whole service, built but not started: the API, and the loops beside it."""

    app: FastAPI
    loops: list[Loop]
    resources: ExitStack

    def start_loops(self, stop: threading.Event) -> list[threading.Thread]:
        """Start each loop in a thread of its own; they end soon after `stop` is set."""
        threads = [
            threading.Thread(target=_keep_running, args=(loop, stop), name=loop.name, daemon=True)
            for loop in self.loops
        ]
        for thread in threads:
            thread.start()
        return threads

    def close(self) -> None:
        """Close connections and give back locks."""
        self.resources.close()


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


def open_rpc(network: Network) -> Rpc:
    """Open the chain's endpoint; raises `NoEndpoint` if none was named."""
    if not network.rpc_urls:
        raise NoEndpoint(f"no endpoint for {network.name}: name one with --rpc-url or EARNEST_RPC_URL")
    return Rpc(network.rpc_urls[0])


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


def build_service(settings: Settings) -> Service:
    """Build the service for one chain.

    Everything that can be wrong with the settings is found here, before anything runs; a node that is down is not: the
    follower and the sender wait for it.

    Raises:
        Misconfigured: any of its leaves, with what the host has to mend.
    """
    network = settings.chosen_network()
    secrets = open_secret_box(settings)
    signer = open_signer(settings)
    deployment = recorded_deployment(settings, network)
    rpc = open_rpc(network)
    check_chain(rpc, network)
    # Only now: what is wrong with the settings is told at once.
    from earnest.api import create_app  # noqa: PLC0415
    from earnest.api.services import ChainService, Services  # noqa: PLC0415
    from earnest.webhooks.deliver import Deliverer  # noqa: PLC0415
    from earnest.webhooks.post import Poster  # noqa: PLC0415

    with ExitStack() as resources:
        resources.callback(rpc.close)
        store = open_database(settings)
        resources.callback(store.close)
        if store.takes_one_process:
            resources.enter_context(store.lock("serve"))
            with store.transaction() as tx:
                tx.outbox.release_claims()
        follower = _follower(settings, store, rpc, network, deployment)
        following = Led(store, f"follow-{network.chain_id}", follower.run)
        sender = _sender(settings, store, rpc, network, signer)
        deliverer = Deliverer(store, secrets, Poster(allow_private=settings.webhooks_allow_private), wall_clock)
        chain = ChainService(
            network=network,
            escrow=deployment.address,
            rpc=rpc,
            sender=sender,
            follower_status=lambda: follower.status() if following.leads else None,
            deployed_at_block=deployment.block_number,
            sender_status=sender.status if sender is not None else None,
        )
        services = Services(
            store=store,
            chains={network.chain_id: chain},
            default_chain_id=network.chain_id,
            secrets=secrets,
            clock=wall_clock,
            public_url=settings.base_url(),
            allow_private=settings.webhooks_allow_private,
            version=__version__,
        )
        loops = [Loop("deliver", deliverer.run), following.loop]
        if sender is not None:
            loops.append(Led(store, f"send-{network.chain_id}-{sender.address}", sender.run).loop)
        return Service(create_app(services), loops, resources.pop_all())


def check_chain(rpc: Rpc, network: Network) -> None:
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


def _follower(settings: Settings, store: Store, rpc: Rpc, network: Network, deployment: Deployment) -> Follower:
    from earnest.chain.follower import Follower  # noqa: PLC0415
    from earnest.mirror import ChainMirror  # noqa: PLC0415
    from earnest.payment.uri import checkout_url  # noqa: PLC0415

    def where_to_pay(payment: Payment) -> str:
        return checkout_url(settings.base_url(), payment.id)

    mirror = ChainMirror(
        store, network.chain_id, deployment.address, network.token_at, wall_clock, checkout_url=where_to_pay
    )
    return Follower(
        rpc,
        mirror,
        chain_id=network.chain_id,
        escrow=deployment.address,
        deployed_at_block=deployment.block_number,
        finality=network.finality,
        poll_seconds=network.poll_seconds,
    )


def _sender(settings: Settings, store: Store, rpc: Rpc, network: Network, signer: LocalSigner | None) -> Sender | None:
    from earnest.chain.sender import Sender  # noqa: PLC0415
    from earnest.commands.journal import StoreJournal  # noqa: PLC0415
    from earnest.escrow.reverts import explain_revert  # noqa: PLC0415

    if signer is None:
        log.warning("no operator's key: this service can neither confirm deliveries nor refund")
        return None
    return Sender(
        rpc,
        StoreJournal(store, network.chain_id, signer.address, wall_clock),
        signer,
        chain_id=network.chain_id,
        finality=network.finality,
        max_fee_cap_wei=settings.max_fee_gwei * 10**9,
        poll_seconds=network.poll_seconds,
        explain=explain_revert,
    )


def _keep_running(loop: Loop, stop: threading.Event) -> None:
    """Run a loop until told to stop, and start it anew whatever ends it before: none is ever left dead."""
    while not stop.is_set():
        try:
            loop.run(stop)
        except EarnestError as error:
            log.error("a loop stopped, and is tried again", loop=loop.name, code=error.code, error=str(error))
            stop.wait(MEND_SECONDS)
        except Exception:
            log.exception("a loop fell over and is started again", loop=loop.name)
        else:
            if not stop.is_set():
                log.warning("a loop ended by itself and is started again", loop=loop.name)
        stop.wait(RESTART_SECONDS)
