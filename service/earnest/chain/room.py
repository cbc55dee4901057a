"""In which blocks can a log of the escrow hide, although all that is known of the block fits the logs that were told?

A header's bloom names what its logs hold, and the logs told are numbered from 0 on without a gap. So a hidden log
stands behind all of them, and every topic of it is in the bloom: by other logs' doing, or by chance, which for a topic
that nobody chose has odds of less than one in 10,000 as long as few bits are set (see `FEW_BITS`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from earnest.chain.bloom import mask
from earnest.chain.node import RawLog
from earnest.payment.events import EVERY_TOPIC, TOPICS, EventKind

ONCE: Final = frozenset(
    {
        EventKind.PAYMENT_FUNDED,
        EventKind.DELIVERY_CONFIRMED,
        EventKind.PAYMENT_RECLAIMED,
        EventKind.PAYMENT_DISPUTED,
        EventKind.DISPUTE_RESOLVED,
    }
)
"""What happens to a payment at most once, in its whole life; see `earnest.payment.transitions`."""
_RESOLVED: Final = next(topic for topic, kind in TOPICS.items() if kind is EventKind.DISPUTE_RESOLVED)
FEW_BITS: Final = 95
"""Logs of some 28 payments set as many of the bloom's 2,048 bits. Any other payment's id is then in it with odds of
(95 / 2,048)³, one in 10,000; with 200 bits one in 1,000, and with 1,000 one in 9."""


def leaves_room(bloom: int, raws: Sequence[RawLog]) -> bool:
    """Return whether a block can have more logs of the escrow than those told, which account for all of its bloom.

    Only topics count here, which the bloom vouches for; what else stands in a log is the node's word.

    Args:
        bloom: the block's, from a header that hashes to the block's hash.
        raws: the escrow's logs in the block, at least one, as they were told.
    """
    if [_index(raw) for raw in raws] != list(range(len(raws))) or bloom.bit_count() > FEW_BITS:
        return True
    told = {(raw.topics[0].lower(), raw.topics[1].lower()) for raw in raws if len(raw.topics) > 1}
    seconds = {second for _, second in told}
    for topic in EVERY_TOPIC:
        bits = mask(topic)
        if bloom & bits != bits:
            continue
        kind = TOPICS.get(topic)
        # What else can repeat: credits are paid out, deposits returned and items skipped as often as there are some.
        if kind not in ONCE or any((topic, second) not in told for second in seconds):
            return True
    return False


def splits_an_amount(raws: Sequence[RawLog]) -> bool:
    """Return whether one of a block's logs says who got how much of an amount, and nothing else would show a lie.

    What stands in any other event that leaves no room follows from the payment's terms and its events before, or is
    compared with the contract later; the arbiter's decision is told by this one log alone.
    """
    return any(raw.topics and raw.topics[0].lower() == _RESOLVED for raw in raws)


def _index(raw: RawLog) -> int:
    try:
        return int(raw.log_index, 16)
    except ValueError:
        return -1
