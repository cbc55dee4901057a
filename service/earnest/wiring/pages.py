"""The pages beside the API: what both stand on is the same, and so is how often one address may ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from earnest.api.services import ChainService, Services
    from earnest.web import PageChain, Site

RELAYS_PER_SECOND: Final = 0.2
RELAY_BURST: Final = 10
"""What costs the host gas: a buyer needs one or two for a payment, and a shop's whole counter may share an address."""
PAGES_PER_SECOND: Final = 40.0
PAGE_BURST: Final = 400
"""A page asks for its parts once a second at most, and for some twenty small files when it is first opened."""


def make_site(services: Services, *, relays: bool = True) -> Site:
    """Return what the pages are given.

    Args:
        services: what the API stands on.
        relays: send for buyers what anyone may send, with the operator's key where there is one.
    """
    from earnest.api.limits import TokenBuckets  # noqa: PLC0415
    from earnest.api.problems import answer_problem  # noqa: PLC0415
    from earnest.web import Site  # noqa: PLC0415

    return Site(
        store=services.store,
        chains={chain_id: _page_chain(chain, relays) for chain_id, chain in services.chains.items()},
        public_url=services.public_url,
        admit=TokenBuckets(PAGES_PER_SECOND, PAGE_BURST).take,
        admit_relay=TokenBuckets(RELAYS_PER_SECOND, RELAY_BURST).take,
        problem=answer_problem,
    )


def _page_chain(chain: ChainService, relays: bool) -> PageChain:
    from earnest.web import PageChain  # noqa: PLC0415

    return PageChain(chain.place, chain.sender if relays else None)
