"""The chain's own clock, which alone decides what is still possible."""

from __future__ import annotations

from earnest.commands.ports import Place
from earnest.payment.errors import Unavailable
from earnest.store import Store


def chain_time(store: Store, place: Place) -> int:
    """Return chain time (Unix): the mirror's head, or the node's where the mirror has seen nothing yet.

    Raises:
        Unavailable: the mirror has no head, and the node does not answer.
    """
    with store.read() as tx:
        view = tx.blocks.view(place.network.chain_id)
    if view is not None:
        return view.head.timestamp
    block = place.node.call("eth_getBlockByNumber", ["latest", False])
    try:
        return int(block["timestamp"], 16)
    except (KeyError, TypeError, ValueError):
        raise Unavailable("the node told no time with its newest block") from None
