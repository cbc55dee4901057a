"""The parts of the service, each built from the settings when it is first asked for."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import ExitStack
from enum import StrEnum
from functools import cached_property
from threading import Event
from typing import TYPE_CHECKING

import structlog

from earnest.chain.background import in_a_thread
from earnest.chain.endpoints import Endpoints
from earnest.escrow.deployment import Deployment
from earnest.settings import Network, Settings
from earnest.wiring.opening import (
    NoOperatorKey,
    check_chain,
    open_database,
    open_heads,
    open_rpc,
    open_secret_box,
    open_signer,
    recorded_deployment,
    wall_clock,
)

# What takes long to load is loaded by the function that builds it: most commands need one thing of the house, and not
# its web server, its database and its signer.
if TYPE_CHECKING:
    from earnest.chain.follower import Follower
    from earnest.chain.sender import Sender
    from earnest.chain.signer import LocalSigner
    from earnest.mirror import ChainMirror
    from earnest.payment.record import Payment
    from earnest.store import Store
    from earnest.store.leading import Led
    from earnest.store.leads import Fence
    from earnest.store.loops import Loop
    from earnest.store.presence import Presence
    from earnest.webhooks.deliver import Deliverer
    from earnest.webhooks.secretbox import SecretBox

log = structlog.get_logger(__name__)


class Job(StrEnum):
    """What a process may do beside answering requests, or instead of it."""

    FOLLOW = "follow"
    """Follow the chain; one process at a time."""
    SEND = "send"
    """Send the operator's txs; one process at a time."""
    DELIVER = "deliver"
    """Deliver webhooks; any number of processes at once."""


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

        if set(jobs) == {Job.SEND} and self.signer is None:
            raise NoOperatorKey(
                "no operator's key is set, so there is nothing to send: set EARNEST_OPERATOR_KEYSTORE with "
                "EARNEST_OPERATOR_KEYSTORE_PASSWORD, or EARNEST_OPERATOR_KEY"
            )
        loops: list[Loop] = []
        if Job.DELIVER in jobs:
            loops.append(Loop(Job.DELIVER, self.deliverer.run))
        if Job.FOLLOW in jobs:
            loops.append(self.following[1].loop)
            if self._settings.reconcile_seconds:
                loops.append(self.reconciling.loop)
        if Job.SEND in jobs and self.sending is not None:
            loops.append(self.sending[1].loop)
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
        mirror = _mirror(self._settings, self.store, self.network, self.deployment, fence, self.outbox_news)
        follower = _follower(self._settings, self.rpc, self.network, self.deployment, mirror)
        name = follow_lead(self.network.chain_id)
        return follower, Led(self.presence, name, follower.run, fence=fence, status=follower.status)

    @cached_property
    def reconciling(self) -> Led:
        """Who compares the mirror with the contract, every now and then."""
        from earnest.mirror.reconcile import Schedule  # noqa: PLC0415
        from earnest.store.leading import Led  # noqa: PLC0415
        from earnest.wiring.checking import make_reconciler  # noqa: PLC0415

        reconciler = make_reconciler(
            self.store, self.rpc, self.network, self.deployment, status=self.following[0].status
        )
        schedule = Schedule(reconciler, self._settings.reconcile_seconds)
        return Led(self.presence, f"reconcile-{self.network.chain_id}", schedule.run)

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
    def outbox_news(self) -> Event:
        """Set when this process has written notifications to the outbox."""
        return Event()

    @cached_property
    def deliverer(self) -> Deliverer:
        """Who delivers webhooks; any number may at once."""
        from earnest.webhooks.deliver import Deliverer  # noqa: PLC0415
        from earnest.webhooks.post import Poster  # noqa: PLC0415

        poster = Poster(allow_private=self._settings.webhooks_allow_private, may_send=self.presence.alive)
        return Deliverer(self.store, self.secrets, poster, wall_clock, presence=self.presence, news=self.outbox_news)


def _mirror(
    settings: Settings, store: Store, network: Network, deployment: Deployment, fence: Fence, news: Event
) -> ChainMirror:
    from earnest.mirror import ChainMirror  # noqa: PLC0415
    from earnest.payment.uri import checkout_url  # noqa: PLC0415

    def where_to_pay(payment: Payment) -> str:
        return checkout_url(settings.base_url(), payment.id)

    return ChainMirror(
        store,
        network.chain_id,
        deployment.address,
        network.token_at,
        wall_clock,
        checkout_url=where_to_pay,
        fence=fence,
        announce=news.set,
    )


def _follower(
    settings: Settings, rpc: Endpoints, network: Network, deployment: Deployment, mirror: ChainMirror
) -> Follower:
    from earnest.chain.follower import Follower  # noqa: PLC0415

    return Follower(
        rpc,
        mirror,
        chain_id=network.chain_id,
        escrow=deployment.address,
        deployed_at_block=deployment.block_number,
        finality=network.finality,
        poll_seconds=network.poll_seconds,
        heads=open_heads(settings, network),
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
