"""The same measuring on anvil: another implementation of the EVM has to find the same gas."""

from __future__ import annotations

import time
from itertools import count
from typing import Any

import httpx
from eth_keys.datatypes import PrivateKey

from tests.benchmarks.gas.chain import COIN, SECONDS_PER_BLOCK, TX_GAS, Sent, TxFailed, signed

MAX_FEE_WEI = 10**12
PATIENCE_SECONDS = 10.0


class AnvilChain:
    """A `MeasuringChain` on a fresh anvil."""

    def __init__(self, url: str, keys: list[PrivateKey], code: dict[bytes, bytes], now: int) -> None:
        self._client = httpx.Client(base_url=url, trust_env=False)
        self._ids = count(1)
        self._snapshots: list[str] = []
        self.now = now
        for key in keys:
            self._ask("anvil_setBalance", [key.public_key.to_checksum_address(), hex(COIN)])
        for address, each in code.items():
            self._ask("anvil_setCode", ["0x" + address.hex(), "0x" + each.hex()])

    def close(self) -> None:
        self._client.close()

    def send(self, key: PrivateKey, to: bytes, data: bytes = b"", value: int = 0) -> Sent:
        self.now += SECONDS_PER_BLOCK
        self._ask("evm_setNextBlockTimestamp", [self.now])
        nonce = int(self._ask("eth_getTransactionCount", [key.public_key.to_checksum_address(), "latest"]), 16)
        raw = signed(key, nonce, to, data, value, MAX_FEE_WEI).encode()
        receipt = self._mined(self._ask("eth_sendRawTransaction", ["0x" + raw.hex()]))
        if receipt["status"] != "0x1":
            raise TxFailed(str(receipt))
        return Sent(int(receipt["gasUsed"], 16), bytes.fromhex((receipt["contractAddress"] or "0x")[2:]))

    def ask(self, to: bytes, data: bytes) -> bytes:
        call = {"to": "0x" + to.hex(), "data": "0x" + data.hex(), "gas": hex(TX_GAS)}
        return bytes.fromhex(self._ask("eth_call", [call, "latest"])[2:])

    def snapshot(self) -> Any:
        self._snapshots.append(self._ask("evm_snapshot", []))
        return len(self._snapshots) - 1, self.now

    def restore(self, snapshot: Any) -> None:
        place, self.now = snapshot
        self._ask("evm_revert", [self._snapshots[place]])
        # Going back uses a snapshot up, and all that were taken later.
        self._snapshots[place] = self._ask("evm_snapshot", [])

    def _mined(self, tx_hash: str) -> Any:
        """Return a tx's receipt; anvil answers before it has mined what takes longer."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            receipt = self._ask("eth_getTransactionReceipt", [tx_hash])
            if receipt is not None:
                return receipt
            time.sleep(0.01)
        raise TxFailed(f"anvil did not mine {tx_hash}")

    def _ask(self, method: str, params: list[Any]) -> Any:
        request = {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params}
        answer = self._client.post("/", json=request).raise_for_status().json()
        if "error" in answer:
            raise TxFailed(f"{method}: {answer['error']}")
        return answer["result"]
