"""What can be known when endpoints tell different blocks of one height that is final for all of them: pure.

The larger group is believed. Of two that contradict each other, nobody can say which one is wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from earnest.payment.primitives import Hash32


@dataclass(frozen=True, slots=True)
class Verdict:
    """Who is wrong. `outvoted` names those who told another block than the larger group did.

    `disputed`: there is no larger group, and nothing may be believed.
    """

    outvoted: frozenset[str] = frozenset()
    disputed: bool = False


def judge(votes: Mapping[str, Hash32]) -> Verdict:
    """Return who is wrong, given which hash each endpoint tells of the same height."""
    counted = Counter(votes.values()).most_common(2)
    if len(counted) < 2:
        return Verdict()
    (believed, most), (_, second) = counted
    if most == second:
        return Verdict(disputed=True)
    return Verdict(frozenset(name for name, told in votes.items() if told != believed))
