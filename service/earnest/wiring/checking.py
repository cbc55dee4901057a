"""Who checks the mirror: what reconciles it with the contract, and what rebuilds it from the chain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from earnest.chain.endpoints import Endpoints
from earnest.escrow.deployment import Deployment
from earnest.settings import Network, Settings
from earnest.wiring.opening import open_database, reach_node, wall_clock
from earnest.wiring.parts import Parts

if TYPE_CHECKING:
    from earnest.mirror.rebuild import Alone, Hold, Rebuild
    from earnest.mirror.reconcile import Reconciler
    from earnest.mirror.replay import Progress
    from earnest.payment.record import Payment
    from earnest.store import Store


@contextmanager
def opened_reconciler(settings: Settings) -> Iterator[Reconciler]:
    """Open who reconciles; the service may run meanwhile."""
    with ExitStack() as resources:
        parts = Parts(settings, resources)
        reach_node(parts.network).close()
        store = open_database(settings)
        resources.callback(store.close)
        yield make_reconciler(store, parts.rpc, parts.network, parts.deployment)


@contextmanager
def opened_comparison(settings: Settings, progress: Progress) -> Iterator[Rebuild]:
    """Open what rebuilds, to compare only; the service may run meanwhile."""
    with ExitStack() as resources:
        parts = Parts(settings, resources)
        reach_node(parts.network).close()
        store = open_database(settings)
        resources.callback(store.close)
        yield _rebuild(settings, parts, store, progress)


@contextmanager
def opened_rebuild(settings: Settings, progress: Progress) -> Iterator[tuple[Rebuild, Alone]]:
    """Open what rebuilds, and what keeps everybody else from following the chain while the mirror is replaced.

    On PostgreSQL the service goes on meanwhile: whoever follows stands by for the moment of the replacement.

    Raises:
        StoreInUse: SQLite; another process works on the file.
        RebuildUnderWay: PostgreSQL; another rebuild is at work.
    """
    from earnest.mirror.errors import RebuildUnderWay  # noqa: PLC0415
    from earnest.store.errors import LockTaken  # noqa: PLC0415
    from earnest.store.leads import follow_lead  # noqa: PLC0415

    with ExitStack() as resources:
        parts = Parts(settings, resources)
        reach_node(parts.network).close()
        name = follow_lead(parts.network.chain_id)
        try:
            resources.enter_context(parts.store.lock(f"rebuild-{parts.network.chain_id}"))
        except LockTaken as error:
            raise RebuildUnderWay("this database") from error
        presence = parts.presence

        @contextmanager
        def alone() -> Iterator[Hold]:
            with presence.lead(name, seize=True) as lead:
                yield lambda tx: tx.leads.hold(lead)

        yield _rebuild(settings, parts, parts.store, progress), alone


def make_reconciler(
    store: Store,
    rpc: Endpoints,
    network: Network,
    deployment: Deployment,
    clock: Callable[[], int] = wall_clock,
    status: Callable[[], object] = lambda: None,
) -> Reconciler:
    """Return who reconciles the mirror of one chain; `status` is that of this process' follower."""
    from earnest.mirror.reconcile import Reconciler  # noqa: PLC0415

    return Reconciler(
        store,
        rpc,
        network.chain_id,
        deployment.address,
        lambda token: network.token_at(token) is not None,
        clock,
        status,
    )


def _rebuild(settings: Settings, parts: Parts, store: Store, progress: Progress) -> Rebuild:
    from earnest.mirror.rebuild import Rebuild, Wording  # noqa: PLC0415
    from earnest.mirror.replay import Source  # noqa: PLC0415
    from earnest.payment.uri import checkout_url  # noqa: PLC0415

    def where_to_pay(payment: Payment) -> str:
        return checkout_url(settings.base_url(), payment.id)

    network, deployment = parts.network, parts.deployment
    source = Source(parts.rpc, network.chain_id, deployment.address, deployment.block_number)
    wording = Wording(network.token_at, wall_clock, where_to_pay)
    return Rebuild(store, source, network.finality, settings.data_dir, wording, progress)
