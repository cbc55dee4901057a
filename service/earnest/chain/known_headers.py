"""Headers that were told before in the very same words, and checked then: they need not be checked again.

At each look at the chain a node tells which block is final, which is one that it told as its newest some blocks ago, or
the same as the last time; and while nothing is new it tells its newest block again and again.
"""

from __future__ import annotations

from typing import Final

import msgspec

from earnest.chain.header_hash import RawHeader
from earnest.chain.node import Header, Node

REMEMBERED: Final = 64
"""Headers, of some 3 kB each: the newest, and where finality lags by less than two epochs of Ethereum the final one."""
LONGEST_BYTES: Final = 64 * 1024
"""A longer one is not remembered: an honest one holds at most some kilobytes of extra data, and a node can fill a whole
answer with what no hash shows, such as zeros in front of a number."""


class KnownHeaders:
    """What one node told last; for one thread.

    Args:
        node: who tells headers and checks them.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._checked = node.recomputes
        self._known: dict[str, tuple[RawHeader, Header]] = {}

    def header(self, raw: RawHeader | None) -> Header | None:
        """Return a told header as ours, as `Node.as_header` does, and raise what that raises."""
        if raw is None:
            return None
        if self._checked is not self._node.recomputes:  # what was remembered until now was taken as it was told
            self._checked = self._node.recomputes
            self._known.clear()
        found = self._known.get(raw.hash)
        if found is not None and found[0] == raw:  # every field, not the hash alone, which anyone can repeat
            return found[1]
        header = self._node.as_header(raw)
        if header is not None and len(msgspec.json.encode(raw)) <= LONGEST_BYTES:
            self._known.pop(raw.hash, None)
            self._known[raw.hash] = raw, header
            if len(self._known) > REMEMBERED:
                del self._known[next(iter(self._known))]
        return header
