"""The quick chain: an EVM in Rust inside this process, without blocks, signatures and gas prices."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from pyrevm import EVM, AccountInfo, BlockEnv, CfgEnv, Env, JournalCheckpoint

from earnest.escrow.create2 import PROXY, PROXY_RUNTIME
from earnest.payment.primitives import Address, checksum_address
from tests.support.evm import PLENTY_OF_GAS, Log, Outcome, Signer

# It tells a revert as a sentence; `Halt` (gas ran out, a bad opcode) carries no data.
_REVERT = re.compile(r"Revert \{ gas_used: \d+, output: 0x([0-9a-f]*) \}")
_HALT = "Halt {"
_BLOCK_GAS_LIMIT = 1_000_000_000


class RevmChain:
    """See `tests.support.evm.Evm`."""

    def __init__(self, time: int, chain_id: int = 31337) -> None:
        self.chain_id = chain_id
        self.time = time
        self._block_number = 0
        env = Env(cfg=CfgEnv(chain_id=chain_id), block=self._next_block())
        self._evm = EVM(env=env, gas_limit=_BLOCK_GAS_LIMIT, spec_id="PRAGUE")
        self._evm.insert_account_info(PROXY, AccountInfo(nonce=1, code=PROXY_RUNTIME))

    def deploy(self, sender: Signer, code: bytes) -> Address:
        self._evm.set_block_env(self._next_block())
        created = checksum_address(self._evm.deploy(sender.address, code))
        self.time += 1
        return created

    def transact(
        self, sender: Signer, to: Address, data: bytes = b"", value: int = 0, gas: int = PLENTY_OF_GAS
    ) -> Outcome:
        outcome = self._run(sender.address, to, data, value, gas)
        self.time += 1
        return outcome

    def call(self, sender: Address, to: Address, data: bytes, value: int = 0) -> Outcome:
        with self.undone():
            return self._run(sender, to, data, value, PLENTY_OF_GAS)

    def coin_of(self, account: Address) -> int:
        return self._evm.get_balance(account)

    def give_coin(self, account: Address, wei: int) -> None:
        self._evm.set_balance(account, self._evm.get_balance(account) + wei)

    @contextmanager
    def undone(self) -> Iterator[None]:
        time, checkpoint = self.time, self._evm.snapshot()
        try:
            yield
        finally:
            self._evm.revert(checkpoint)
            self.time = time

    def snapshot(self) -> JournalCheckpoint:
        """Return a point to which `revert` leads back, from however many txs later."""
        return self._evm.snapshot()

    def revert(self, to: JournalCheckpoint) -> None:
        """Take back everything since a snapshot; the time stays."""
        self._evm.revert(to)

    def _run(self, sender: Address, to: Address, data: bytes, value: int, gas: int) -> Outcome:
        self._evm.set_block_env(self._next_block())
        self._evm.reset_transient_storage()
        timestamp = self.time
        try:
            output = self._evm.message_call(sender, to, calldata=data, value=value, gas=gas)
        except RuntimeError as error:
            return Outcome(False, _revert_data(error), timestamp=timestamp)
        result = self._evm.result
        assert result is not None
        logs = tuple(Log(checksum_address(log.address.lower()), *_topics_and_data(log.data)) for log in result.logs)
        return Outcome(True, output, logs, timestamp=timestamp)

    def _next_block(self) -> BlockEnv:
        self._block_number += 1
        return BlockEnv(number=self._block_number, timestamp=self.time, basefee=0, gas_limit=_BLOCK_GAS_LIMIT)


def _topics_and_data(raw: tuple[list[bytes], bytes]) -> tuple[tuple[bytes, ...], bytes]:
    topics, data = raw
    return tuple(topics), data


def _revert_data(error: RuntimeError) -> bytes:
    text = str(error)
    if found := _REVERT.fullmatch(text):
        return bytes.fromhex(found[1])
    # Anything else (no such account, too little coin) is a mistake of the test.
    assert text.startswith(_HALT), text
    return b""
