"""Finds out whether a node keeps logs back. An event that is missed here is missed for ever.

A block's header holds the bloom of all its logs. What our logs do not account for is either of other contracts, or of
ours and missing. The block's whole logs tell which, since all together they account for every bit, and are numbered
without gaps. What can still hide is a log at a block's end of which every topic stands in another log of that block, if
it is kept back twice; therefore blocks with several events are asked for twice, as far as that is cheap.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from earnest.chain.bloom import accounted_for, may_hold_events
from earnest.chain.errors import LogsDisagree, RpcError
from earnest.chain.node import Call, Header, Node, RawLog
from earnest.payment.errors import EarnestError
from earnest.payment.primitives import Address, Hash32

ASKED_AGAIN: Final = 3
"""How often it is asked again for what is missing, with nothing gained: nodes were seen to give 10% of all answers
empty for nothing."""
WHOLE_BLOCKS: Final = 64
"""Of how many blocks in a page that have events, and others' logs beside them, the whole logs are fetched."""
BLOCKS_A_BATCH: Final = 16
"""Whole logs of a busy block are some 500 kB."""
SAYS_NOTHING: Final = (1 << 2048) - 1
"""A bloom with every bit set: some chains do not keep one."""


class Doubter:
    """Doubts what one node tells of one escrow.

    Args:
        node: the node.
        escrow: whose logs matter.
        others: who else may be asked.
    """

    def __init__(self, node: Node, escrow: Address, others: Callable[[], Sequence[Node]]) -> None:
        self._node, self._escrow, self._others = node, escrow, others

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
        doubted: list[int] = []
        silent: list[int] = []
        beside: list[int] = []
        several: list[int] = []
        for at, (header, raws, bits) in enumerate(zip(headers, logs, accounted, strict=True)):
            if raws:
                if header.bloom not in (bits, SAYS_NOTHING) and header.bloom & ~bits:
                    beside.append(at)
                elif len(raws) > 1:
                    several.append(at)
            elif header.bloom and may_hold_events(header.bloom, self._escrow):
                (silent if header.bloom == SAYS_NOTHING else doubted).append(at)
        if len(beside) > WHOLE_BLOCKS:
            beside = self._told_otherwise(headers, logs, beside)
        if len(several) <= WHOLE_BLOCKS:
            beside += several
        right = self._whole(headers, logs, [*doubted, *beside])
        for at in silent:
            right[at] = self._believe_in_the_end(headers[at])
        return {at: raws for at, raws in right.items() if len(raws) != len(logs[at])}

    def _told_otherwise(
        self, headers: Sequence[Header], logs: Sequence[Sequence[RawLog]], doubted: Sequence[int]
    ) -> list[int]:
        """Return those of many blocks for which another endpoint, or the same one asked again, tells other logs."""
        first, last = headers[doubted[0]].block.number, headers[doubted[-1]].block.number
        counted = self._counts_elsewhere(first, last)
        return [at for at in doubted if counted.get(headers[at].block.hash) != len(logs[at])]

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
                    ours = [raw for raw in every if raw.address.lower() == self._escrow.lower()]
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
            if len(told) > len(most):
                raise LogsDisagree(
                    f"block {header.block.number} ({header.block.hash}): {self._node.endpoint} tells {len(most)} logs, "
                    f"and {other.endpoint} tells {len(told)}"
                )
        return most

    def _told_elsewhere(self, other: Node, header: Header) -> Sequence[RawLog]:
        try:
            (raws,) = other.logs_in_blocks(self._escrow, [header.block.hash])
        except EarnestError:
            return ()
        return raws


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
