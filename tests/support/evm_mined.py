"""The true chain: signed txs in mined blocks, on eth-tester and the EVM (py-evm) that the embedded chain runs on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from eth.abc import ComputationAPI
from eth.exceptions import Revert
from eth.vm.forks.prague.transactions import PragueTransactionBuilder
from eth.vm.spoof import SpoofTransaction
from eth_keys.datatypes import PrivateKey
from eth_tester import EthereumTester, PyEVMBackend
from eth_typing import Address as RawAddress

from earnest.escrow.create2 import PROXY, PROXY_RUNTIME, create_address
from earnest.payment.primitives import Address, checksum_address, to_bytes
from tests.support.evm import PLENTY_OF_GAS, Log, Outcome, Signer

_MAX_FEE_WEI = 10**10
_CREATION_GAS = 20_000_000
_BLOCK_GAS_LIMIT = 30_000_000
_BANK_WEI = 2**200


class MinedChain:
    """See `tests.support.evm.Evm`."""

    def __init__(self, time: int) -> None:
        parameters = PyEVMBackend.generate_genesis_params({"gas_limit": _BLOCK_GAS_LIMIT, "timestamp": time - 1})
        proxy = {"balance": 0, "nonce": 1, "code": PROXY_RUNTIME, "storage": {}}
        state = PyEVMBackend.generate_genesis_state(overrides={"balance": _BANK_WEI}) | {to_bytes(PROXY): proxy}
        self._backend = PyEVMBackend(genesis_parameters=parameters, genesis_state=state)
        self._tester = EthereumTester(self._backend)
        self._bank: PrivateKey = self._backend.account_keys[0]
        self.chain_id = int(self._backend.chain.chain_id)
        self.time = time

    def deploy(self, sender: Signer, code: bytes) -> Address:
        created = create_address(sender.address, self._state().get_nonce(_raw(sender.address)))
        computation = self._mine(_key(sender), b"", code, 0, _CREATION_GAS)[0]
        assert computation.is_success, computation.error
        return created

    def transact(
        self, sender: Signer, to: Address, data: bytes = b"", value: int = 0, gas: int = PLENTY_OF_GAS
    ) -> Outcome:
        timestamp = self.time
        computation, coin_for_gas = self._mine(_key(sender), to_bytes(to), data, value, gas)
        return _outcome(computation, coin_for_gas, timestamp)

    def call(self, sender: Address, to: Address, data: bytes, value: int = 0) -> Outcome:
        state = self._state()
        before = state.snapshot()
        try:
            return _outcome(state.apply_transaction(_spoofed(state, sender, to, data, value)), 0, self.time)
        finally:
            state.revert(before)

    def coin_of(self, account: Address) -> int:
        return int(self._state().get_balance(_raw(account)))

    def give_coin(self, account: Address, wei: int) -> None:
        assert self._mine(self._bank, to_bytes(account), b"", wei, 100_000)[0].is_success

    @contextmanager
    def undone(self) -> Iterator[None]:
        time, snapshot = self.time, self._tester.take_snapshot()
        try:
            yield
        finally:
            self._tester.revert_to_snapshot(snapshot)
            self.time = time

    def _mine(self, key: PrivateKey, to: bytes, data: bytes, value: int, gas: int) -> tuple[ComputationAPI, int]:
        chain = self._backend.chain
        chain.header = chain.header.copy(timestamp=self.time)
        unsigned = PragueTransactionBuilder.new_unsigned_dynamic_fee_transaction(
            chain_id=self.chain_id,
            nonce=self._state().get_nonce(key.public_key.to_canonical_address()),
            max_priority_fee_per_gas=0,
            max_fee_per_gas=_MAX_FEE_WEI,
            gas=gas,
            to=RawAddress(to),
            value=value,
            data=data,
            access_list=(),
        )
        base_fee = chain.header.base_fee_per_gas
        _, receipt, computation = chain.apply_transaction(unsigned.as_signed_transaction(key))
        self._backend.mine_blocks()
        self.time += 1
        return computation, receipt.gas_used * base_fee

    def _state(self) -> Any:
        chain = self._backend.chain
        return chain.get_vm(at_header=chain.header.copy(timestamp=self.time, base_fee_per_gas=0)).state


def _outcome(computation: ComputationAPI, coin_for_gas: int, timestamp: int) -> Outcome:
    if computation.is_error:
        data = computation.output if isinstance(computation.error, Revert) else b""
        return Outcome(False, data, (), coin_for_gas, timestamp)
    logs = tuple(
        Log(checksum_address("0x" + bytes(address).hex()), tuple(topic.to_bytes(32, "big") for topic in topics), data)
        for address, topics, data in computation.get_log_entries()
    )
    return Outcome(True, computation.output, logs, coin_for_gas, timestamp)


def _spoofed(state: Any, sender: Address, to: Address, data: bytes, value: int) -> Any:
    unsigned = PragueTransactionBuilder.new_unsigned_dynamic_fee_transaction(
        chain_id=0,
        nonce=state.get_nonce(_raw(sender)),
        max_priority_fee_per_gas=0,
        max_fee_per_gas=0,
        gas=PLENTY_OF_GAS,
        to=_raw(to),
        value=value,
        data=data,
        access_list=(),
    )
    return SpoofTransaction(unsigned, from_=_raw(sender))


def _raw(account: Address) -> RawAddress:
    return RawAddress(to_bytes(account))


def _key(sender: Signer) -> PrivateKey:
    return PrivateKey(sender.key.secret)
