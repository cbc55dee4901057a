"""A recording as whoever replays or checks it sees it."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from earnest.payment.primitives import Address


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
    own: list[dict[str, Any]]
    """The terms of the payments that a merchant here asked for."""


@dataclass(frozen=True)
class Recording:
    """A recording, unpacked: three files of JSON, and where each block begins in them."""

    story: Story
    folder: Path

    @classmethod
    def unpacked(cls, folder: Path) -> Recording:
        """Return the recording that lies in a folder."""
        return cls(msgspec.json.decode((folder / "story.json").read_bytes(), type=Story), folder)

    def offsets(self, name: str) -> array[int]:
        """Return where the blocks begin in the file `name`; the last one is where it ends."""
        found = array("Q")
        found.frombytes((self.folder / f"{name}.offsets").read_bytes())
        return found
