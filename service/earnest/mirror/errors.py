"""What the mirror refuses, below the branches of the one tree.

Misconfigured
├── GenesisChanged       the node serves another chain that has the same id
└── EscrowChanged        the database follows another escrow on this chain
ChainDisagrees
├── BlockDoesNotFit      an update does not continue from what was believed so far
├── FinalBlockDropped    a node takes back what the chain's finality had settled
└── TermsDoNotMatch      an event's terms do not hash to its payment's id
"""

from __future__ import annotations

from earnest.payment.errors import ChainDisagrees, Misconfigured
from earnest.payment.primitives import Address, Hash32


class GenesisChanged(Misconfigured):
    """The node serves another chain that has the same id: a wiped one, most likely."""

    code = "genesis_changed"

    def __init__(self, chain_id: int, expected: Hash32, actual: Hash32) -> None:
        super().__init__(
            f"another chain, same id: chain {chain_id} began with {expected} when it was first followed, the node's "
            f"begins with {actual}; point to the old chain again, or start with a new database"
        )
        self.expected, self.actual = expected, actual


class EscrowChanged(Misconfigured):
    """The database follows another escrow on this chain."""

    code = "escrow_changed"

    def __init__(self, chain_id: int, expected: Address, actual: Address) -> None:
        super().__init__(
            f"the database follows the escrow {expected} on chain {chain_id}, not {actual}: "
            "configure that one again, or start with a new database"
        )
        self.expected, self.actual = expected, actual


class BlockDoesNotFit(ChainDisagrees):
    """An update does not continue from what was believed so far; nothing of its batch is written down."""

    code = "block_does_not_fit"


class FinalBlockDropped(ChainDisagrees):
    """A node takes back what the chain's finality had settled: never believed, a person has to look."""

    code = "final_block_dropped"
    retryable = False


class TermsDoNotMatch(ChainDisagrees):
    """An event's terms do not hash to its payment's id."""

    code = "terms_do_not_match"
