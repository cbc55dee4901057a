"""An escrow on any node whose development accounts sign by themselves, and payments on it whose lives can be proven."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from earnest.chain.errors import RpcError
from earnest.chain.logs import decode_log
from earnest.chain.node import Node
from earnest.chain.proofs.make import Wanted
from earnest.escrow import txs
from earnest.escrow.artifact import load
from earnest.localnet.accounts import dev_accounts
from earnest.localnet.inprocess import EmbeddedChain
from earnest.localnet.tokens import TEST_TOKEN_ADDRESS
from earnest.payment.events import PaymentEvent
from earnest.payment.primitives import ZERO_ADDRESS, Address, Hash32, hash32, keccak, parse_address
from earnest.payment.record import BlockRef
from earnest.payment.terms import DAY, HOUR, Terms, payment_id
from earnest.payment.transitions import fold
from earnest.testing import dev_chain

CHAIN_ID = 31_337
BUYER, MERCHANT, OPERATOR, ARBITER, FEES = range(1, 6)


class EmbeddedNode(dev_chain.EmbeddedNode):
    """The embedded chain in this process, asked as any node is; `denied` are methods that it does not offer."""

    def __init__(self, chain: EmbeddedChain, *denied: str) -> None:
        super().__init__(chain)
        self.chain, self._denied = chain, denied
        self.asked: list[str] = []

    def answer(self, method: str, params: Sequence[Any]) -> Any:
        self.asked.append(method)
        if method in self._denied:
            raise RpcError(method, -32601, f"the method {method} does not exist/is not available")
        return super().answer(method, params)


def account(index: int) -> Address:
    return parse_address(dev_accounts()[index].address)


@dataclass
class Town:
    """An escrow of its own on a node."""

    node: Node
    escrow: Address = field(init=False)
    mined_first: int = field(init=False)

    def __post_init__(self) -> None:
        self.escrow = self.another_escrow()
        self.mined_first = self.head().number

    def another_escrow(self) -> Address:
        """Deploy the contract once more: another address, and the same code."""
        data = "0x" + load("Escrow").bytecode.hex()
        made = self._mined({"from": account(0), "data": data, "gas": hex(6_000_000)})
        return parse_address(made["contractAddress"])

    def terms(self, number: int = 1, **changes: Any) -> Terms:
        """Terms in coin with every role filled; each number gives another payment."""
        terms = Terms(
            buyer=account(BUYER),
            merchant=account(MERCHANT),
            operator=account(OPERATOR),
            arbiter=account(ARBITER),
            token=ZERO_ADDRESS,
            amount=1_000_000,
            fee_recipient=account(FEES),
            fee_bps=250,
            pay_by=self.head().timestamp + DAY,
            delivery_period=7 * DAY,
            dispute_window=DAY,
            arbitration_period=14 * DAY,
            order_hash=hash32(keccak(f"order {number}".encode())),
        )
        return replace(terms, **changes)

    def in_tokens(self, number: int = 1, **changes: Any) -> Terms:
        """The same in the test token, which writes logs of its own beside the escrow's; approved already."""
        token = parse_address(TEST_TOKEN_ADDRESS)
        self.send(BUYER, txs.approve(token, CHAIN_ID, self.escrow, 10**12))
        return self.terms(number, token=token, **changes)

    def at_once(self, number: int = 1) -> Terms:
        """Without a dispute window: confirming delivery releases, two events in one tx."""
        return self.terms(number, arbiter=ZERO_ADDRESS, dispute_window=0, arbitration_period=0)

    def send(self, sender: int, tx: txs.UnsignedTx) -> dict[str, Any]:
        return self._mined(
            {"from": account(sender), "to": tx.to, "data": tx.data, "value": hex(tx.value), "gas": hex(900_000)}
        )

    def fund(self, terms: Terms) -> None:
        self.send(BUYER, txs.fund(self.escrow, CHAIN_ID, terms, account(BUYER)))

    def confirm(self, terms: Terms) -> None:
        self.send(OPERATOR, txs.confirm_delivery(self.escrow, CHAIN_ID, terms))

    def refund(self, terms: Terms, amount: int | None = None) -> None:
        self.send(MERCHANT, txs.refund(self.escrow, CHAIN_ID, terms, amount))

    def release(self, terms: Terms, amount: int | None = None) -> None:
        self.send(BUYER, txs.release(self.escrow, CHAIN_ID, terms, amount))

    def fund_unmined(self, terms: Terms, sender: int) -> Hash32:
        """Hand the funding over to a node that does not mine by itself; returns the tx' hash."""
        tx = txs.fund(self.escrow, CHAIN_ID, terms, account(BUYER))
        fields = {"from": account(sender), "to": tx.to, "data": tx.data, "value": hex(tx.value), "gas": hex(300_000)}
        return Hash32(self.node.call("eth_sendTransaction", (fields,)))

    def head(self) -> BlockRef:
        header = self.node.header("latest")
        assert header is not None
        return BlockRef(header.block.number, header.block.hash, header.block.timestamp)

    def wanted(self, terms: Terms) -> Wanted:
        """The payment as a mirror of the chain would have it."""
        named = payment_id(terms, CHAIN_ID, self.escrow)
        events = self.events(named)
        return Wanted(
            chain_id=CHAIN_ID,
            escrow=self.escrow,
            payment_id=named,
            terms=terms,
            state=fold((event, block.timestamp) for block, event in events),
            events=events,
            head=self.head(),
        )

    def events(self, named: Hash32) -> tuple[tuple[BlockRef, PaymentEvent], ...]:
        found = []
        for raw in self.node.logs_in_range(self.escrow, self.mined_first, self.head().number):
            header, event = self.node.header(int(raw.block_number, 16)), decode_log(raw).event
            assert header is not None
            if isinstance(event, PaymentEvent) and event.payment_id == named:
                found.append((BlockRef(header.block.number, header.block.hash, header.block.timestamp), event))
        return tuple(found)

    def _mined(self, tx: dict[str, Any]) -> dict[str, Any]:
        tx_hash = self.node.call("eth_sendTransaction", (tx,))
        receipt: dict[str, Any] | None = None
        while receipt is None:
            receipt = self.node.call("eth_getTransactionReceipt", (tx_hash,))
        assert receipt["status"] == "0x1", receipt
        return receipt


def whole_life(town: Town) -> Terms:
    """A payment with five events in five blocks: funded, part released, delivered, part refunded, released."""
    terms = town.in_tokens()
    town.fund(terms)
    town.release(terms, 400_000)
    town.confirm(terms)
    town.refund(terms, 100_000)
    town.release(terms)
    return terms


__all__ = ["HOUR", "EmbeddedNode", "Town", "account", "whole_life"]
