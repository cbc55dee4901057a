"""What the mirror refuses, below the branches of the one tree.

Misconfigured
├── GenesisChanged       the node serves another chain that has the same id
├── EscrowChanged        the database follows another escrow on this chain
├── NothingMirrored      the chain was never followed into this database
├── RebuildUnderWay      another rebuild is at work on the same mirror, or in the same folder
└── MirrorDamaged        rows of the mirror cannot be read: somebody else wrote them
Unavailable
├── ReplayMissed         the chain moved away from the block at which a replay was to end
├── MirrorMoves          somebody keeps writing to the mirror that is being compared
└── StateNotKept         no endpoint has the contract's state at any block that would do
ChainDisagrees
├── BlockDoesNotFit      an update does not continue from what was believed so far
├── FinalBlockDropped    a node takes back what the chain's finality had settled
└── TermsDoNotMatch      an event's terms do not hash to its payment's id
"""

from __future__ import annotations

from earnest.payment.errors import ChainDisagrees, Misconfigured, Unavailable
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


class NothingMirrored(Misconfigured):
    """The chain was never followed into this database."""

    code = "nothing_mirrored"

    def __init__(self, chain_id: int) -> None:
        super().__init__(f"chain {chain_id} was never followed into this database: `earnest serve` does that")


class RebuildUnderWay(Misconfigured):
    """Another rebuild is at work on the same mirror, or in the same folder."""

    code = "rebuild_under_way"

    def __init__(self, where: str) -> None:
        super().__init__(f"another `earnest rebuild` is at work on {where}: wait for its end, or stop it")


class MirrorDamaged(Misconfigured):
    """Rows of the mirror cannot be read."""

    code = "mirror_damaged"

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}: no version of ours writes that; run `earnest rebuild`")


class ReplayMissed(Unavailable):
    """The chain moved away from the block at which a replay was to end: it is looked for anew."""

    code = "replay_missed"


class MirrorMoves(Unavailable):
    """Somebody keeps writing to the mirror that is being compared: try again."""

    code = "mirror_moves"


class StateNotKept(Unavailable):
    """The node has the contract's state at no block that would do."""

    code = "state_not_kept"

    def __init__(self, endpoint: str, blocks: str, said: str) -> None:
        super().__init__(
            f"the node at {endpoint} keeps no state of {blocks} ({said}): it has pruned it. Point EARNEST_RPC_URL at a "
            "node that keeps more (an archive node, or one with a longer history of states), and try again"
        )


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
