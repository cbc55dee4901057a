"""Looks at the endpoints that are not followed just now: are they well, and do they hold the same blocks final?

A block is told as final only when every other endpoint that is well holds it final too, so a liar who serves a chain of
his own, consistent in itself, is found out before anything of it is final here. Where the tags differ, the lowest
counts. With one endpoint there is nobody to ask.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from earnest.chain.agreement import judge
from earnest.chain.canonical import block_at
from earnest.chain.endpoints import Endpoint, Endpoints
from earnest.chain.errors import EndpointsDisagree
from earnest.chain.finality import NONE_YET, newest
from earnest.chain.health import EndpointState
from earnest.chain.node import Call, header_call
from earnest.chain.updates import Block, Position
from earnest.payment.errors import EarnestError
from earnest.settings import FinalityRule

LOOK_SECONDS: Final = 5.0
"""How often an endpoint that is not followed is looked at: soon enough to know before it is needed."""
OLD_HEAD_SECONDS: Final = 600
"""No chain of ours rests for so long; a node whose newest block is older is out of order or still catching up."""
STALLED_FINALITY_BLOCKS: Final = 2_000
"""Whose final block is so far below those of two others holds nobody back: twice what finality here ever lags."""


class Lookout:
    """Knows what the other endpoints say.

    Args:
        endpoints: all of them.
        finality: the chain's rule.
    """

    def __init__(self, endpoints: Endpoints, finality: FinalityRule) -> None:
        self._endpoints, self._finality = endpoints, finality
        self._checkpoint: Block | None = None
        self._wanted: Block | None = None
        """The newest block that the endpoint that is followed holds final, and others perhaps not yet."""

    def look_around(self, position: Position | None) -> None:
        """Look at those whose time has come, in the background; nothing is raised."""
        if position is not None:
            self._endpoints.genesis = position.genesis_hash
            self._checkpoint = position.blocks[0] if position.final_number >= 0 and position.blocks else None
        if len(self._endpoints.all) == 1:
            return
        now = self._endpoints.clock()
        for each in self._endpoints.all:
            due = each.health.is_due(now) if not each.health.in_use else now >= each.next_look_at
            if due:
                asked = self._questions(each, position)
                self._look_later(each, asked)

    def lowest_final(self, one: Endpoint, final_number: int) -> int:
        """Return the lowest newest final number of all that are well.

        Where it goes by tags, who knows of none abstains; by depth, his chain is too short, and nothing is final on it.
        """
        others = self._endpoints.others(one)
        for each in others:
            if each.health.state is EndpointState.NEW:
                self._look(each, ())
        told = [each.final_number for each in others if self._votes(each) and each.final_number is not None]
        counts = [number for number in (final_number, *told) if number != NONE_YET or self._finality.tag is None]
        numbers = sorted(counts, reverse=True)
        if len(numbers) > 2:  # two agree on more, so whoever is so far below them stands still, and lies or not is out
            numbers = [number for number in numbers if numbers[1] - number <= STALLED_FINALITY_BLOCKS]
        return min([final_number, *numbers])

    def vouched(self, one: Endpoint, wanted: Block, position: Position) -> int:
        """Return up to which number the others hold final what we accepted; asks in the background who was not asked.

        Raises:
            EndpointsDisagree: another endpoint holds another block final in its place.
        """

        def is_ours(block: Block) -> bool:
            return block_at(position, block.number) == block

        self._wanted = wanted
        others = self._endpoints.others(one)
        for each in others:
            asked = self._questions(each, position)
            shown = each.vouched[0] if each.vouched and is_ours(each.vouched[1]) else NONE_YET
            news = each.witnessed != wanted or each.denied or (len(asked) > 1 and asked[0].number > shown)
            if self._votes(each) and news:
                self._look_later(each, asked)
        others = self._endpoints.others(one)
        self._check(one, others, is_ours)
        bounds = [wanted.number]
        for each in others:
            if self._votes(each):
                known = each.vouched is not None and is_ours(each.vouched[1])
                bounds.append(each.vouched[0] if each.vouched and known else position.final_number)
        return min(bounds)

    def contradicted(self, one: Endpoint, position: Position) -> None:
        """Notice, where whoever is followed holds nothing new final, that others hold other blocks final than ours.

        Else one who tells of no finality could keep us on a branch of his own for as long as it is near the others'
        head. Who was not asked about our block at the height of his newest final one is asked in the background.

        Raises:
            EndpointsDisagree: another endpoint holds another block final in its place.
        """
        self._wanted = None
        others = self._endpoints.others(one)
        for each in others:
            asked = self._questions(each, position)
            if asked and self._votes(each) and (each.witnessed != asked[0] or each.denied):
                self._look_later(each, asked)
        self._check(one, others, lambda block: block_at(position, block.number) == block)

    def confirm(self, one: Endpoint, block: Block) -> None:
        """Ask all others about one final block, here and now; who does not have it says nothing.

        Raises:
            EndpointsDisagree: another endpoint holds another block final in its place.
        """
        for each in self._endpoints.others(one):
            if self._votes(each):
                self._look(each, (block,), wait=True)
        self._check(one, self._endpoints.others(one), lambda ours: ours == block)

    def _questions(self, each: Endpoint, position: Position | None) -> tuple[Block, ...]:
        """Return the blocks of ours to ask an endpoint about: the newest it can judge, and the newest that matters.

        One that is behind whoever is followed has never heard of the latter, and yet knows who lied about the former.
        """
        wanted, final_number = self._wanted, each.final_number
        if position is None:
            return ()
        judged = block_at(position, final_number) if final_number is not None else None
        if wanted is None:
            return (judged,) if judged is not None and judged.number > position.final_number else ()
        return (judged, wanted) if judged is not None and judged.number < wanted.number else (wanted,)

    def _votes(self, each: Endpoint) -> bool:
        """Return whether others wait for what an endpoint says.

        Who is behind still has a vote: a liar could run ahead and be alone. Only where its newest block is old by the
        clock too, it is out of order, or still catching up, and nobody waits for it.
        """
        if each.health.state is not EndpointState.BEHIND:
            return each.health.in_use
        return each.head is None or self._endpoints.clock() - each.head.timestamp <= OLD_HEAD_SECONDS

    def _check(self, one: Endpoint, others: list[Endpoint], is_ours: Callable[[Block], bool]) -> None:
        denials = [(each, *each.denied) for each in others if each.denied and is_ours(each.denied[0])]
        if not denials:
            return
        block = denials[0][1]
        votes = {each.name: told for each, denied, told in denials if denied == block}
        votes[one.name] = block.hash
        for each in others:
            if each.vouched and is_ours(each.vouched[1]) and each.vouched[0] >= block.number:
                votes.setdefault(each.name, block.hash)
        verdict = judge(votes)
        if verdict.disputed or one.name in verdict.outvoted:
            if verdict.disputed:
                self._endpoints.note_dispute(votes)
            raise EndpointsDisagree(block.number, votes, outvoted=not verdict.disputed)
        for each in others:
            if each.name in verdict.outvoted:
                reason = f"it holds block {block.number} final as {votes[each.name]}, and the others as {block.hash}"
                self._endpoints.set_aside(each, EndpointState.LIES, reason)

    def _look_later(self, one: Endpoint, ours: Sequence[Block]) -> None:
        self._endpoints.background(lambda: self._look(one, ours))

    def _look(self, one: Endpoint, ours: Sequence[Block], *, wait: bool = False) -> None:
        """Ask an endpoint how it is, and about blocks of ours; one look at a time, a second one waits or is let be."""
        if not one.lock.acquire(blocking=wait):
            return
        try:
            self._look_now(one, ours)
        except EarnestError as error:
            self._endpoints.blame(one, error)
        finally:
            one.next_look_at = self._endpoints.clock() + LOOK_SECONDS
            one.lock.release()

    def _look_now(self, one: Endpoint, ours: Sequence[Block]) -> None:
        if not one.greeted:
            self._endpoints.greet(one)
        checkpoint = self._checkpoint
        asked = [checkpoint, *ours] if checkpoint else list(ours)
        beside = [Call("eth_chainId", (), str), *(header_call(each.number) for each in asked)]
        latest, final_number, (chain_id, *told) = newest(one.node, self._finality, beside)
        self._endpoints.check_chain(one, chain_id)
        self._endpoints.heard(one, latest.block, final_number)
        headers = {block: one.node.as_header(raw) for block, raw in zip(asked, told, strict=True)}
        has = headers[checkpoint] if checkpoint else None
        if checkpoint and has and has.block.hash != checkpoint.hash:
            reason = f"it has {has.block.hash} as block {checkpoint.number}, which is final here as {checkpoint.hash}"
            self._endpoints.set_aside(one, EndpointState.LIES, reason)
            return
        for block in ours:
            has = headers[block]
            self._note(one, block, has.block if has else None, final_number)
        self._endpoints.check_head(one, latest.block)
        self._endpoints.praise(one, proven=False)

    def _note(self, one: Endpoint, wanted: Block, has: Block | None, final_number: int) -> None:
        one.witnessed = wanted
        if has is not None and has.hash == wanted.hash:
            one.denied = None
            one.vouched = (wanted.number if final_number == NONE_YET else min(final_number, wanted.number), wanted)
        elif has is not None and (final_number >= wanted.number or wanted.number == 0):
            one.denied = (wanted, has.hash)
        elif one.denied and one.denied[0] == wanted:
            one.denied = None
