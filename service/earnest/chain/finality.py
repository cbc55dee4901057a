"""Which block is final: by the node's own tag where the chain has one, else by depth."""

from __future__ import annotations

import re
from typing import Final

from earnest.chain.errors import RpcError
from earnest.chain.node import Header, Node
from earnest.settings import FinalityRule

NONE_YET: Final = -1

_NO_SUCH_BLOCK: Final = re.compile(r"not found|unknown block|not available|no finalized", re.IGNORECASE)


def final_number(node: Node, rule: FinalityRule, latest: Header) -> int:
    """Return the newest final block's number by the chain's rule, -1 before there is one.

    A young chain has no finalized block; nodes say so with null or with an error.
    """
    if rule.tag is None:
        return max(latest.block.number - (rule.depth_blocks or 0), NONE_YET)
    try:
        final = node.header("finalized" if rule.tag == "finalized" else "safe")
    except RpcError as error:
        if _NO_SUCH_BLOCK.search(error.message):
            return NONE_YET
        raise
    return NONE_YET if final is None else final.block.number
