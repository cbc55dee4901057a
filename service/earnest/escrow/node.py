"""The few questions that deploying asks a node, with every failure mapped into this room's errors."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

from hexbytes import HexBytes
from requests.exceptions import RequestException
from web3 import HTTPProvider, Web3
from web3.exceptions import BlockNotFound, TransactionNotFound, Web3Exception, Web3RPCError
from web3.middleware import ExtraDataToPOAMiddleware
from web3.types import TxParams

from earnest.escrow.errors import NodeUnreachable
from earnest.payment.primitives import Address, Hash32, checksum_address, hash32, parse_address

_REQUEST_TIMEOUT_SECONDS = 30
_POLL_SECONDS = 0.1
_DEFAULT_TIP_WEI = 10**9
"""What wallets offer where a node does not say what is usual."""


class Refused(Exception):
    """The node understood a tx and did not take it; `str()` is what it said."""


@dataclass(frozen=True, slots=True)
class Fees:
    """What a unit of gas may cost, and costs at least now, in wei; without a tip the chain knows no EIP-1559."""

    max_fee_wei: int
    least_wei: int
    tip_wei: int | None


@dataclass(frozen=True, slots=True)
class Mined:
    """Where a tx was mined, and whether it did what it should."""

    tx_hash: Hash32
    block_number: int
    block_hash: Hash32
    succeeded: bool


@dataclass(frozen=True, slots=True)
class BlockTx:
    """A tx in a block; `to` is None when it creates a contract."""

    tx_hash: Hash32
    sender: Address
    to: Address | None
    data: bytes


class Node:
    """A node of one chain, asked by JSON-RPC."""

    def __init__(self, target: str | Web3) -> None:
        """Take an RPC address, or a Web3 that has its own provider (an in-process chain)."""
        self.name = target if isinstance(target, str) else "in this process"
        self._web3 = _connect(target) if isinstance(target, str) else target

    def chain_id(self) -> int:
        """Return the id of the chain that the node is on."""
        with self._answering():
            return self._web3.eth.chain_id

    def block(self, number: int) -> tuple[Hash32, list[BlockTx]]:
        """Return a block's hash and its txs."""
        with self._answering():
            raw = self._web3.eth.get_block(number, full_transactions=True)
            return hash32(bytes(raw["hash"])), [_block_tx(cast(Any, each)) for each in raw["transactions"]]

    def head(self) -> int:
        """Return the newest block's number."""
        with self._answering():
            return self._web3.eth.block_number

    def code(self, address: Address, at: int | None = None) -> bytes:
        """Return the code at an address, now or after block `at`."""
        with self._answering():
            return bytes(self._web3.eth.get_code(_checksummed(address), "latest" if at is None else at))

    def balance(self, address: Address) -> int:
        """Return the coin of an account, in wei."""
        with self._answering():
            return self._web3.eth.get_balance(_checksummed(address))

    def nonce(self, address: Address) -> int:
        """Return an account's next nonce, what waits in the mempool included."""
        with self._answering():
            return self._web3.eth.get_transaction_count(_checksummed(address), "pending")

    def estimate_gas(self, sender: Address, to: Address | None, data: bytes) -> int:
        """Return what gas a tx would need; raises `Refused` when the node says that it would fail."""
        tx: TxParams = {"from": _checksummed(sender), "data": HexBytes(data)}
        if to is not None:
            tx["to"] = _checksummed(to)
        with self._answering(refusals=True):
            return self._web3.eth.estimate_gas(tx)

    def fees(self) -> Fees:
        """Return what to bid: twice the base fee and a tip, so that six full blocks in a row do not price it out."""
        with self._answering():
            base_fee = self._web3.eth.get_block("latest").get("baseFeePerGas")
            if base_fee is None:
                price = self._web3.eth.gas_price
                return Fees(max_fee_wei=price, least_wei=price, tip_wei=None)
            tip = self._tip()
            return Fees(max_fee_wei=2 * int(base_fee) + tip, least_wei=int(base_fee), tip_wei=tip)

    def send(self, raw_tx: str) -> None:
        """Broadcast a signed tx; raises `Refused` when the node does not take it (one that it knows is taken)."""
        try:
            with self._answering(refusals=True):
                self._web3.eth.send_raw_transaction(HexBytes(raw_tx))
        except Refused as refusal:
            if "already known" not in str(refusal).lower() and "already imported" not in str(refusal).lower():
                raise

    def mined(self, tx_hash: Hash32) -> Mined | None:
        """Return where a tx was mined, or None."""
        with self._answering():
            try:
                receipt = self._web3.eth.get_transaction_receipt(HexBytes(tx_hash))
            except TransactionNotFound:
                return None
            block_hash = hash32(bytes(receipt["blockHash"]))
            return Mined(tx_hash, int(receipt["blockNumber"]), block_hash, receipt["status"] == 1)

    def wait(self, tx_hash: Hash32, timeout_seconds: float) -> Mined | None:
        """Wait until a tx is mined; None if it is not in time."""
        until = time.monotonic() + timeout_seconds
        while (mined := self.mined(tx_hash)) is None and time.monotonic() < until:
            time.sleep(_POLL_SECONDS)
        return mined

    def _tip(self) -> int:
        try:
            return int(self._web3.eth.max_priority_fee)
        except Web3Exception:
            return _DEFAULT_TIP_WEI

    @contextmanager
    def _answering(self, *, refusals: bool = False) -> Iterator[None]:
        try:
            yield
        except (RequestException, OSError) as error:
            raise NodeUnreachable(self.name, type(error).__name__) from error
        except BlockNotFound as error:
            raise NodeUnreachable(self.name, str(error)) from error
        except Web3RPCError as error:
            if refusals:
                raise Refused(_said(error)) from error
            raise NodeUnreachable(self.name, _said(error)) from error
        except Exception as error:
            # Chains in this process raise what they like instead of an RPC error.
            if refusals:
                raise Refused(str(error)) from error
            raise NodeUnreachable(self.name, f"{type(error).__name__}: {error}") from error


def _connect(rpc_url: str) -> Web3:
    web3 = Web3(HTTPProvider(rpc_url, request_kwargs={"timeout": _REQUEST_TIMEOUT_SECONDS}))
    # Chains with clique or similar carry more extra data in a block than web3 accepts by itself.
    web3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
    return web3


def _block_tx(raw: dict[str, Any]) -> BlockTx:
    # The embedded chain's library says `data` where the JSON-RPC specification says `input`.
    data = raw["input"] if "input" in raw else raw["data"]
    to = parse_address(raw["to"]) if raw.get("to") else None
    return BlockTx(hash32(bytes(raw["hash"])), parse_address(raw["from"]), to, bytes(HexBytes(data)))


def _checksummed(address: Address) -> Any:
    return checksum_address(address.lower())


def _said(error: Web3RPCError) -> str:
    response = error.rpc_response or {}
    detail = response.get("error") if isinstance(response, dict) else None
    return str(detail.get("message", error)) if isinstance(detail, dict) else str(error)
