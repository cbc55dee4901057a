"""The contract's own state at one block, a thousand payments a call: what the mirror is reconciled with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError

from earnest.chain.errors import NoContract, RpcError
from earnest.chain.node import Call, Node
from earnest.escrow import views
from earnest.escrow.views import EscrowState
from earnest.mirror.errors import StateNotKept
from earnest.payment.primitives import ZERO_ADDRESS, Address, Hash32, keccak
from earnest.payment.record import BlockRef
from earnest.payment.terms import Terms

AT_ONCE: Final = 1_000
"""Payments a call: 1,000 cold slots cost 2.6 million gas, far below the 50 million that nodes give an `eth_call`."""

_NO_STATE: Final = re.compile(
    r"missing trie node|header not found|header for hash not found|block .*not found|unknown block|not canonical|"
    r"state .*(not available|unavailable|not found|discarded|pruned|missing)|historical state|pruned|archive|"
    r"no state|distance to target block|too old|older than|metadata is not found",
    re.IGNORECASE,
)
"""How nodes say that they keep no state of a block (any more). Sources: geth, Nethermind, Erigon, Besu, Reth, anvil."""
_INVALID_PARAMS: Final = -32602


class StateGone(Exception):
    """The node keeps no state of the block; another block may do."""


class ContractState:
    """The escrow as it was at the end of one block.

    Args:
        node: who is asked.
        escrow: the contract.
        block: asked for by its hash, so that no reorg can put another state in its place.
    """

    def __init__(self, node: Node, escrow: Address, block: BlockRef) -> None:
        self._node, self._escrow, self.block = node, escrow, block
        # EIP-1898; a node that does not know it is asked by number.
        self._at: Any = {"blockHash": block.hash, "requireCanonical": True}

    def check(self) -> None:
        """Make sure that the node has this state.

        Raises:
            StateGone: it has not.
            NoContract: no contract stood there.
        """
        try:
            self.states([])
        except RpcError as error:
            if error.error_code != _INVALID_PARAMS:
                raise
            header = self._node.header(self.block.number)
            if header is None or header.block.hash != self.block.hash:
                raise StateGone(f"block {self.block.number} is another one by now") from error
            self._at = hex(self.block.number)
            self.states([])

    def states(self, payment_ids: Sequence[Hash32]) -> list[EscrowState]:
        """Return the payments' states; at most `AT_ONCE` of them."""
        (answer,) = self._ask([self._view(views.states_of(list(payment_ids)))])
        if isinstance(answer, RpcError):
            raise answer
        if not answer:
            raise NoContract(self._node.endpoint, self._escrow)
        return views.decode_states_of(answer)

    def held(self, terms: Sequence[Terms]) -> list[int]:
        """Return what is held for the payments of these terms, in base units."""
        return [views.decode_held_of(each) for each in self._insist([self._view(views.held_of(one)) for one in terms])]

    def credits(self, owed: Sequence[tuple[Address, Address]]) -> list[int]:
        """Return what the escrow owes, in base units, for each (account, token)."""
        asked = [self._view(views.credit_of(account, token)) for account, token in owed]
        return [views.decode_credit_of(each) for each in self._insist(asked)]

    def dismissed(self, pairs: Sequence[tuple[Address, Address]]) -> list[bool]:
        """Return whether each (merchant, operator) parted for good."""
        asked = [self._view(views.is_dismissed(merchant, operator)) for merchant, operator in pairs]
        return [views.decode_is_dismissed(each) for each in self._insist(asked)]

    def balances(self, tokens: Sequence[Address]) -> list[int | None]:
        """Return the escrow's balance in each token (the zero address: coin); None where a token does not tell one."""
        return [_uint(each) for each in self._ask([self._balance(token) for token in tokens])]

    def _view(self, data: str) -> Call:
        return Call("eth_call", ({"to": self._escrow, "data": data}, self._at), str)

    def _balance(self, token: Address) -> Call:
        if token == ZERO_ADDRESS:
            return Call("eth_getBalance", (self._escrow, self._at), str)
        data = "0x" + (keccak(b"balanceOf(address)")[:4] + encode(["address"], [self._escrow])).hex()
        return Call("eth_call", ({"to": token, "data": data}, self._at), str)

    def _insist(self, calls: Sequence[Call]) -> list[bytes]:
        answers = self._ask(calls)
        for answer in answers:
            if isinstance(answer, RpcError):
                raise answer
        return [each for each in answers if isinstance(each, bytes)]

    def _ask(self, calls: Sequence[Call]) -> list[bytes | RpcError]:
        try:
            answers = self._node.batch(calls) if len(calls) > 1 else [self._node.call(*each) for each in calls]
        except RpcError as error:
            answers = [error]
        told: list[bytes | RpcError] = []
        for answer in answers:
            if isinstance(answer, RpcError) and answer.data is None and _NO_STATE.search(answer.message):
                raise StateGone(answer.message)
            told.append(answer if isinstance(answer, RpcError) else _bytes(answer))
        return told


def find_state(node: Node, escrow: Address, blocks: Sequence[BlockRef]) -> ContractState:
    """Return the contract's state at the first of these blocks of which the node keeps one.

    Raises:
        StateNotKept: at none of them.
    """
    said = "there is no block yet"
    for block in blocks:
        state = ContractState(node, escrow, block)
        try:
            state.check()
        except StateGone as gone:
            said = str(gone)
        else:
            return state
    numbers = ", ".join(str(each.number) for each in blocks)
    raise StateNotKept(node.endpoint, f"the blocks {numbers}" if len(blocks) > 1 else f"block {numbers}", said)


def _bytes(answer: str) -> bytes:
    digits = answer.removeprefix("0x")
    return bytes.fromhex(digits if len(digits) % 2 == 0 else "0" + digits)


def _uint(answer: bytes | RpcError) -> int | None:
    """A balance: 32 bytes from a token, a plain quantity for coin."""
    if isinstance(answer, RpcError) or not answer:
        return None
    if len(answer) < 32:
        return int.from_bytes(answer)
    try:
        return int(decode(["uint256"], answer)[0])
    except DecodingError:
        return None
