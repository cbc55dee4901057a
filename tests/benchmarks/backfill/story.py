"""A recording as whoever replays or checks it sees it."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from pathlib import Path

import msgspec

from earnest.payment.primitives import Address
from earnest.payment.terms import Terms


@dataclass(frozen=True)
class Story:
    """What a recording is about, and what a right mirror of it adds up to."""

    chain_id: int
    escrow: Address
    blocks: int
    events: int
    side_events: int
    foreign_logs: int
    payments: int
    statuses: dict[str, int]
    kinds: dict[str, int]
    event_sum: str
    payment_sum: str
    token: Address
    """The ERC-20 that most payments are in."""
    own: int
    """How many payments a merchant here asked for; their terms are a file by themselves."""


@dataclass(frozen=True)
class Recording:
    """A recording, unpacked: three files of JSON, and where each block begins in them."""

    story: Story
    folder: Path

    @classmethod
    def unpacked(cls, folder: Path) -> Recording:
        """Return the recording that lies in a folder."""
        return cls(msgspec.json.decode((folder / "story.json").read_bytes(), type=Story), folder)

    def own(self) -> list[Terms]:
        """Return the terms of the payments that a merchant here asked for."""
        return msgspec.json.decode((self.folder / "own.json").read_bytes(), type=list[Terms])

    def offsets(self, name: str) -> array[int]:
        """Return where the blocks begin in the file `name`; the last one is where it ends."""
        found = array("Q")
        found.frombytes((self.folder / f"{name}.offsets").read_bytes())
        return found
