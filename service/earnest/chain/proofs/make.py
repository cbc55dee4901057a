"""Making a proof: a node is asked for blocks, receipts and storage, and nothing of it is taken that does not hash."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec

from earnest.chain.errors import MalformedAnswer, RpcError
from earnest.chain.node import Call, Node
from earnest.chain.proofs import form, slot, told
from earnest.chain.proofs.check import check_proof
from earnest.chain.proofs.errors import (
    BlockMissing,
    EventNotThere,
    ProofBroken,
    ProofDisagrees,
    ProofTooSlow,
    StateMoved,
)
from earnest.chain.proofs.told import HeaderBytes, ToldHeader, ToldReceipt
from earnest.chain.proofs.trie import check_nodes, used_nodes
from earnest.payment.events import TOPICS, PaymentEvent
from earnest.payment.primitives import Address, Hash32, keccak, to_bytes
from earnest.payment.record import BlockRef
from earnest.payment.representation import caip2, represent_terms
from earnest.payment.terms import Terms
from earnest.payment.transitions import PaymentState

T = TypeVar("T")

RECEIPTS_AT_ONCE: Final = 100
"""One by one only where a node has no `eth_getBlockReceipts`; the deadline is looked at between such pages."""
_METHOD_NOT_FOUND: Final = -32601
"""Source: JSON-RPC 2.0, section 5.1."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be proven: a payment as the mirror has it, with its events (each with its block) in order of `seq`.

    `head` is the block at which the escrow's storage shall confirm the status.
    """

    chain_id: int
    escrow: Address
    payment_id: Hash32
    terms: Terms
    state: PaymentState
    events: tuple[tuple[BlockRef, PaymentEvent], ...]
    head: BlockRef


class Budget:
    """How long a proof may take; raises `ProofTooSlow` when asked after that."""

    def __init__(self, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.seconds, self._monotonic = seconds, monotonic
        self._until = monotonic() + seconds

    def check(self) -> None:
        """Raise `ProofTooSlow` if the time is over."""
        if self._monotonic() > self._until:
            raise ProofTooSlow(self.seconds)


@dataclass(frozen=True, slots=True)
class ReceiptPart:
    """A receipt with events of the payment: its nodes, and the place of each event's log, by `seq`."""

    tx_index: int
    nodes: tuple[str, ...]
    logs: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class BlockPart:
    """All that a proof needs of one block. It never changes, since the block is named by its hash."""

    block: form.BlockForm
    receipts: tuple[ReceiptPart, ...]

    @property
    def size_bytes(self) -> int:
        """About how much memory it takes."""
        return len(self.block.header) + sum(len(node) for each in self.receipts for node in each.nodes)


class _ToldStorage(msgspec.Struct, frozen=True):
    proof: list[str]


class _ToldProof(msgspec.Struct, rename="camel", frozen=True):
    account_proof: list[str]
    storage_proof: list[_ToldStorage]


class Maker:
    """Makes proofs out of what one node tells."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def block(self, wanted: Wanted, block: BlockRef, budget: Budget) -> BlockPart:
        """Return what the proof needs of a block in which events of the payment stand.

        Raises:
            BlockMissing: the node does not have it.
            UnknownHeaderForm, UnknownReceiptForm: what was told does not hash to what the chain says.
            EventNotThere: the receipts do not hold one of the events.
            NodeUnavailable, RpcError, ProofTooSlow: as named.
        """
        told_header, header = self._header(block.hash)
        receipts = self._receipts(header, told_header.transactions, budget)
        seqs = [event.seq for where, event in wanted.events if where.hash == block.hash]
        found = [_find(wanted, header.number, receipts, seq) for seq in seqs]
        trie = self._usable(lambda: told.receipts_trie(header, receipts))
        parts = [
            ReceiptPart(
                tx_index,
                tuple(_hexed(trie.prove(told.trie_key(tx_index)))),
                tuple((seq, log) for seq, (place, log) in zip(seqs, found, strict=True) if place == tx_index),
            )
            for tx_index in sorted({place for place, _ in found})
        ]
        return BlockPart(_block_form(header), tuple(parts))

    def state(self, wanted: Wanted) -> tuple[form.BlockForm, form.StateForm] | form.WhyNoState:
        """Return the escrow's storage at `wanted.head` with its header, or why there is none to be had.

        Raises:
            StateMoved: the node told the storage of another block.
            BlockMissing, UnknownHeaderForm, NodeUnavailable: as named.
        """
        asked = (wanted.escrow, [wanted.payment_id], hex(wanted.head.number))
        try:
            answer: _ToldProof = self._node.call("eth_getProof", asked, _ToldProof)
        except RpcError as error:
            return "not_offered" if error.error_code == _METHOD_NOT_FOUND else "refused"
        if len(answer.storage_proof) != 1:
            raise MalformedAnswer(self._node.endpoint, "told the storage of other slots than the one asked for")
        _, header = self._header(wanted.head.hash)
        account_nodes = self._by_hash(answer.account_proof)
        slot_nodes = self._by_hash(answer.storage_proof[0].proof)
        key = keccak(to_bytes(wanted.escrow))
        try:
            account = used_nodes(header.state_root, key, account_nodes)
            root = slot.storage_root(check_nodes(header.state_root, key, account))
            kept = used_nodes(root, keccak(to_bytes(wanted.payment_id)), slot_nodes)
        except ValueError:
            raise StateMoved(header.number) from None
        return _block_form(header), form.StateForm(header.hash, _hexed(account), _hexed(kept))

    def _header(self, block_hash: Hash32) -> tuple[ToldHeader, HeaderBytes]:
        answer: ToldHeader | None = self._node.call("eth_getBlockByHash", (block_hash, False), ToldHeader | None)
        if answer is None or answer.hash.lower() != block_hash:
            raise BlockMissing(block_hash)
        return answer, self._usable(lambda: told.header_bytes(answer))

    def _receipts(self, header: HeaderBytes, txs: Sequence[str], budget: Budget) -> list[ToldReceipt]:
        """Return a block's receipts in the order of their txs."""
        try:
            found = self._node.call("eth_getBlockReceipts", (header.hash,), list[ToldReceipt] | None)
        except RpcError:
            found = self._one_by_one(txs, budget)
        if found is None:
            raise BlockMissing(header.hash)
        return self._usable(lambda: sorted(found, key=lambda each: int(each.transaction_index, 16)))

    def _one_by_one(self, txs: Sequence[str], budget: Budget) -> list[ToldReceipt] | None:
        found: list[ToldReceipt] = []
        for start in range(0, len(txs), RECEIPTS_AT_ONCE):
            budget.check()
            page = txs[start : start + RECEIPTS_AT_ONCE]
            calls = [Call("eth_getTransactionReceipt", (each,), ToldReceipt | None) for each in page]
            found += (each for each in self._node.gather(calls) if each is not None)
        return found if len(found) == len(txs) else None

    def _by_hash(self, nodes: Sequence[str]) -> dict[bytes, bytes]:
        raws = self._usable(lambda: [told.to_raw(each) for each in nodes])
        return {keccak(each): each for each in raws}

    def _usable(self, read: Callable[[], T]) -> T:
        try:
            return read()
        except ValueError as error:
            raise MalformedAnswer(self._node.endpoint, f"told what cannot be read: {str(error)[:200]}") from None


def assemble(
    wanted: Wanted, parts: Sequence[BlockPart], state: tuple[form.BlockForm, form.StateForm] | form.WhyNoState
) -> bytes:
    """Return the proof's document, checked as anybody would check it.

    Args:
        wanted: what is proven.
        parts: the blocks of its events, oldest first.
        state: the storage part, or why it is missing.

    Raises:
        ProofDisagrees: it does not hold.
    """
    receipts = [(part, each) for part in parts for each in part.receipts]
    places = {seq: (at, log) for at, (_, receipt) in enumerate(receipts) for seq, log in receipt.logs}
    blocks = [part.block for part in parts]
    why_no_state, storage = (state, None) if isinstance(state, str) else (None, state[1])
    if not isinstance(state, str) and state[0] not in blocks:
        blocks.append(state[0])
    content = form.write(
        form.ProofForm(
            object="payment_proof",
            format=form.FORMAT,
            chain=caip2(wanted.chain_id),
            escrow=wanted.escrow,
            payment_id=wanted.payment_id,
            terms=represent_terms(wanted.terms),
            payment=form.payment_form(wanted.state),
            blocks=blocks,
            receipts=[form.ReceiptForm(part.block.hash, each.tx_index, list(each.nodes)) for part, each in receipts],
            events=[form.event_form(event, *places[event.seq]) for _, event in wanted.events],
            state=storage,
            why_no_state=why_no_state,
        )
    )
    try:
        check_proof(content)
    except ProofBroken as broken:
        raise ProofDisagrees(broken) from broken
    return content


def _find(wanted: Wanted, number: int, receipts: Sequence[ToldReceipt], seq: int) -> tuple[int, int]:
    """Return the tx' index and the log's place in its receipt, found by content: nodes count logs in different ways."""
    for tx_index, receipt in enumerate(receipts):
        for place, log in enumerate(receipt.logs):
            if log.address.lower() == wanted.escrow.lower() and _is_event(log, wanted.payment_id, seq):
                return tx_index, place
    raise EventNotThere(number, seq)


def _is_event(log: told.ToldLog, payment_id: Hash32, seq: int) -> bool:
    """Every event of a payment's history has the id as its only topic beside its name, and begins with its number."""
    named = len(log.topics) == 2 and log.topics[1].lower() == payment_id
    return named and log.data[2:66].lower() == f"{seq:064x}" and log.topics[0].lower() in TOPICS


def _hexed(nodes: Sequence[bytes]) -> list[str]:
    return ["0x" + each.hex() for each in nodes]


def _block_form(header: HeaderBytes) -> form.BlockForm:
    return form.BlockForm(header.number, header.hash, header.timestamp, "0x" + header.raw.hex())
