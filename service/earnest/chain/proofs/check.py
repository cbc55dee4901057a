"""The check of a proof from its bytes alone: no node is asked, nothing is believed that does not hash.

What is left open is named by `Proven`: whether the blocks are the chain's own (only a node can say), and, without the
storage part, whether anything came after the last event.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NoReturn

from eth_abi.exceptions import EncodingError

from earnest.chain.logs import decode_log
from earnest.chain.node import RawLog
from earnest.chain.proofs import form, rlp, slot, told
from earnest.chain.proofs.errors import Layer, ProofBroken
from earnest.chain.proofs.trie import NotInTrie, check_nodes
from earnest.payment.errors import ChainDisagrees, InvalidInput
from earnest.payment.events import PaymentEvent
from earnest.payment.primitives import Address, Hash32, hash32, keccak, parse_address, parse_hash32, to_bytes
from earnest.payment.record import BlockRef
from earnest.payment.representation import parse_terms, represent_terms
from earnest.payment.terms import Terms, payment_id
from earnest.payment.transitions import PaymentState, fold

Note = Callable[[Layer, str], object]
"""Is told each thing that was checked and held, in order."""

_CHAIN: Final = re.compile(r"eip155:([1-9][0-9]{0,17})", re.ASCII)
_BYTES: Final = re.compile(r"0x(?:[0-9a-f]{2})*", re.ASCII)
_NO_HASH: Final = Hash32("0x" + "0" * 64)
_LEAST_RECEIPT_FIELDS: Final = 4


@dataclass(frozen=True, slots=True)
class Proven:
    """What a proof proves, provided that its blocks are the chain's.

    `blocks` are those that it rests on, oldest first. `current_at` is the block at which the escrow's storage confirms
    the status; None: nothing shows that no event came after the last one, and `why_no_state` says why.
    """

    chain_id: int
    escrow: Address
    payment_id: Hash32
    terms: Terms
    state: PaymentState
    blocks: tuple[BlockRef, ...]
    current_at: BlockRef | None
    why_no_state: str | None


def check_proof(content: bytes, note: Note = lambda _layer, _what: None) -> Proven:
    """Check a proof.

    Args:
        content: the document, JSON.
        note: is told each thing that held.

    Raises:
        ProofBroken: the first thing that does not hold, by layer and place.
    """
    proof = form.read(content)
    note(Layer.FORM, f"{len(content)} bytes of JSON, of format {form.FORMAT}")
    return _Check(proof, note).run()


@dataclass(frozen=True, slots=True)
class _Header:
    ref: BlockRef
    state_root: bytes
    receipts_root: bytes
    parent_hash: bytes


class _Check:
    def __init__(self, proof: form.ProofForm, note: Note) -> None:
        self._proof, self._note = proof, note

    def run(self) -> Proven:
        chain_id, terms = self._terms()
        headers = [self._header(place) for place in range(len(self._proof.blocks))]
        self._check_order(headers)
        by_hash = {each.ref.hash: each for each in headers}
        receipts = [self._receipt(place, by_hash) for place in range(len(self._proof.receipts))]
        self._check_receipts_order(by_hash)
        events = [self._event(place, receipts, terms) for place in range(len(self._proof.events))]
        self._check_nothing_idle()
        state = self._fold([(event, self._block_of(each, by_hash).timestamp) for event, each in events])
        return Proven(
            chain_id=chain_id,
            escrow=Address(self._proof.escrow),
            payment_id=Hash32(self._proof.payment_id),
            terms=terms,
            state=state,
            blocks=tuple(each.ref for each in headers),
            current_at=self._storage(headers, state),
            why_no_state=self._proof.why_no_state,
        )

    def _terms(self) -> tuple[int, Terms]:
        proof, where = self._proof, "the payment's id"
        match = _CHAIN.fullmatch(proof.chain)
        if not match:
            _broken(Layer.TERMS, "chain", f"{proof.chain[:80]!r} is no chain such as eip155:8453")
        chain_id = int(match[1])
        try:
            escrow, named = parse_address(proof.escrow), parse_hash32(proof.payment_id)
            terms = parse_terms(proof.terms)
            actual = payment_id(terms, chain_id, escrow)
        except (InvalidInput, EncodingError) as error:
            _broken(Layer.TERMS, where, str(error)[:200])
        if represent_terms(terms) != proof.terms or escrow != proof.escrow or named != proof.payment_id:
            _broken(Layer.TERMS, where, "terms, escrow and id are not in the one form in which they are written")
        if actual != named:
            _broken(Layer.TERMS, where, f"these terms on this chain and escrow hash to {actual}, not to {named}")
        self._note(Layer.TERMS, f"the terms hash to {named} with chain {chain_id} and escrow {escrow}")
        return chain_id, terms

    def _header(self, place: int) -> _Header:
        claimed = self._proof.blocks[place]
        where = f"block {claimed.number}"
        raw = _raw(claimed.header, Layer.HEADER, where)
        actual = hash32(keccak(raw))
        if actual != claimed.hash:
            _broken(Layer.HEADER, where, f"its header hashes to {actual}, not to {claimed.hash[:80]}")
        fields = _list(raw, Layer.HEADER, where)
        if len(fields) < told.OLDEST_FIELDS or not all(isinstance(each, bytes) for each in fields):
            _broken(Layer.HEADER, where, "these bytes are no header")
        number, timestamp = (_number(fields[at], Layer.HEADER, where) for at in (told.NUMBER, told.TIMESTAMP))
        if number != claimed.number or timestamp != claimed.timestamp:
            _broken(Layer.HEADER, where, f"its header says block {number} at time {timestamp}")
        self._note(Layer.HEADER, f"block {number}: {len(raw)} bytes hash to {actual}")
        state_root, receipts_root, parent = (
            _bytes(fields[at]) for at in (told.STATE_ROOT, told.RECEIPTS_ROOT, told.PARENT_HASH)
        )
        return _Header(BlockRef(number, actual, timestamp), state_root, receipts_root, parent)

    def _check_order(self, headers: list[_Header]) -> None:
        for older, newer in pairwise(headers):
            where = f"block {newer.ref.number}"
            if newer.ref.number <= older.ref.number:
                _broken(Layer.HEADER, where, f"it stands after block {older.ref.number}: two blocks of one height, say")
            is_child = newer.ref.number == older.ref.number + 1
            if is_child and newer.parent_hash != to_bytes(older.ref.hash):
                _broken(Layer.HEADER, where, f"its parent is another block than {older.ref.hash}")

    def _receipt(self, place: int, headers: dict[Hash32, _Header]) -> list[rlp.Item]:
        """Return a receipt's logs."""
        claimed = self._proof.receipts[place]
        header = headers.get(Hash32(claimed.block))
        if header is None:
            _broken(Layer.RECEIPT, f"receipt {place}", f"there is no block {claimed.block[:80]} in the proof")
        where = f"receipt {place} (tx {claimed.tx_index} of block {header.ref.number})"
        if claimed.tx_index < 0:
            _broken(Layer.RECEIPT, where, "no tx has such an index")
        nodes = [_raw(each, Layer.RECEIPT, where) for each in claimed.nodes]
        try:
            value = check_nodes(header.receipts_root, told.trie_key(claimed.tx_index), nodes)
        except NotInTrie as error:
            _broken(Layer.RECEIPT, where, str(error))
        # A typed receipt begins with its type, and no list begins with so small a byte. Source: EIP-2718.
        fields = _list(value[1:] if value[0] < 0x80 else value, Layer.RECEIPT, where)
        logs = fields[3] if len(fields) >= _LEAST_RECEIPT_FIELDS else b""
        if isinstance(logs, bytes):
            _broken(Layer.RECEIPT, where, "what is proven there is no receipt")
        self._note(Layer.RECEIPT, f"{where}: {len(nodes)} nodes lead from the receipts root to its {len(value)} bytes")
        return list(logs)

    def _check_receipts_order(self, headers: dict[Hash32, _Header]) -> None:
        places = [(headers[Hash32(each.block)].ref.number, each.tx_index) for each in self._proof.receipts]
        if any(older >= newer for older, newer in pairwise(places)):
            _broken(Layer.RECEIPT, "the receipts", "they do not stand in the order of the chain, or one stands twice")

    def _event(self, place: int, receipts: list[list[rlp.Item]], terms: Terms) -> tuple[PaymentEvent, form.EventForm]:
        claimed, where = self._proof.events[place], f"event {place + 1}"
        if not 0 <= claimed.receipt < len(receipts):
            _broken(Layer.LOG, where, f"there is no receipt {claimed.receipt} in the proof")
        logs = receipts[claimed.receipt]
        if not 0 <= claimed.log < len(logs):
            _broken(Layer.LOG, where, f"its receipt has {len(logs)} logs, and none of number {claimed.log}")
        event = self._decoded(logs[claimed.log], where)
        if event.payment_id != self._proof.payment_id:
            _broken(Layer.EVENT, where, f"the log is about payment {event.payment_id}")
        wrong = form.differences(claimed, form.event_form(event, claimed.receipt, claimed.log))
        if wrong:
            _broken(Layer.EVENT, where, wrong)
        if event.funding is not None and event.funding.terms != terms:
            _broken(Layer.EVENT, where, "it was funded under other terms")
        self._note(
            Layer.EVENT,
            f"{event.kind} is log {claimed.log} of receipt {claimed.receipt}, by the escrow: {event.status}, "
            f"{event.held} held",
        )
        return event, claimed

    def _decoded(self, item: rlp.Item, where: str) -> PaymentEvent:
        fields = [] if isinstance(item, bytes) else list(item)
        address, topics, data = fields if len(fields) == 3 else (b"", b"", b"")
        if not isinstance(address, bytes) or isinstance(topics, bytes) or not isinstance(data, bytes):
            _broken(Layer.LOG, where, "what stands in the receipt is no log")
        if address != to_bytes(Address(self._proof.escrow)):
            _broken(Layer.LOG, where, f"the log was written by 0x{address.hex()}, not by the escrow")
        raw = RawLog(
            address="0x" + address.hex(),
            topics=["0x" + _bytes(topic).hex() for topic in topics],
            data="0x" + data.hex(),
            block_number="0x0",
            block_hash=_NO_HASH,
            transaction_hash=_NO_HASH,
            log_index="0x0",
        )
        try:
            event = decode_log(raw).event
        except ChainDisagrees as error:
            _broken(Layer.LOG, where, f"the log is none that the escrow writes: {error}")
        if not isinstance(event, PaymentEvent):
            _broken(Layer.LOG, where, f"the log is a {type(event).__name__}, which no payment's history counts")
        return event

    def _check_nothing_idle(self) -> None:
        """What nothing rests on could be anything, so it has no place in a proof."""
        proof = self._proof
        places = [(each.receipt, each.log) for each in proof.events]
        if any(older >= newer for older, newer in pairwise(places)):
            _broken(Layer.EVENT, "the events", "they do not stand in the order of the chain, or one stands twice")
        if {receipt for receipt, _ in places} != set(range(len(proof.receipts))):
            _broken(Layer.RECEIPT, "the receipts", "there is one that no event rests on")
        used = {each.block for each in proof.receipts} | ({proof.state.block} if proof.state else set())
        if {each.hash for each in proof.blocks} - used:
            _broken(Layer.HEADER, "the blocks", "there is one that nothing rests on")

    def _block_of(self, event: form.EventForm, headers: dict[Hash32, _Header]) -> BlockRef:
        return headers[Hash32(self._proof.receipts[event.receipt].block)].ref

    def _fold(self, events: list[tuple[PaymentEvent, int]]) -> PaymentState:
        where = "the payment"
        if not events:
            _broken(Layer.FOLD, where, "there is no event in the proof")
        try:
            state = fold(events)
        except ChainDisagrees as error:
            _broken(Layer.FOLD, where, str(error))
        wrong = form.differences(self._proof.payment, form.payment_form(state))
        if wrong:
            _broken(Layer.FOLD, where, wrong)
        self._note(
            Layer.FOLD,
            f"{state.seq} events add up to {state.status} since {state.since}: {state.funded} funded, {state.held} "
            f"held, {state.to_merchant} to the merchant, {state.to_fee_recipient} fees, {state.to_buyer} to the buyer",
        )
        return state

    def _storage(self, headers: list[_Header], state: PaymentState) -> BlockRef | None:
        claimed = self._proof.state
        if claimed is None:
            return None
        newest = headers[-1]
        where = f"block {newest.ref.number}"
        if claimed.block != newest.ref.hash:
            _broken(Layer.STORAGE, where, f"the storage is that of {claimed.block[:80]}, and not of the newest block")
        account_nodes, slot_nodes = (
            [_raw(each, Layer.STORAGE, where) for each in nodes]
            for nodes in (claimed.account_nodes, claimed.slot_nodes)
        )
        try:
            key = keccak(to_bytes(Address(self._proof.escrow)))
            root = slot.storage_root(check_nodes(newest.state_root, key, account_nodes))
            word = check_nodes(root, keccak(to_bytes(Hash32(self._proof.payment_id))), slot_nodes)
            actual = slot.unpack(rlp.decode_int(rlp.decode(word)))
        except ValueError as error:
            _broken(Layer.STORAGE, where, str(error))
        if actual != slot.expected(state):
            _broken(Layer.STORAGE, where, f"the slot says {actual}, and the events {slot.expected(state)}")
        self._note(
            Layer.STORAGE,
            f"{where}: the escrow's slot says {actual.status} since {actual.since} after {actual.seq} events, "
            "so none is left out",
        )
        return newest.ref


def _broken(layer: Layer, where: str, why: str) -> NoReturn:
    raise ProofBroken(layer, where, why) from None


def _raw(text: str, layer: Layer, where: str) -> bytes:
    if not _BYTES.fullmatch(text):
        _broken(layer, where, f"{text[:40]!r} is not 0x and lower-case hexadecimal digits, two a byte")
    return bytes.fromhex(text[2:])


def _list(raw: bytes, layer: Layer, where: str) -> list[rlp.Item]:
    try:
        fields = rlp.decode(raw)
    except rlp.NotRlp as error:
        _broken(layer, where, f"it is no RLP: {error}")
    if isinstance(fields, bytes):
        _broken(layer, where, "it is no list in RLP")
    return list(fields)


def _number(item: rlp.Item, layer: Layer, where: str) -> int:
    try:
        return rlp.decode_int(item)
    except rlp.NotRlp as error:
        _broken(layer, where, str(error))


def _bytes(item: rlp.Item) -> bytes:
    """Return an item that is bytes; a list, which hashes to nothing that is sought, as none."""
    return item if isinstance(item, bytes) else b""
