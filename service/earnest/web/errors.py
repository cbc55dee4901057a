"""The pages' own leaves of the tree.

EarnestError (earnest.payment.errors)
├── InvalidInput
│   └── OddRequest       a request that none of our pages makes
├── NotFound
│   └── NoSuchPage       there is no page at this path
└── Unavailable
    └── RelayOff         the host sends nothing for buyers
"""

from __future__ import annotations

from earnest.payment.errors import InvalidInput, NotFound, Unavailable


class OddRequest(InvalidInput):
    """A request that none of our pages makes."""

    code = "odd_request"


class NoSuchPage(NotFound):
    """There is no page at this path."""

    code = "no_such_page"


class RelayOff(Unavailable):
    """The host sends nothing for buyers; their own wallets can."""

    code = "relay_off"
