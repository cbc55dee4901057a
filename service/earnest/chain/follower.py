"""Follows one chain and tells the mirror what counts: blocks accepted with their logs, orphaned, final."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from threading import Event

from earnest.chain.ahead import Ahead
from earnest.chain.background import Background
from earnest.chain.backoff import LONGEST_SECONDS, backoff_seconds, moved_seconds
from earnest.chain.canonical import after, newly_final
from earnest.chain.endpoints import Endpoint, Endpoints
from earnest.chain.errors import EndpointsDisagree, HeadersDisagree, MirrorMoved, ReorgPastFinality
from earnest.chain.fetch import Fetcher
from earnest.chain.finality import newest
from earnest.chain.header_hash import HeadersAre
from earnest.chain.heads import Heads, Polling
from earnest.chain.health import mildest, state_for
from earnest.chain.known_headers import KnownHeaders
from earnest.chain.lookout import Lookout
from earnest.chain.node import Header, Node, RawLog
from earnest.chain.receipts import Receipts, ReceiptsAre
from earnest.chain.updates import Block, BlockAccepted, BlockFinal, BlocksOrphaned, ChainUpdate, Mirror, Position
from earnest.chain.walk_back import Parting, walk_back
from earnest.chain.words import public_words
from earnest.payment.errors import ChainDisagrees, EarnestError, Misconfigured
from earnest.payment.primitives import Address
from earnest.settings import FinalityRule

log = logging.getLogger(__name__)


class FollowerState(StrEnum):
    """What a follower is doing."""

    STARTING = "starting"
    """Has not reached the node yet."""
    FOLLOWING = "following"
    """All is well; see the lag."""
    WAITING = "waiting"
    """The node does not answer, or not sensibly; asks again with growing delays."""
    FROZEN = "frozen"
    """A final block is gone, or endpoints disagree on one: nothing is written until they agree. Raise the alarm."""
    STOPPED = "stopped"
    """Misconfigured: the host has to mend something."""


@dataclass(frozen=True, slots=True)
class FollowerStatus:
    """For health checks. Numbers are block numbers, `lag_blocks` what is still to be told; times are Unix seconds.

    `code` is the error's; `endpoint` names who was followed last; `heads` is a `HeadsBy`, `heads_why` says why polling;
    `headers` is a `HeadersAre`, `receipts` a `ReceiptsAre`.
    """

    state: FollowerState = FollowerState.STARTING
    head: int | None = None
    final: int | None = None
    node_head: int | None = None
    lag_blocks: int | None = None
    error: str | None = None
    code: str | None = None
    endpoint: str | None = None
    failures: int = 0
    last_update_at: float | None = None
    heads: str | None = None
    heads_why: str | None = None
    headers: str | None = None
    receipts: str | None = None


class Follower:
    """Follows one chain for one escrow.

    Args:
        node: where the chain is asked: one node, or several endpoints of which each step takes one.
        mirror: who believes what is told.
        chain_id: the chain that the node must be on.
        escrow: the contract whose logs matter.
        deployed_at_block: the first block that matters.
        finality: from when on a block is final.
        poll_seconds: how long to wait at the head, at most.
        clock: wall time in Unix seconds.
        heads: who knows earlier that there may be a new block.
        ahead: where the next page is fetched while the mirror takes the present one; None: nowhere.
    """

    def __init__(
        self,
        node: Node,
        mirror: Mirror,
        *,
        chain_id: int,
        escrow: Address,
        deployed_at_block: int,
        finality: FinalityRule,
        poll_seconds: float = 1.0,
        clock: Callable[[], float] = time.time,
        heads: Heads | None = None,
        ahead: Background | None = None,
    ) -> None:
        self._endpoints = node if isinstance(node, Endpoints) else Endpoints([node], chain_id=chain_id, clock=clock)
        self._mirror = mirror
        self._chain_id = chain_id
        self._deployed_at_block = deployed_at_block
        self._finality = finality
        self._poll_seconds = poll_seconds
        self._clock = clock
        self._heads = heads or Polling()
        self._newest: Block | None = None
        self._lookout = Lookout(self._endpoints, finality)
        self._receipts = Receipts()
        self._fetchers = {each.name: self._fetcher(each, escrow) for each in self._endpoints.all}
        self._known = {each.name: KnownHeaders(each.node) for each in self._endpoints.all}
        self._ahead: Ahead[list[BlockAccepted]] = Ahead(ahead)
        self._status = FollowerStatus()

    def status(self) -> FollowerStatus:
        """Return how it goes; may be called from any thread."""
        return self._status

    def step(self) -> list[ChainUpdate]:
        """Tell the mirror what is new, at most one batch in one `take`, and return it; empty if nothing is.

        One endpoint is asked; where what it tells does not do, the next one is, from the beginning.

        Raises:
            ChainMismatch, GenesisChanged: every node is on another chain; nothing helps but the host.
            ReorgPastFinality, EndpointsDisagree: what is final is in doubt; nothing was told.
            Unavailable, ChainDisagrees: nothing was told; the next step tries again.
        """
        try:
            return self._step_somewhere()
        except (
            Exception
        ) as error:  # a fault of ours stands in the way as well, and health must not say that all is fine
            self._note_failure(error)
            raise

    def run(self, stop: Event) -> None:
        """Follow until told to stop.

        A node that is away, behind or talks nonsense is asked again with growing delays, however long it takes. Raises
        `Misconfigured` (its leaves) when only the host can help.
        """
        while not stop.is_set():
            try:
                told = bool(self.step())  # and not kept: a page would stay in memory while the next one is taken
            except Misconfigured as error:
                log.critical("following chain %d stopped: %s", self._chain_id, error)
                raise
            except (ReorgPastFinality, EndpointsDisagree) as error:
                log.critical("following chain %d is frozen: %s", self._chain_id, error)
                stop.wait(LONGEST_SECONDS)
            except EarnestError as error:
                log.warning("following chain %d waits: %s", self._chain_id, error)
                moved = isinstance(error, HeadersDisagree | MirrorMoved)
                stop.wait((moved_seconds if moved else backoff_seconds)(self._status.failures))
            else:
                if not (told and self._status.lag_blocks):
                    self._heads.wait(self._poll_seconds, stop, self._newest)

    def _step_somewhere(self) -> list[ChainUpdate]:
        position = self._mirror.position()
        self._lookout.look_around(position)
        problems: list[EarnestError] = []
        for one in self._endpoints.candidates():
            try:
                updates = self._step(one, position)
            except EarnestError as error:
                if state_for(error) is None:  # not this endpoint's affair, and not mended by asking another
                    raise
                self._endpoints.blame(one, error)
                problems.append(error)
                position = self._mirror.position()
            else:
                self._endpoints.praise(one, proven=bool(updates))
                return updates
        raise mildest(problems)

    def _step(self, one: Endpoint, position: Position | None) -> list[ChainUpdate]:
        if position is None or not one.greeted:
            position = self._greet(one, position)
        hint = self._heads.hint()
        fetcher = self._fetchers[one.name]
        latest, final, answers = newest(
            one.node, self._finality, hoped=fetcher.hoped(hint), known=self._known[one.name]
        )
        told = fetcher.heard(hint, latest, answers)
        self._endpoints.heard(one, latest.block, final)
        self._endpoints.check_head(one, latest.block)
        settled = min(self._lookout.lowest_final(one, final), latest.block.number)
        updates = self._news(one, position, latest, told, final, settled)
        if updates:
            self._take(position, updates)
        self._note_success(one, after(position, updates), latest, told=bool(updates))
        return updates

    def _take(self, position: Position, updates: list[ChainUpdate]) -> None:
        try:
            self._mirror.take(updates)
        except ChainDisagrees as error:
            if self._mirror.position() != position:
                raise MirrorMoved(f"chain {self._chain_id} was written to by another process: {error}") from error
            raise

    def _greet(self, one: Endpoint, position: Position | None) -> Position:
        """Make sure that this is the chain that was configured and that was followed before."""
        genesis = self._endpoints.greet(one)
        if position is None:
            self._lookout.confirm(one, genesis)
            position = self._mirror.begin(genesis.hash)
            self._endpoints.genesis = position.genesis_hash
        return position

    def _news(
        self,
        one: Endpoint,
        position: Position,
        latest: Header,
        told: list[RawLog] | None,
        final: int,
        settled: int,
    ) -> list[ChainUpdate]:
        """Return what is new; `told` are the newest block's logs, if the node told them along with it.

        `final` is what this endpoint holds final, `settled` what all do.
        """
        updates: list[ChainUpdate] = []
        parting = self._parting(one, position, latest)
        if parting.orphaned:
            updates.append(BlocksOrphaned(parting.orphaned))
            position = after(position, updates)
        first = position.head.number + 1 if position.head else self._deployed_at_block
        if first <= settled:
            updates += self._page(one, position.head, first, settled)
        elif first <= latest.block.number:
            updates += self._fetchers[one.name].live(position.head, first, latest, told, parting.told)
        position = after(position, updates[1:] if parting.orphaned else updates)
        if first <= settled:  # a page was confirmed as it was fetched
            now_final = newly_final(position, settled)
        elif now_final := newly_final(position, final):
            now_final = newly_final(position, self._lookout.vouched(one, now_final, position))
        else:
            self._lookout.contradicted(one, position)
        return [*updates, BlockFinal(now_final)] if now_final else updates

    def _page(self, one: Endpoint, parent: Block | None, first: int, last: int) -> list[BlockAccepted]:
        """Return a page of final blocks that the other endpoints confirm, and have the next one fetched meanwhile."""

        def key(parent: Block | None, first: int) -> tuple[str, Block | None, int]:
            return one.name, parent, first

        def fetch(parent: Block | None, first: int) -> list[BlockAccepted]:
            page = self._fetchers[one.name].page(parent, first, last)
            self._lookout.confirm(one, page[-1].block)
            return page

        page = self._ahead.take(key(parent, first), lambda: fetch(parent, first))
        end = page[-1].block
        if end.number < last:
            self._ahead.start(key(end, end.number + 1), lambda: fetch(end, end.number + 1))
        return page

    def _fetcher(self, one: Endpoint, escrow: Address) -> Fetcher:
        def others() -> list[Node]:
            return [each.node for each in self._endpoints.others(one) if each.health.in_use]

        return Fetcher(one.node, escrow, others, self._receipts)

    def _parting(self, one: Endpoint, position: Position, latest: Header) -> Parting:
        """Return where the node's chain parts from what was accepted."""
        head = position.head
        if head is None or _is_or_follows(latest.block, head):
            return Parting()
        if latest.block.number < position.blocks[0].number:
            self._greet(one, position)
            return Parting()
        return walk_back(self._endpoints, one, position, latest)

    def _note_success(self, one: Endpoint, position: Position, latest: Header, *, told: bool) -> None:
        head = position.head.number if position.head else None
        reached = self._deployed_at_block - 1 if head is None else head
        heads = self._heads.report()
        self._newest = latest.block
        self._status = FollowerStatus(
            state=FollowerState.FOLLOWING,
            head=head,
            final=position.final_number if position.final_number >= 0 else None,
            node_head=latest.block.number,
            lag_blocks=max(0, latest.block.number - reached),
            endpoint=one.name,
            last_update_at=self._clock() if told else self._status.last_update_at,
            heads=heads.by,
            heads_why=heads.why,
            headers=HeadersAre.RECOMPUTED if self._endpoints.recomputed else HeadersAre.TAKEN,
            receipts=self._receipts.are if self._endpoints.recomputed else ReceiptsAre.TAKEN,
        )

    def _note_failure(self, error: Exception) -> None:
        # Of what is not in our tree only the kind is told: its words were not written for people outside.
        kind = type(error).__name__
        words = public_words(error) if isinstance(error, EarnestError) else f"a fault of ours ({kind}): see the log"
        match error:
            case Misconfigured():
                state = FollowerState.STOPPED
            case ReorgPastFinality() | EndpointsDisagree():
                state = FollowerState.FROZEN
            case _:
                state = FollowerState.WAITING
        code = error.code if isinstance(error, EarnestError) else "fault"
        failures = self._status.failures + 1
        self._status = replace(self._status, state=state, error=words, code=code, failures=failures)


def _is_or_follows(block: Block, head: Block) -> bool:
    return block == head or (block.parent_hash == head.hash and block.number == head.number + 1)
