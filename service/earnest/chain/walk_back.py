"""Finds where the node's chain and ours part: by hash, newest first, from fresh answers only.

A reorg is to be seen through within a fraction of a second, so who the node is, whether it is only behind, and where
most branches begin are asked for in one request, and all the rest of what may be dropped in a second one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from earnest.chain.canonical import above, newest_shared
from earnest.chain.endpoints import Endpoint, Endpoints
from earnest.chain.errors import NodeBehind, ReorgPastFinality
from earnest.chain.node import Call, Header, header_call
from earnest.chain.updates import Block, Position

FIRST_BLOCKS: Final = 16
"""How many of the newest blocks are looked at first: few reorgs are deeper, and 16 headers are some 30 kB."""
MORE_BLOCKS: Final = 128
"""How many are asked for at once after that."""


@dataclass(frozen=True, slots=True)
class Parting:
    """Where two chains part. `orphaned` are ours that the node does not have, newest first; `told` its headers there.

    The headers are by number; some of them may be missing, and some that both sides have may be among them.
    """

    orphaned: tuple[Block, ...] = ()
    told: dict[int, Header] = field(default_factory=dict)


def walk_back(endpoints: Endpoints, one: Endpoint, position: Position, latest: Header) -> Parting:
    """Return where the node's chain, of which this is the newest header, parts from what was accepted.

    A node that has the same blocks as far as it goes is only behind: nothing is orphaned.

    Raises:
        ChainMismatch, GenesisChanged: it is another chain by now; a wiped one looks like a deep reorg.
        ReorgPastFinality: not even what is final is shared.
        NodeBehind: it lost blocks while it was asked.
    """
    numbers = [block.number for block in reversed(position.blocks) if block.number <= latest.block.number]
    if latest.block.number > numbers[0] + 1:  # some blocks further on: most likely nothing has parted at all
        (highest,) = _all_there(one, one.node.headers(numbers[:1]))
        if newest_shared(position, [highest]) is not None:
            return Parting()
    told: dict[int, Header] = {}
    for headers in _told(endpoints, one, numbers):
        told |= {header.block.number: header for header in headers}
        shared = newest_shared(position, headers)
        if shared is not None:
            return Parting(() if shared.number == numbers[0] else above(position, shared), told)
    if position.final_number >= 0:
        oldest = position.blocks[0]
        there = told.get(oldest.number)
        raise ReorgPastFinality(oldest.number, oldest.hash, there.block.hash if there else None)
    return Parting(above(position, None), told)


def _told(endpoints: Endpoints, one: Endpoint, numbers: Sequence[int]) -> Iterator[list[Header]]:
    first = numbers[:FIRST_BLOCKS]
    calls = [Call("eth_chainId", (), str), header_call(0), *map(header_call, first)]
    chain_id, genesis, *raws = one.node.gather(calls)
    endpoints.recognise(one, chain_id, one.node.as_header(genesis))
    headers = [one.node.as_header(raw) for raw in raws]
    yield _all_there(one, headers if None not in headers else one.node.headers(first))
    for start in range(FIRST_BLOCKS, len(numbers), MORE_BLOCKS):
        yield _all_there(one, one.node.headers(numbers[start : start + MORE_BLOCKS]))


def _all_there(one: Endpoint, headers: Sequence[Header | None]) -> list[Header]:
    found = [header for header in headers if header is not None]
    if len(found) < len(headers):
        raise NodeBehind(f"the node at {one.name} lost blocks while it was asked for them")
    return found
