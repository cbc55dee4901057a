"""Settings go in, and a service that runs comes out: the API with its jobs, or some of the jobs alone."""

from __future__ import annotations

import threading
from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from earnest import __version__
from earnest.settings import Settings
from earnest.wiring.garbage import look_rarely
from earnest.wiring.opening import wall_clock
from earnest.wiring.parts import Job, Parts
from earnest.wiring.tracing import open_tracer

if TYPE_CHECKING:
    from fastapi import FastAPI

    from earnest.store.loops import Loop


@dataclass
class Jobs:
    """Some of the service's jobs, built but not started."""

    loops: list[Loop]
    resources: ExitStack

    def start_loops(self, stop: threading.Event) -> list[threading.Thread]:
        """Start each loop in a thread of its own; they end soon after `stop` is set."""
        from earnest.store.loops import keep_running  # noqa: PLC0415

        look_rarely()
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
        from earnest.store.loops import Loop  # noqa: PLC0415
        from earnest.web import add_pages  # noqa: PLC0415
        from earnest.wiring.pages import make_site  # noqa: PLC0415

        follower, following = parts.following if Job.FOLLOW in jobs else (None, None)
        sender = parts.sending[0] if parts.sending is not None else None
        chain = ChainService(
            network=network,
            escrow=deployment.address,
            rpc=rpc,
            sender=sender,
            follower_status=lambda: follower.status() if follower and following and following.leads else None,
            follower_quiet_seconds=lambda: following.quiet_seconds if following else 0,
            endpoints=rpc.reports,
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
            tracer=open_tracer(resources),
        )
        app = create_app(services)
        add_pages(app, make_site(services, relays=settings.relay))
        return Service(
            [
                *parts.loops(jobs),
                Loop("streams", app.state.hub.run),
                Loop("deposits", app.state.deposit_watch.run),
            ],
            resources.pop_all(),
            app,
        )


def build_jobs(settings: Settings, jobs: Collection[Job]) -> Jobs:
    """Build some of the service's jobs without the API; only what they need is opened.

    Raises:
        Misconfigured: any of its leaves, with what the host has to mend.
    """
    with ExitStack() as resources:
        return Jobs(Parts(settings, resources).loops(jobs), resources.pop_all())
