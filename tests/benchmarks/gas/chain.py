"""A chain for measuring: py-evm with the rules of Prague, each tx alone in a block of its own, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from eth.abc import SignedTransactionAPI
from eth.chains.base import Chain
from eth.constants import POST_MERGE_DIFFICULTY, POST_MERGE_MIX_HASH, POST_MERGE_NONCE
from eth.db.atomic import AtomicDB
from eth.typing import AccountDetails, HeaderParams
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.transactions import PragueTransactionBuilder
from eth_keys.datatypes import PrivateKey
from eth_typing import Address, BlockNumber

CHAIN_ID = 31_337
TX_GAS = 30_000_000
SECONDS_PER_BLOCK = 12
COIN = 10**24
"""Wei of everyone at the beginning."""


class TxFailed(Exception):
    """A tx that was to be measured failed; the message is the EVM's."""


@dataclass(frozen=True)
class Sent:
    """What became of a tx: the receipt's gas, and the address of a contract it created."""

    gas_used: int
    created: bytes


class MeasuringChain(Protocol):
    """A chain that is only sent to and asked; `now` is the newest block's time, Unix seconds, and may be moved on."""

    now: int

    def send(self, key: PrivateKey, to: bytes, data: bytes = b"", value: int = 0) -> Sent:
        """Mine a signed tx alone in the next block; `to` is empty for a creation. Raises `TxFailed`."""

    def ask(self, to: bytes, data: bytes) -> bytes:
        """Return what a call returns, without a trace. Raises `TxFailed`."""

    def snapshot(self) -> Any:
        """Return what `restore` takes, as often as wanted, to come back here."""

    def restore(self, snapshot: Any) -> None:
        """Go back to a snapshot."""


class PyEvmChain:
    """A `MeasuringChain` in this process that keeps its newest state and forgets its blocks."""

    def __init__(
        self, keys: list[PrivateKey], code: dict[bytes, bytes], now: int, vm: type[PragueVM] = PragueVM
    ) -> None:
        """Give every key coin, and put `code` where it is said to stand; another `vm` may watch what it runs."""
        self.now = now
        people = {Address(key.public_key.to_canonical_address()): _account(COIN, b"") for key in keys}
        contracts = {Address(address): _account(0, each) for address, each in code.items()}
        header: dict[str, HeaderParams] = {
            "difficulty": POST_MERGE_DIFFICULTY,
            "mix_hash": POST_MERGE_MIX_HASH,
            "nonce": POST_MERGE_NONCE,
            "gas_limit": TX_GAS,
            "timestamp": now,
        }
        rules = {"chain_id": CHAIN_ID, "vm_configuration": ((BlockNumber(0), vm),)}
        self._evm = Chain.configure("MeasuringEvm", **rules).from_genesis(AtomicDB(), header, people | contracts)
        self._genesis = self._evm.get_canonical_head()
        self._root = self._genesis.state_root

    def send(self, key: PrivateKey, to: bytes, data: bytes = b"", value: int = 0) -> Sent:
        self.now += SECONDS_PER_BLOCK
        vm = self._vm()
        nonce = vm.state.get_nonce(Address(key.public_key.to_canonical_address()))
        receipt, computation = vm.apply_transaction(vm.get_header(), signed(key, nonce, to, data, value))
        if computation.is_error:
            raise TxFailed(f"{computation.error!r} {computation.output.hex()}")
        vm.state.persist()
        self._root = vm.state.state_root
        created = computation.msg.storage_address if computation.msg.is_create else b""
        return Sent(receipt.gas_used, created)

    def ask(self, to: bytes, data: bytes) -> bytes:
        vm = self._vm()
        nobody = Address(bytes(20))
        answer = vm.execute_bytecode(
            nobody, 0, TX_GAS, Address(to), nobody, 0, data, vm.state.get_code(Address(to)), Address(to)
        )
        if answer.is_error:
            raise TxFailed(f"{answer.error!r} {answer.output.hex()}")
        return answer.output

    def snapshot(self) -> Any:
        # The tries of the states keep each other, and nothing is ever deleted.
        return self._root, self.now

    def restore(self, snapshot: Any) -> None:
        self._root, self.now = snapshot

    def _vm(self) -> PragueVM:
        header = self._genesis.copy(
            block_number=BlockNumber(1), timestamp=self.now, state_root=self._root, base_fee_per_gas=0
        )
        vm = self._evm.get_vm(header)
        assert isinstance(vm, PragueVM)
        return vm


def signed(
    key: PrivateKey, nonce: int, to: bytes, data: bytes, value: int, max_fee_wei: int = 0
) -> SignedTransactionAPI:
    """Return a signed tx of EIP-1559."""
    unsigned = PragueTransactionBuilder.new_unsigned_dynamic_fee_transaction(
        chain_id=CHAIN_ID,
        nonce=nonce,
        max_priority_fee_per_gas=0,
        max_fee_per_gas=max_fee_wei,
        gas=TX_GAS,
        to=Address(to),
        value=value,
        data=data,
        access_list=[],
    )
    return unsigned.as_signed_transaction(key)


def _account(balance: int, code: bytes) -> AccountDetails:
    return {"balance": balance, "nonce": 1 if code else 0, "code": code, "storage": {}}
