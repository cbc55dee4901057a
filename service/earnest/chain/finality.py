"""Which block is final: by the node's own tag where the chain has one, else by depth."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from earnest.chain.errors import NodeBehind, RpcError
from earnest.chain.known_headers import KnownHeaders
from earnest.chain.node import Call, Header, Node, Tag, header_call
from earnest.settings import FinalityRule

NONE_YET: Final = -1

_NO_SUCH_BLOCK: Final = re.compile(r"not found|unknown block|not available|no finalized", re.IGNORECASE)


def final_number(node: Node, rule: FinalityRule, latest: Header) -> int:
    """Return the newest final block's number by the chain's rule, -1 before there is one.

    A young chain has no finalized block; nodes say so with null or with an error.
    """
    if rule.tag is None:
        return _by_depth(rule, latest)
    try:
        final = node.header(_tag(rule))
    except RpcError as error:
        if _NO_SUCH_BLOCK.search(error.message):
            return NONE_YET
        raise
    return NONE_YET if final is None else final.block.number


def newest(
    node: Node,
    rule: FinalityRule,
    beside: Sequence[Call] = (),
    hoped: Sequence[Call] = (),
    known: KnownHeaders | None = None,
) -> tuple[Header, int, list[Any]]:
    """Return the newest header, the newest final number, and the answers to other questions, all in one call.

    Args:
        node: who is asked.
        rule: the chain's finality.
        beside: questions that must be answered.
        hoped: questions that may fail: None stands where one did.
        known: what it told before; None: every header is checked anew.

    Raises:
        NodeBehind: the node has no block at all.
        RpcError: one of the questions was answered with an error, and again when it was asked by itself.
    """
    tagged = [header_call(_tag(rule))] if rule.tag else []
    calls = [header_call("latest"), *tagged, *beside]
    answers = node.batch([*calls, *hoped])
    luck = [None if isinstance(each, RpcError) else each for each in answers[len(calls) :]]
    answers = answers[: len(calls)]
    final = answers[1] if tagged else None
    if isinstance(final, RpcError) and _NO_SUCH_BLOCK.search(final.message):
        answers[1] = final = None
    answers = node.mend(calls, answers)
    as_header = node.as_header if known is None else known.header
    latest = as_header(answers[0])
    if latest is None:
        raise NodeBehind(f"the node at {node.endpoint} has no blocks yet")
    if not tagged:
        return latest, _by_depth(rule, latest), [*answers[1:], *luck]
    final = as_header(answers[1])
    return latest, NONE_YET if final is None else min(final.block.number, latest.block.number), [*answers[2:], *luck]


def _by_depth(rule: FinalityRule, latest: Header) -> int:
    return max(latest.block.number - (rule.depth_blocks or 0), NONE_YET)


def _tag(rule: FinalityRule) -> Tag:
    return "finalized" if rule.tag == "finalized" else "safe"
