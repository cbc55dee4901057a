"""The pages' own leaves of the tree.

EarnestError (earnest.payment.errors)
├── InvalidInput
│   └── OddRequest       a request that none of our pages makes
├── NotFound
│   └── NoSuchPage       there is no page at this path
├── NotAllowed
│   ├── ForgedForm       a form that none of our pages gave to this visitor
│   └── BeyondScope      what somebody signed in with may not do this
└── Unavailable
    └── RelayOff         the host sends nothing for buyers
"""

from __future__ import annotations

from earnest.payment.errors import InvalidInput, NotAllowed, NotFound, Unavailable


class OddRequest(InvalidInput):
    """A request that none of our pages makes."""

    code = "odd_request"


class NoSuchPage(NotFound):
    """There is no page at this path."""

    code = "no_such_page"


class RelayOff(Unavailable):
    """The host sends nothing for buyers; their own wallets can."""

    code = "relay_off"


class ForgedForm(NotAllowed):
    """A form that none of our pages gave to this visitor."""

    code = "forged_form"


class BeyondScope(NotAllowed):
    """What somebody signed in with may not do this."""

    code = "missing_scope"

    def __init__(self, scope: str) -> None:
        super().__init__(f"what you signed in with lacks the scope {scope}")
        self.scope = scope
