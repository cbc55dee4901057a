"""Finds out whether a node keeps logs back. An event that is missed here is missed for ever.

A block's header holds the bloom of all its logs. What our logs do not account for is either of other contracts, or of
ours and missing. What can still hide is a log at a block's end of which every topic stands in another log of that block
(see `room`). In both cases the block's receipts prove what its logs are: the root of their trie stands in the header,
which hashes to the block's hash. Where they cannot be had, the block's whole logs are asked for, which must account for
every bit of the bloom and be numbered without gaps, and another endpoint is asked whether it knows of more; then a log
of the second sort can be kept back for good by one who is the only endpoint, or has all others on his side. The same
holds where a page has more than `WHOLE_BLOCKS` such blocks, of which only the numbers of logs are asked for a second
time: what is lost in this way is found when the mirror is reconciled.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from earnest.chain.bloom import accounted_for, may_hold_events
from earnest.chain.errors import LogsDisagree, RpcError
from earnest.chain.logs import decode_block
from earnest.chain.node import Call, Header, Node, RawLog
from earnest.chain.receipts import Receipts
from earnest.chain.room import leaves_room, splits_an_amount
from earnest.payment.errors import EarnestError
from earnest.payment.primitives import Address, Hash32

log = logging.getLogger(__name__)

ASKED_AGAIN: Final = 3
"""How often it is asked again for what is missing, with nothing gained: nodes were seen to give 10% of all answers
empty for nothing."""
WHOLE_BLOCKS: Final = 64
"""Of how many blocks in a page that have events, and others' logs beside them, all logs are proven, or fetched; and of
how many that have events of which there may be more."""
BLOCKS_A_BATCH: Final = 16
"""Whole logs of a busy block are some 500 kB."""
SAYS_NOTHING: Final = (1 << 2048) - 1
"""A bloom with every bit set: some chains do not keep one."""
_CHANCE: Final = random.SystemRandom()
"""Which blocks of many are proven must not be foreseen by who tells them."""


class Doubter:
    """Doubts what one node tells of one escrow.

    Args:
        node: the node.
        escrow: whose logs matter.
        others: who else may be asked.
        receipts: the chain's.
    """

    def __init__(
        self, node: Node, escrow: Address, others: Callable[[], Sequence[Node]], receipts: Receipts | None = None
    ) -> None:
        self._node, self._escrow, self._others = node, escrow, others
        self._receipts = receipts or Receipts()

    def kept_back(
        self, headers: Sequence[Header], logs: Sequence[Sequence[RawLog]], accounted: Sequence[int]
    ) -> dict[int, Sequence[RawLog]]:
        """Return the right logs of those blocks for which the node did not tell all, by their place in `headers`.

        Args:
            headers: blocks, each beside its logs as the node told them.
            logs: those.
            accounted: what `accounted_for` says of each block's logs.

        Raises:
            LogsDisagree: it does not tell them when it is asked again either.
        """
        doubted, silent, beside, room = self._sorted_out(headers, logs, accounted)
        many = [each for each in (silent, beside, room) if len(each) > WHOLE_BLOCKS]
        if many:
            otherwise = set(self._told_otherwise(headers, logs, sorted(at for each in many for at in each)))
            silent, beside, room = (
                [at for at in each if at in otherwise] if each in many else each for each in (silent, beside, room)
            )
        sample = doubted if len(doubted) <= WHOLE_BLOCKS else _CHANCE.sample(doubted, WHOLE_BLOCKS)
        right = self._proven(headers, logs, sorted([*sample, *beside, *room]))
        if any(at in right and not _same(right[at], logs[at]) for at in sample):
            right |= self._proven(headers, logs, sorted(set(doubted) - set(sample)))
        left = sorted(at for at in (*doubted, *beside, *room) if at not in right)
        right |= self._whole(headers, logs, left)
        # A header that nobody can recompute may come with any bloom: then nothing in it says where there is a doubt.
        in_doubt = set(left)
        asked = [at for at, header in enumerate(headers) if not header.receipts_root or at in in_doubt]
        self._ask_elsewhere(headers, {at: right.get(at, logs[at]) for at in asked})
        for at in silent:
            right[at] = self._believe_in_the_end(headers[at])
        return {at: raws for at, raws in right.items() if not _same(raws, logs[at], numbers=True)}

    def _sorted_out(
        self, headers: Sequence[Header], logs: Sequence[Sequence[RawLog]], accounted: Sequence[int]
    ) -> tuple[list[int], list[int], list[int], list[int]]:
        """Return the blocks about which there is something to ask, by what it is.

        First those whose bloom says that they may have events, then those whose bloom says nothing, both without any;
        then those with others' logs beside the events, and those that leave room for more events, or for other words.
        """
        doubted: list[int] = []
        silent: list[int] = []
        beside: list[int] = []
        room: list[int] = []
        for at, (header, raws, bits) in enumerate(zip(headers, logs, accounted, strict=True)):
            if raws:
                if header.bloom not in (bits, SAYS_NOTHING) and header.bloom & ~bits:
                    beside.append(at)
                elif _can_be_otherwise(header, raws):
                    room.append(at)
            elif header.bloom and may_hold_events(header.bloom, self._escrow):
                (silent if header.bloom == SAYS_NOTHING else doubted).append(at)
        return doubted, silent, beside, room

    def _proven(
        self, headers: Sequence[Header], logs: Sequence[Sequence[RawLog]], wanted: Sequence[int]
    ) -> dict[int, Sequence[RawLog]]:
        """Return the escrow's logs of those of these blocks whose receipts could be had, wherever that was.

        Raises:
            LogsDisagree: this endpoint keeps logs back, and there is another one to go to.
        """
        if not wanted:
            return {}
        right: dict[int, Sequence[RawLog]] = {}
        for node in (self._node, *self._others()):
            left = [at for at in wanted if at not in right]
            if not left:
                break
            try:
                proven = self._receipts.logs(node, [headers[at] for at in left])
            except EarnestError:
                if node is self._node:
                    raise
                continue
            for at in left:
                every = proven.get(headers[at].block.hash)
                if every is None:
                    continue
                right[at] = self._ours(every)
                if not _same(right[at], logs[at]):
                    self._insist(headers[at], right[at])
        self._receipts.note(all_proven=len(right) == len(wanted))
        return right

    def _insist(self, header: Header, right: Sequence[RawLog]) -> None:
        """Ask again for logs that were told wrongly. Nodes stumble; but one that repeats it is no good.

        Raises:
            LogsDisagree: it repeats it, and there is another endpoint to go to.
        """
        for _ in range(ASKED_AGAIN):
            (raws,) = self._node.logs_in_blocks(self._escrow, [header.block.hash])
            if _same(raws, right):
                return
        block = header.block
        if self._others():
            raise LogsDisagree(
                f"block {block.number} ({block.hash}): {self._node.endpoint} tells {len(raws)} logs, which are not the "
                f"{len(right)} that the block's receipts prove"
            )
        log.warning("%s tells other logs of block %d than its receipts prove", self._node.endpoint, block.number)

    def _ask_elsewhere(self, headers: Sequence[Header], told: dict[int, Sequence[RawLog]]) -> None:
        """Ask one other endpoint whether these blocks, which are in order, have more logs.

        Raises:
            LogsDisagree: one of them has.
        """
        for other in self._others() if told else ():
            try:
                if len(told) > WHOLE_BLOCKS:
                    first, *_, last = (headers[at].block for at in told)
                    counted = other.log_counts(self._escrow, first.number, last.number)
                    told = {at: raws for at, raws in told.items() if counted.get(headers[at].block.hash, 0) > len(raws)}
                elsewhere = other.logs_in_blocks(self._escrow, [headers[at].block.hash for at in told])
            except EarnestError:
                continue
            for (at, raws), theirs in zip(told.items(), elsewhere, strict=True):
                if len(theirs) > len(raws) and self._can_be(headers[at], theirs):
                    raise self._keeps_back(headers[at], raws, other, theirs)
            return

    def _can_be(self, header: Header, raws: Sequence[RawLog]) -> bool:
        """Return whether these can be a block's logs: who invents some must not make others look like liars."""
        if not header.receipts_root:
            header = replace(header, bloom=SAYS_NOTHING)  # this one is the word of whoever is doubted
        try:
            return bool(decode_block(header, raws, self._escrow))
        except EarnestError:
            return False

    def _keeps_back(
        self, header: Header, raws: Sequence[RawLog], other: Node, theirs: Sequence[RawLog]
    ) -> LogsDisagree:
        return LogsDisagree(
            f"block {header.block.number} ({header.block.hash}): {self._node.endpoint} tells {len(raws)} logs, "
            f"and {other.endpoint} tells {len(theirs)}"
        )

    def _ours(self, every: Sequence[RawLog]) -> list[RawLog]:
        escrow = self._escrow.lower()
        # By its bytes: blanks in the text must not make it another address.
        return [raw for raw in every if raw.address.lower() == escrow or _bytes(raw.address) == _bytes(escrow)]

    def _told_otherwise(
        self, headers: Sequence[Header], logs: Sequence[Sequence[RawLog]], doubted: Sequence[int]
    ) -> list[int]:
        """Return those of many blocks for which another endpoint, or the same one asked again, tells other logs."""
        first, last = headers[doubted[0]].block.number, headers[doubted[-1]].block.number
        counted = self._counts_elsewhere(first, last)
        return [at for at in doubted if counted.get(headers[at].block.hash, 0) != len(logs[at])]

    def _counts_elsewhere(self, first: int, last: int) -> dict[Hash32, int]:
        for other in self._others():
            try:
                return other.log_counts(self._escrow, first, last)
            except EarnestError:
                continue
        return self._node.log_counts(self._escrow, first, last)

    def _whole(
        self, headers: Sequence[Header], logs: Sequence[Sequence[RawLog]], doubted: Sequence[int]
    ) -> dict[int, Sequence[RawLog]]:
        """Return the escrow's logs out of all those of each block, which have to account for its bloom, bit by bit."""
        right: dict[int, Sequence[RawLog]] = {}
        left = sorted(doubted)
        refused: list[int] = []
        in_vain = 0
        while in_vain < ASKED_AGAIN:
            before, refused = len(left), []
            for start in range(0, len(left), BLOCKS_A_BATCH):
                asked = left[start : start + BLOCKS_A_BATCH]
                calls = [Call("eth_getLogs", ({"blockHash": headers[at].block.hash},), list[RawLog]) for at in asked]
                for at, every in zip(asked, self._node.batch(calls), strict=True):
                    if isinstance(every, RpcError):
                        refused.append(at)
                        continue
                    ours = self._ours(every)
                    if len(ours) >= len(logs[at]) and _is_whole(headers[at], every):
                        right[at] = ours
            left = [at for at in left if at not in right]
            if not left:
                return right
            in_vain = 0 if len(left) < before else in_vain + 1
        for at in refused:  # some nodes want an address in each question about logs
            right[at] = self._believe_in_the_end(headers[at])
        left = [at for at in left if at not in right]
        if left:
            block = headers[left[0]].block
            raise LogsDisagree(
                f"block {block.number} ({block.hash}): its logs do not add up to the bloom of its header"
            )
        return right

    def _believe_in_the_end(self, header: Header) -> Sequence[RawLog]:
        """Return what the node tells when it is asked again by hash, unless another endpoint tells more.

        Raises:
            LogsDisagree: another endpoint does.
        """
        most: Sequence[RawLog] = ()
        for _ in range(ASKED_AGAIN):
            (raws,) = self._node.logs_in_blocks(self._escrow, [header.block.hash])
            most = max(most, raws, key=len)
            if raws:
                break
        for other in self._others():
            told = self._told_elsewhere(other, header)
            if len(told) > len(most) and self._can_be(header, told):
                raise self._keeps_back(header, most, other, told)
        return most

    def _told_elsewhere(self, other: Node, header: Header) -> Sequence[RawLog]:
        try:
            (raws,) = other.logs_in_blocks(self._escrow, [header.block.hash])
        except EarnestError:
            return ()
        return raws


def _same(some: Sequence[RawLog], others: Sequence[RawLog], *, numbers: bool = False) -> bool:
    """Return whether these are the same logs: what stands in them, and on demand their numbers within the block.

    Nodes that count from elsewhere are no liars; but a log is known by its number, so the proven ones are taken.
    """
    if numbers and [_index(raw) for raw in some] != [_index(raw) for raw in others]:
        return False
    return [_proven_part(raw) for raw in some] == [_proven_part(raw) for raw in others]


def _proven_part(raw: RawLog) -> str:
    return " ".join((*raw.topics, raw.data)).lower()


def _bytes(address: str) -> bytes | None:
    try:
        return bytes.fromhex(address[2:])
    except ValueError:
        return None


def _can_be_otherwise(header: Header, raws: Sequence[RawLog]) -> bool:
    """Return whether a block can have more logs, or other ones, than those told, which account for its bloom."""
    is_taken = not header.receipts_root
    return leaves_room(header.bloom, raws) or splits_an_amount(raws) or (is_taken and len(raws) > 1)


def _is_whole(header: Header, every: Sequence[RawLog]) -> bool:
    """Return whether these can be all logs of a block: they account for its bloom, and are numbered without gaps."""
    if header.bloom != SAYS_NOTHING and header.bloom & ~accounted_for(every):
        return False
    return [_index(raw) for raw in every] == list(range(len(every)))


def _index(raw: RawLog) -> int:
    try:
        return int(raw.log_index, 16)
    except ValueError:
        return -1
