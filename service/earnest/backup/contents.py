"""What the pieces of a backup say: one that begins, the rows, one that ends. All MessagePack."""

from __future__ import annotations

from typing import Any

import msgspec


class Mirrored(msgspec.Struct, frozen=True):
    """How far a chain was mirrored, and the state hash up to its newest final block (see `mirror.state_hash`)."""

    chain_id: int
    escrow: str
    final_number: int
    state_hash: str


class Beginning(msgspec.Struct, frozen=True, tag="beginning"):
    """When it was made (Unix), of which schema, by which version of Earnest, and how many rows of each table follow."""

    created_at: int
    revision: str
    version: str
    rows: dict[str, int]
    chains: list[Mirrored]


class Rows(msgspec.Struct, frozen=True, tag="rows"):
    """Some rows of a table, each with a value for each of the columns."""

    table: str
    columns: tuple[str, ...]
    rows: list[list[Any]]


class End(msgspec.Struct, frozen=True, tag="end"):
    """How many rows there were in all."""

    rows: int


Piece = Beginning | Rows | End
encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Piece).decode
