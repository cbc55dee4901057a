"""The chain itself: py-evm on the key-value file. Blocks are built, read and taken back here, and nowhere else."""

import os
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import rlp  # type: ignore[import-untyped]
from eth.abc import BlockHeaderAPI, ReceiptAPI, SignedTransactionAPI, StateAPI
from eth.chains.base import Chain
from eth.constants import BLANK_ROOT_HASH
from eth.db.atomic import AtomicDB
from eth.db.chain import ChainDB
from eth.db.schema import SchemaV1
from eth.exceptions import CanonicalHeadNotFound, HeaderNotFound, TransactionNotFound
from eth.rlp.sedes import chain_gaps
from eth.vm.forks.prague import PragueVM
from eth_typing import BlockNumber, Hash32
from eth_utils.exceptions import ValidationError
from trie.hexary import HexaryTrie

from earnest.localnet.facts import CHAIN_ID
from earnest.localnet.genesis import genesis_header_fields, genesis_state
from earnest.localnet.keyvalue import SqliteKeyValue

_BLOCKS_REMEMBERED = 4096
"""Blocks kept decoded: reading one from its tries costs about a millisecond, and followers ask for the same ones."""

_HEADERS_REMEMBERED = 20_000
"""Headers kept decoded, by number: some 40 MB at most, so that a search by bloom filter costs microseconds a block."""

_BUILDER = PragueVM.get_transaction_builder()
_RECEIPTS = PragueVM.get_receipt_builder()


class EmbeddedEvm(Chain):
    """py-evm's chain with the rules of Prague from block 0 on."""

    chain_id = CHAIN_ID
    vm_configuration = ((BlockNumber(0), PragueVM),)


@dataclass(frozen=True)
class Block:
    """A block with its txs and receipts, as they stand in the chain."""

    header: BlockHeaderAPI
    txs: tuple[SignedTransactionAPI, ...]
    receipts: tuple[ReceiptAPI, ...]

    @cached_property
    def size(self) -> int:
        """Bytes of the RLP-encoded block, roughly: header and txs."""
        return 600 + sum(len(tx.encode()) for tx in self.txs)

    def gas_used_by(self, index: int) -> int:
        """Return the gas that the tx at `index` used alone; receipts count up through the block."""
        before = self.receipts[index - 1].gas_used if index else 0
        return self.receipts[index].gas_used - before

    def logs_before(self, index: int) -> int:
        """Return how many logs the txs before `index` made: where that tx's log indexes begin."""
        return sum(len(receipt.logs) for receipt in self.receipts[:index])


@dataclass(frozen=True)
class Built:
    """A block just added, and the txs that turned out not to fit, each with the reason."""

    block: Block
    refused: tuple[tuple[SignedTransactionAPI, str], ...] = field(default=())


class Ledger:
    """The canonical chain, in one file. It belongs to one thread."""

    def __init__(self, db: SqliteKeyValue, now: Callable[[], int]) -> None:
        self._db = db
        self._remembered: OrderedDict[Hash32, Block] = OrderedDict()
        self._headers: dict[int, BlockHeaderAPI] = {}
        self._head_state: StateAPI | None = None
        atomic = AtomicDB(db)
        try:
            self._evm = EmbeddedEvm(atomic)
            self.head = self._evm.get_canonical_head()
        except CanonicalHeadNotFound:
            with db.transaction():
                # py-evm's loggers speak up only in errors, so a fresh chain is silent.
                EmbeddedEvm.from_genesis(atomic, genesis_header_fields(now()), genesis_state())
            self._evm = EmbeddedEvm(atomic)
            self.head = self._evm.get_canonical_head()

    # Reading

    def header_at(self, number: int) -> BlockHeaderAPI | None:
        """Return the canonical header of that number, or None beyond the head."""
        if not 0 <= number <= self.head.block_number:
            return None
        if number == self.head.block_number:
            return self.head
        header = self._headers.get(number)
        if header is None:
            header = self._evm.chaindb.get_canonical_block_header_by_number(BlockNumber(number))
            if len(self._headers) >= _HEADERS_REMEMBERED:
                self._headers.clear()
            self._headers[number] = header
        return header

    def header_of(self, block_hash: bytes) -> BlockHeaderAPI | None:
        """Return the header of that hash if it is canonical; an orphaned block is not known any more, as on anvil."""
        remembered = self._remembered.get(Hash32(block_hash))
        try:
            header = remembered.header if remembered else self._evm.chaindb.get_block_header_by_hash(Hash32(block_hash))
            canonical = self._evm.chaindb.get_canonical_block_hash(header.block_number)
        except HeaderNotFound:
            return None
        return header if canonical == block_hash else None

    def block(self, header: BlockHeaderAPI) -> Block:
        """Return the block of a header, with txs and receipts."""
        known = self._remembered.get(header.hash)
        if known is None:
            known = self._remember(self._read(header))
        return known

    def find_tx(self, tx_hash: bytes) -> tuple[Block, int] | None:
        """Return the canonical block that holds a tx and its index there."""
        try:
            number, index = self._evm.chaindb.get_transaction_index(Hash32(tx_hash))
        except TransactionNotFound:
            return None
        header = self.header_at(number)
        return None if header is None else (self.block(header), index)

    def state_at(self, header: BlockHeaderAPI) -> StateAPI:
        """Return a state to execute in without keeping anything: as it was after that block."""
        return self._evm.get_vm(header).state

    def facts_at(self, header: BlockHeaderAPI) -> StateAPI:
        """Return the state after that block, to read from only: the head's is shared by all who read it."""
        if header is not self.head:
            return self.state_at(header)
        if self._head_state is None:
            self._head_state = self.state_at(header)
        return self._head_state

    def state_nodes(self, root: bytes, key: bytes) -> Sequence[Any]:
        """Return the nodes, decoded, from a root of state or storage towards a hashed key."""
        if root == BLANK_ROOT_HASH:
            return ()
        return tuple(self._trie(root).get_proof(key))  # type: ignore[no-untyped-call]

    def state_value(self, root: bytes, key: bytes) -> bytes:
        """Return what stands under a hashed key in state or storage, empty where there is nothing."""
        return bytes(self._trie(root)[key])

    def next_header(self, timestamp: int, parent: BlockHeaderAPI | None = None) -> BlockHeaderAPI:
        """Return the header that the next block begins from."""
        parent = parent or self.head
        return self._evm.create_header_from_parent(
            parent, timestamp=timestamp, gas_limit=parent.gas_limit, mix_hash=os.urandom(32)
        )

    @staticmethod
    def decode_tx(raw: bytes) -> SignedTransactionAPI:
        """Return the signed tx in `raw` (EIP-2718 envelope or legacy RLP). Raises whatever the bytes provoke."""
        return _BUILDER.decode(raw)

    # Writing

    def add_block(
        self,
        txs: Iterable[SignedTransactionAPI],
        timestamp: int,
        change_state: Callable[[StateAPI], None] | None = None,
    ) -> Built:
        """Put a block on the head with those of `txs` that are valid there.

        `change_state` may write to the state before the txs run: how a developer's balance is set.
        Call it inside the database's transaction.
        """
        header = self.next_header(timestamp)
        vm = self._evm.get_vm(header)
        if change_state is not None:
            change_state(vm.state)
        included: list[SignedTransactionAPI] = []
        receipts: list[ReceiptAPI] = []
        refused: list[tuple[SignedTransactionAPI, str]] = []
        for tx in txs:
            try:
                receipt, _ = vm.apply_transaction(header, tx)
            except ValidationError as error:
                refused.append((tx, str(error)))
                continue
            header = vm.add_receipt_to_header(header, receipt)
            included.append(tx)
            receipts.append(receipt)
        filled = vm.set_block_transactions_and_withdrawals(vm.get_block(), header, included, receipts)
        final = vm.finalize_block(filled).block
        self._evm.chaindb.persist_block(final)
        self._move_head(final.header)
        return Built(self._remember(Block(final.header, tuple(included), tuple(receipts))), tuple(refused))

    def set_head(self, target: BlockHeaderAPI) -> None:
        """Make `target` the head, be it an ancestor of the head or a block dropped earlier.

        Numbers and txs of dropped blocks are forgotten; those of blocks that come back are known again.
        Call it inside the database's transaction.
        """
        branch = self._branch_to(target)
        common = branch[0].block_number - 1 if branch else target.block_number
        for number in range(common + 1, self.head.block_number + 1):
            dropped = self._evm.chaindb.get_canonical_block_header_by_number(BlockNumber(number))
            for tx in self.block(dropped).txs:
                self._db.delete(SchemaV1.make_transaction_hash_to_block_lookup_key(tx.hash))
            self._db.delete(SchemaV1.make_block_number_to_hash_lookup_key(dropped.block_number))
        self._db.set(SchemaV1.make_canonical_head_hash_lookup_key(), target.hash)
        # py-evm keeps an account of missing numbers; here none is ever missing below the head.
        no_gaps = rlp.encode(((), target.block_number + 1), sedes=chain_gaps)
        self._db.set(SchemaV1.make_header_chain_gaps_lookup_key(), no_gaps)
        self._db.set(SchemaV1.make_chain_gaps_lookup_key(), no_gaps)
        for header in branch:
            # py-evm's own helpers write what a canonical block needs, and nothing of a total difficulty.
            ChainDB._add_block_number_to_hash_lookup(self._db, header)
            for index, tx in enumerate(self.block(header).txs):
                ChainDB._add_transaction_to_canonical_chain(self._db, tx.hash, header, index)
        self._headers.clear()
        self._move_head(target)

    def reload_head(self) -> None:
        """Read the head again from the file, after a transaction on it was given up."""
        self._headers.clear()
        self._move_head(self._evm.get_canonical_head())

    def known_header(self, block_hash: bytes) -> BlockHeaderAPI:
        """Return any header ever stored, canonical or dropped. Raises `HeaderNotFound`."""
        return self._evm.chaindb.get_block_header_by_hash(Hash32(block_hash))

    def _trie(self, root: bytes) -> HexaryTrie:
        return HexaryTrie(self._db, root)

    def _move_head(self, header: BlockHeaderAPI) -> None:
        self.head = header
        self._head_state = None

    def _branch_to(self, target: BlockHeaderAPI) -> Sequence[BlockHeaderAPI]:
        branch: list[BlockHeaderAPI] = []
        header = target
        while self.header_of(header.hash) is None:
            branch.append(header)
            header = self._evm.chaindb.get_block_header_by_hash(header.parent_hash)
        return branch[::-1]

    def _read(self, header: BlockHeaderAPI) -> Block:
        if header.transaction_root == BLANK_ROOT_HASH:
            return Block(header, (), ())
        txs = self._evm.chaindb.get_block_transactions(header, _BUILDER)
        return Block(header, tuple(txs), tuple(self._evm.chaindb.get_receipts(header, _RECEIPTS)))

    def _remember(self, block: Block) -> Block:
        self._remembered[block.header.hash] = block
        if len(self._remembered) > _BLOCKS_REMEMBERED:
            self._remembered.popitem(last=False)
        return block
