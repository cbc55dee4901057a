"""All that the API stands on; the wiring fills it, and tests fill it with fakes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from earnest.api.traces import Tracer
from earnest.chain.health import EndpointReport
from earnest.chain.sender import SenderStatus
from earnest.commands.ports import Node, Place, Submitter
from earnest.commands.prove_payment import Prover
from earnest.payment.errors import NotFound, Unavailable
from earnest.payment.primitives import Address
from earnest.settings import Network
from earnest.store import Store
from earnest.webhooks.kit import EndpointKit
from earnest.webhooks.post import Poster
from earnest.webhooks.secretbox import SecretBox
from earnest.webhooks.trial import Posts

TEST_SECONDS: Final = 5.0
"""For a test of an endpoint: somebody waits for it, and a thread of the server's with him."""


class FollowerReport(Protocol):
    """How far the follower of a chain is; the shape of the chain room's `FollowerStatus`."""

    @property
    def head(self) -> int | None:
        """The newest block's number that the mirror has, None before the first."""

    @property
    def final(self) -> int | None:
        """The newest final block's number, None before the first."""

    @property
    def node_head(self) -> int | None:
        """The node's newest block's number, None before it answered."""

    @property
    def lag_blocks(self) -> int | None:
        """How many blocks are still to be told, None while unknown."""

    @property
    def error(self) -> str | None:
        """What stands in the follower's way now."""

    @property
    def code(self) -> str | None:
        """What kind of error that is."""

    @property
    def endpoint(self) -> str | None:
        """The name of the endpoint that was followed last."""

    @property
    def state(self) -> str:
        """What it is doing: `starting`, `following`, `waiting`, `frozen` or `stopped`."""

    @property
    def failures(self) -> int:
        """How many times in a row it has failed."""

    @property
    def heads(self) -> str | None:
        """How it notices new blocks: `subscription` or `polling`."""

    @property
    def heads_why(self) -> str | None:
        """Why nobody tells it of new blocks."""

    @property
    def headers(self) -> str | None:
        """Whether it recomputes headers: `recomputed` or `taken`; None before the first."""

    @property
    def receipts(self) -> str | None:
        """Whether receipts prove that no log is kept back: `proven` or `taken`; None before it was needed."""


@dataclass(frozen=True, slots=True)
class ChainService:
    """One chain as this process serves it.

    Args:
        network: the chain.
        escrow: the escrow's address, None where it is not deployed yet.
        rpc: its node.
        sender: who sends with the operator's key; None: this process has no key.
        endpoints: how each endpoint of the chain fares, as this process sees it.
        follower_status: how far the follower is; None, or answering None: another process follows, and tells how that
            goes in the database.
        follower_quiet_seconds: how long ago this process' follower did its last step.
        deployed_at_block: the block of the escrow's deployment.
        sender_status: how the operator's txs fare; None: this process sends none.
        prover: who makes proofs of payments; None: this process makes none.
        code_seen: the tokens that were found to be contracts, so that the node is asked once.
    """

    network: Network
    escrow: Address | None
    rpc: Node
    sender: Submitter | None = None
    follower_status: Callable[[], FollowerReport | None] | None = None
    follower_quiet_seconds: Callable[[], int] = int
    endpoints: Callable[[], Sequence[EndpointReport]] = tuple
    deployed_at_block: int | None = None
    sender_status: Callable[[], SenderStatus] | None = None
    prover: Prover | None = None
    code_seen: set[Address] = field(default_factory=set, compare=False)

    @property
    def follower(self) -> FollowerReport | None:
        """How far this process' follower is, None where another process follows."""
        return self.follower_status() if self.follower_status else None

    @property
    def place(self) -> Place:
        """The chain as commands see it."""
        return Place(self.network, self.escrow, self.rpc, self.code_seen)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one caller may ask for. Requests a second and how many at once; a body's size in bytes; open streams."""

    key_requests_per_second: float = 50.0
    key_burst: int = 200
    public_requests_per_second: float = 20.0
    public_burst: int = 200
    body_bytes: int = 65_536
    """A payment's request is under 1 kB; 64 kB leave room for everything that `/v1` takes."""
    streams: int = 1_000
    """In one process, of all callers; each costs a connection and some kilobytes, and no thread."""
    public_streams: int = 800
    """So many of them without a key: strangers with many addresses leave these places to the merchants."""
    streams_per_merchant: int = 20
    streams_per_address: int = 20
    stream_keep_alive_seconds: float = 15.0
    """Under the 30 s and more after which proxies take a silent connection for dead."""


@dataclass(frozen=True, slots=True)
class Services:
    """What `create_app` is given.

    Args:
        store: the database.
        chains: by chain id.
        default_chain_id: the chain of requests that name none.
        secrets: encrypts webhook secrets and stored answers that hold one.
        clock: wall time in Unix seconds.
        public_url: how buyers and merchants reach this service, without a slash at the end.
        allow_private: webhooks to http and private addresses (the developer's stack only).
        version: of the package.
        limits: per caller.
        poster: who posts tests to webhook endpoints; None: one that does as deliveries do, by a shorter deadline.
        tracer: who takes a span for each request; None: nobody.
    """

    store: Store
    chains: Mapping[int, ChainService]
    default_chain_id: int
    secrets: SecretBox
    clock: Callable[[], int]
    public_url: str
    allow_private: bool = False
    version: str = "0"
    limits: Limits = Limits()
    poster: Posts | None = None
    tracer: Tracer | None = None

    def chain(self, chain_id: int | None = None) -> ChainService:
        """Return one chain, the default one for None; raises `NotFound` for one that is not served here."""
        wanted = self.default_chain_id if chain_id is None else chain_id
        if wanted not in self.chains:
            raise NotFound(f"chain {wanted} is not served here; served: {', '.join(map(str, self.chains))}")
        return self.chains[wanted]

    @property
    def test_poster(self) -> Posts:
        """Who posts a test to an endpoint while somebody waits for it."""
        return self.poster or Poster(allow_private=self.allow_private, timeout_seconds=TEST_SECONDS)

    @property
    def endpoint_kit(self) -> EndpointKit:
        """What commands on webhook endpoints need."""
        return EndpointKit(self.secrets, allow_private=self.allow_private)

    def node(self, chain_id: int) -> Node:
        """Return a chain's node; raises `NotFound` for a chain that is not served here."""
        return self.chain(chain_id).rpc

    def sender(self, chain_id: int) -> Submitter:
        """Return who sends on a chain; raises `OperatorMissing` where this process has no operator's key."""
        sender = self.chain(chain_id).sender
        if sender is None:
            raise OperatorMissing(f"no operator's key is open here for chain {chain_id}; the host has to give one")
        return sender

    def prover(self, chain_id: int) -> Prover:
        """Return who makes proofs on a chain; raises `ProverMissing` where this process makes none."""
        prover = self.chain(chain_id).prover
        if prover is None:
            raise ProverMissing(f"this process makes no proofs for chain {chain_id}; the host has to set it up")
        return prover


class ProverMissing(Unavailable):
    """This process makes no proofs of payments."""

    code = "prover_missing"


class OperatorMissing(Unavailable):
    """This process has no operator's key, so it cannot send anything."""

    code = "operator_missing"
