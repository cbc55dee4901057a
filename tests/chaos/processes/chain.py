"""The embedded chain as its own process, asked directly: what is done to it, and how it is read."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
from eth_account import Account

from earnest.chain.updates import Block
from earnest.payment.primitives import ZERO_ADDRESS, Address, Hash32, hash32, keccak
from tests.chaos.inprocess.chain import ChainTx
from tests.chaos.inprocess.world import EVERYBODY
from tests.support.evm import Signer

PATIENCE_SECONDS = 60.0
GAS = 1_500_000
MAX_FEE_WEI = 10**11


class Refused(Exception):
    """The node answered with an error."""


@dataclass
class DirectChain:
    """JSON-RPC to the chain itself, with nothing in between; waits for it where it is down."""

    url: str
    chain_id: int = 31337
    escrow: Address = ZERO_ADDRESS
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=20.0, trust_env=False))
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def ask(self, method: str, *params: Any) -> Any:
        """Ask until there is an answer; raises `Refused` if that is an error."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                answer = self.http.post(self.url, json=body).json()
                break
            except (httpx.TransportError, ValueError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        if "error" in answer:
            raise Refused(f"{method}: {answer['error']}")
        return answer["result"]

    def answers(self) -> bool:
        body = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
        try:
            return self.http.post(self.url, json=body, timeout=2.0).is_success
        except httpx.TransportError:
            return False

    # As people use it.

    def tx(self, sender: Signer, to: Address, data: bytes, value: int = 0) -> ChainTx:
        name = hash32(keccak(f"{next(self._numbers)} {sender.number}".encode()))
        return ChainTx(name, sender.address, to, data, value)

    def send(self, tx: ChainTx) -> str:
        """Sign a tx and send it until the chain has it, which mines it at once; returns the bytes."""
        key = next(each.key.to_hex() for each in EVERYBODY if each.address == tx.sender)
        nonce = int(self.ask("eth_getTransactionCount", tx.sender, "pending"), 16)
        fields = {
            "type": 2,
            "chainId": self.chain_id,
            "nonce": nonce,
            "to": tx.to,
            "data": tx.data,
            "value": tx.value,
            "gas": GAS,
            "maxFeePerGas": MAX_FEE_WEI,
            "maxPriorityFeePerGas": 1,
        }
        raw = "0x" + bytes(Account.sign_transaction(fields, key).raw_transaction).hex()
        try:
            self.ask("eth_sendRawTransaction", raw)
        except Refused as error:
            # After a kill it may have come in the first time already.
            if "nonce" not in str(error) and "known" not in str(error):
                raise
        return raw

    # As judges read it.

    def view(self, to: Address, data: str) -> bytes:
        return bytes.fromhex(self.ask("eth_call", {"to": to, "data": data}, "latest")[2:])

    def logs(self) -> list[dict[str, Any]]:
        logs: list[dict[str, Any]] = self.ask(
            "eth_getLogs", {"address": self.escrow, "fromBlock": "0x0", "toBlock": "latest"}
        )
        return logs

    def txs_of(self, sender: Address) -> list[tuple[Hash32, int, bool]]:
        found = []
        for number in range(self.head.number + 1):
            for tx in self.ask("eth_getBlockByNumber", hex(number), True)["transactions"]:
                if tx["from"].lower() == sender.lower():
                    well = self.ask("eth_getTransactionReceipt", tx["hash"])["status"] == "0x1"
                    found.append((Hash32(tx["hash"]), int(tx["nonce"], 16), well))
        return found

    @property
    def head(self) -> Block:
        return self.block("latest")

    def block(self, at: str) -> Block:
        told = self.ask("eth_getBlockByNumber", at, False)
        number, timestamp = int(told["number"], 16), int(told["timestamp"], 16)
        return Block(number, Hash32(told["hash"]), Hash32(told["parentHash"]), timestamp)
