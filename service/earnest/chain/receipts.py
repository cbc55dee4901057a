"""A block's receipts, which nobody can tell wrongly: their trie's root stands in a header that hashes to its hash.

So whoever tells them proves which logs a block has, those that he would rather keep back included. Not every node
offers them, and not every chain's have a form known here: then it is said that logs are taken as they are told.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

from earnest.chain.errors import LogsDisagree, NodeBehind, NodeTimeout, NodeUnavailable, RateLimited, RpcError
from earnest.chain.node import Call, Header, Node, RawLog
from earnest.chain.proofs.told import DEPOSIT_TYPE, ToldReceipt, receipt_bytes, trie_key
from earnest.chain.proofs.trie import Trie
from earnest.payment.errors import EarnestError
from earnest.payment.primitives import Hash32

log = logging.getLogger(__name__)

ASKED_AGAIN: Final = 3
"""How often it is asked again for what did not do, with nothing gained."""
BLOCKS_A_BATCH: Final = 8
"""The receipts of a busy block are some 1 MB."""
WANTED_IN_A_ROW: Final = 2
"""After the receipts of so many blocks in a row were wanted, those of the next one are asked for along with it."""
REFUSALS_BORNE: Final = 3
"""After so many refusals in a row, each of them asked again, they are no accident."""
SILENCES_BORNE: Final = 2
"""Each question that is not answered in time holds the follower for as long as it waits."""
BLOCKS_SPARED: Final = 256
"""For so many blocks an endpoint is not asked for receipts that it does not offer; a gateway may offer them later."""
LONGEST_SPARED_BLOCKS: Final = 64 * BLOCKS_SPARED
"""Each time in a row it is spared for twice as many: one that does not answer costs a wait each time."""
_NO_SUCH_METHOD: Final = frozenset({-32601, -32004})
"""Source: JSON-RPC 2.0, section 5.1, and EIP-1474."""
_NOT_OFFERED: Final = re.compile(
    r"method.{0,80}\b(?:not|unsupported|unknown|disabled|unavailable)\b|(?:unsupported|unknown|no such) method",
    re.IGNORECASE,
)
_KNOWN_TYPES: Final = frozenset(hex(each) for each in (0, 1, 2, 3, 4, DEPOSIT_TYPE))
"""Whoever tells another one may be right: chains add types, and what is hashed of them is not known here."""
_RECEIPTS: Final[Any] = list[ToldReceipt] | None


class ReceiptsAre(StrEnum):
    """Whether a node could keep a log back unnoticed."""

    PROVEN = "proven"
    """Where the bloom leaves room for a log that was not told, the block's receipts show that there is none."""
    TAKEN = "taken"
    """They could not be had for the last such block, or they have a form not known here: logs are taken as told."""


class Receipts:
    """The receipts of one chain: who offers them, and whether their form is known. Of every thread's."""

    def __init__(self) -> None:
        self.are: ReceiptsAre | None = None
        """What came of the last block that left room; None: none did so far."""
        self._shown = False
        """Whether receipts of this chain were seen that have the root of their header. Nobody can show it falsely."""
        self._spared: dict[str, int] = {}
        self._sparing: dict[str, int] = {}
        """For how many blocks it is spared the next time."""
        self._refused: Counter[str] = Counter()
        self._silent: Counter[str] = Counter()
        """How often in a row it gave no answer in time."""
        self._newest, self._in_a_row, self._hoped = -1, 0, 0
        """The newest block that was proven; how many were one after the other; and that number while more is hoped for,
        so that a node that does not answer is not asked so again."""
        self._heard: tuple[str, Hash32, list[ToldReceipt]] | None = None

    def hoped(self, block_hash: Hash32) -> list[Call]:
        """Return the question for the receipts of a block that may be the newest, if they will most likely be wanted.

        What comes of it is handed to `hear`.
        """
        if self._heard is not None:  # those that were asked for ahead were not wanted
            self._heard, self._in_a_row = None, 0
        if self._in_a_row < WANTED_IN_A_ROW:
            return []
        self._hoped, self._in_a_row = self._in_a_row, 0
        return [_receipts_call(block_hash)]

    def hear(self, node: Node, block_hash: Hash32, told: list[ToldReceipt]) -> None:
        """Keep the receipts that a node told along with a block, until they are wanted."""
        self._heard, self._in_a_row = (node.endpoint, block_hash, told), self._hoped

    def logs(self, node: Node, headers: Sequence[Header]) -> dict[Hash32, list[RawLog]]:
        """Return all logs of each block, of all addresses, proven, by the block's hash; left out: blocks without proof.

        Of these logs the addresses, topics and data are proven, and their order.

        Raises:
            LogsDisagree: the node tells other receipts than the chain's.
            RpcError, NodeUnavailable, NodeBehind: it does not tell them now, and may tell them later.
        """
        left = [header for header in headers if header.receipts_root]
        if not left or not self._may_be_asked(node, len(left)):
            return {}
        proven: dict[Hash32, list[RawLog]] = {}
        wrong: dict[Hash32, EarnestError | list[ToldReceipt]] = {}
        in_vain = 0
        while left and in_vain < ASKED_AGAIN:
            many = in_vain == 0 and not self._silent[node.endpoint]
            for header, told in self._ask(node, left, BLOCKS_A_BATCH if many else 1):
                every = None if isinstance(told, EarnestError) else proven_logs(header, told)
                if every is not None:
                    proven[header.block.hash] = every
                    self._shown = True
                    self._in_a_row = self._in_a_row + 1 if header.block.number == self._newest + 1 else 1
                    self._newest = header.block.number
                elif isinstance(told, RpcError) and _is_not_offered(told):
                    self._spare(node, told)
                    return proven
                else:
                    wrong[header.block.hash] = told
            before, left = len(left), [header for header in left if header.block.hash not in proven]
            in_vain = 0 if len(left) < before else in_vain + 1
            if any(isinstance(wrong.get(header.block.hash), NodeTimeout) for header in left):
                break  # whoever hangs is not waited for again and again
        self._judge(node, [(header, wrong[header.block.hash]) for header in left])
        return proven

    def note(self, *, all_proven: bool) -> None:
        """Note whether all blocks of which it mattered could be proven."""
        self.are = ReceiptsAre.PROVEN if all_proven else ReceiptsAre.TAKEN

    def _ask(
        self, node: Node, headers: Sequence[Header], at_once: int
    ) -> list[tuple[Header, EarnestError | list[ToldReceipt]]]:
        answers: list[tuple[Header, EarnestError | list[ToldReceipt]]] = []
        heard, self._heard = self._heard, None
        if heard is not None and len(headers) == 1 and heard[:2] == (node.endpoint, headers[0].block.hash):
            return [(headers[0], heard[2])]
        for start in range(0, len(headers), at_once):
            asked = headers[start : start + at_once]
            calls = [_receipts_call(each.block.hash) for each in asked]
            try:
                told = node.batch(calls)
            except RateLimited:
                raise
            except NodeTimeout as error:
                return [*answers, *((each, error) for each in headers[start:])]
            except NodeUnavailable as error:  # a gateway that refuses a method can do so in any way
                told = [error] * len(asked)
            for header, each in zip(asked, told, strict=True):
                missing = NodeBehind(f"the node at {node.endpoint} has no receipts of block {header.block.number}")
                answers.append((header, missing if each is None else each))
        return answers

    def _judge(self, node: Node, left: Sequence[tuple[Header, EarnestError | list[ToldReceipt]]]) -> None:
        """Say what it means that these blocks' receipts could not be had, if any; returns if it is lived with."""
        refusal: EarnestError | None = None
        for header, told in left:
            block = header.block
            if isinstance(told, EarnestError):
                refusal = refusal or told
            elif self._shown and all(each.type in _KNOWN_TYPES for each in told):
                raise LogsDisagree(
                    f"block {block.number} ({block.hash}): the receipts that {node.endpoint} tells are not those "
                    "whose root stands in its header"
                )
            else:
                log.warning("receipts of block %d as %s tells them are in no known form", block.number, node.endpoint)
        if refusal is not None:
            self._refuse(node, refusal)
        elif not left:  # who tells some and refuses others has not changed its mind by those that it told
            self._refused[node.endpoint] = self._silent[node.endpoint] = 0
            self._sparing.pop(node.endpoint, None)

    def _refuse(self, node: Node, error: EarnestError) -> None:
        """Note a refusal; raises it unless it is lived with."""
        self._refused[node.endpoint] += 1
        self._silent[node.endpoint] += isinstance(error, NodeTimeout)
        if self._refused[node.endpoint] < REFUSALS_BORNE and self._silent[node.endpoint] < SILENCES_BORNE:
            raise error
        self._spare(node, error)

    def _may_be_asked(self, node: Node, blocks: int) -> bool:
        spared = self._spared.get(node.endpoint, 0)
        if spared <= 0:
            return True
        self._spared[node.endpoint] = spared - blocks
        return False

    def _spare(self, node: Node, error: EarnestError) -> None:
        blocks = self._spared[node.endpoint] = self._sparing.get(node.endpoint, BLOCKS_SPARED)
        self._sparing[node.endpoint] = min(2 * blocks, LONGEST_SPARED_BLOCKS)
        self._refused[node.endpoint] = REFUSALS_BORNE - 1
        log.warning("the node at %s does not offer eth_getBlockReceipts: %s", node.endpoint, error)


def _receipts_call(block_hash: Hash32) -> Call:
    return Call("eth_getBlockReceipts", (block_hash,), _RECEIPTS)


def proven_logs(header: Header, told: Sequence[ToldReceipt]) -> list[RawLog] | None:
    """Return all logs of a block if these receipts are its own, else None.

    Some nodes tell, at the end, one more receipt that the chain does not hash, for what it does beside its txs.
    """
    try:
        root = bytes.fromhex(header.receipts_root[2:])
        receipts = sorted(told, key=lambda each: int(each.transaction_index, 16))
        encoded = [receipt_bytes(each) for each in receipts]
    except ValueError:
        return None
    for count in (len(encoded), len(encoded) - 1):
        if count >= 0 and Trie({trie_key(index): encoded[index] for index in range(count)}).root == root:
            return _logs(header, receipts[:count])
    return None


def _logs(header: Header, receipts: Sequence[ToldReceipt]) -> list[RawLog]:
    number, block_hash = hex(header.block.number), header.block.hash
    every = [(receipt.transaction_hash, each) for receipt in receipts for each in receipt.logs]
    return [
        RawLog(each.address, each.topics, each.data, number, block_hash, tx_hash, hex(index))
        for index, (tx_hash, each) in enumerate(every)
    ]


def _is_not_offered(error: RpcError) -> bool:
    return error.error_code in _NO_SUCH_METHOD or bool(_NOT_OFFERED.search(error.message))
