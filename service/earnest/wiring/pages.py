"""The pages beside the API: what both stand on is the same, and so is how often one address may ask."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from earnest.api.services import ChainService, Services
    from earnest.store import Transaction
    from earnest.store.records import Endpoint
    from earnest.web import PageChain, Site
    from earnest.web.desk.ports import Desk, Rows
    from earnest.webhooks.trial import Trial

RELAYS_PER_SECOND: Final = 0.2
RELAY_BURST: Final = 10
"""What costs the host gas: a buyer needs one or two for a payment, and a shop's whole counter may share an address."""
PAGES_PER_SECOND: Final = 40.0
PAGE_BURST: Final = 400
"""A page asks for its parts once a second at most, and for some twenty small files when it is first opened."""

SIGN_INS_PER_SECOND: Final = 0.5
SIGN_IN_BURST: Final = 20
"""Nobody guesses 256 random bits; this keeps whoever tries from being a load."""


def make_site(services: Services, *, relays: bool = True) -> Site:
    """Return what the pages are given.

    Args:
        services: what the API stands on.
        relays: send for buyers what anyone may send, with the operator's key where there is one.
    """
    from earnest.api.health import is_behind  # noqa: PLC0415
    from earnest.api.limits import TokenBuckets  # noqa: PLC0415
    from earnest.api.problems import answer_problem  # noqa: PLC0415
    from earnest.web import Site  # noqa: PLC0415

    return Site(
        store=services.store,
        chains={chain_id: _page_chain(services, chain, relays) for chain_id, chain in services.chains.items()},
        public_url=services.public_url,
        admit=TokenBuckets(PAGES_PER_SECOND, PAGE_BURST).take,
        admit_relay=TokenBuckets(RELAYS_PER_SECOND, RELAY_BURST).take,
        problem=answer_problem,
        desk=_desk(services),
        is_behind=lambda tx, chain_id: is_behind(tx, chain_id, services.chains[chain_id]),
    )


def _desk(services: Services) -> Desk:
    from earnest.api.balances import BalanceView, Named  # noqa: PLC0415
    from earnest.api.limits import TokenBuckets  # noqa: PLC0415
    from earnest.api.settlements import Period, Report, write_report  # noqa: PLC0415
    from earnest.api.trials import Trials  # noqa: PLC0415
    from earnest.commands.names import new_id, strong_random  # noqa: PLC0415
    from earnest.store.settlements import SettlementFilter  # noqa: PLC0415
    from earnest.web.desk.ports import Desk, OperatorReport  # noqa: PLC0415
    from earnest.web.desk.remembered import Remembered  # noqa: PLC0415
    from earnest.webhooks.trial import try_endpoint  # noqa: PLC0415

    trials = Trials()

    def sums(tx: Transaction, merchant: str) -> Sequence[Mapping[str, Any]]:
        return BalanceView(services, tx, merchant).sums()

    def test(endpoint: Endpoint) -> Trial:
        with trials.turn():
            name = new_id("msg_test", strong_random)
            return try_endpoint(services.test_poster, services.secrets, endpoint, name, services.clock())

    def rows(tx: Transaction, *asked: Any) -> Rows:
        merchant, name, chain_id, token, cursor, limit = asked
        view = BalanceView(services, tx, merchant)
        return view.rows(Named(name), chain_id, token, cursor=cursor, limit=limit)

    def settlements(tx: Transaction, merchant: str, since: int | None, until: int | None) -> IO[bytes]:
        return write_report(services, tx, merchant, Report(Period(since, until), SettlementFilter(moved_from=since)))

    def operators() -> list[OperatorReport]:
        told = [(chain_id, chain.sender_status) for chain_id, chain in services.chains.items()]
        statuses = [(chain_id, status()) for chain_id, status in told if status is not None]
        return [OperatorReport(chain_id, each.address, each.balance, each.error) for chain_id, each in statuses]

    return Desk(
        clock=services.clock,
        senders=services.sender,
        kit=services.endpoint_kit,
        try_endpoint=test,
        sums=sums,
        recent_sums=Remembered(sums),
        sum_rows=rows,
        settlements=settlements,
        operators=operators,
        admit_sign_in=TokenBuckets(SIGN_INS_PER_SECOND, SIGN_IN_BURST).take,
        is_live=not services.chain().network.is_local,
    )


def _page_chain(services: Services, chain: ChainService, relays: bool) -> PageChain:
    from earnest.commands.audit import AuditedRelay  # noqa: PLC0415
    from earnest.web import PageChain  # noqa: PLC0415

    if chain.sender is None or not relays:
        return PageChain(chain.place, None)
    return PageChain(chain.place, AuditedRelay(chain.sender, services.store, services.clock))
