"""A wallet for one account: it signs a tx once, and sends the same bytes until they are mined or refused.

For whoever acts by himself: a buyer or an arbiter on the command line, the demo, tests. The service's own txs go
through the sender, which remembers them over a crash.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from earnest.chain.errors import OperatorOutOfGasMoney, RpcError, TooMuchGas, TxWouldRevert
from earnest.chain.fees import price
from earnest.chain.node import Node, Receipt
from earnest.chain.sending import SignedTx, UnsignedTx
from earnest.chain.signer import Signer
from earnest.chain.submitting import most_gas
from earnest.payment.errors import Conflict, Unavailable
from earnest.payment.primitives import Address

GAS_HEADROOM_PERCENT = 20
"""An estimate is made for the present state; another tx in between can make a cold slot of a warm one."""
POLL_SECONDS = 0.02


class TxReverted(Conflict):
    """The tx was mined and did nothing: the contract refused it there, though it had not refused the estimate."""

    code = "tx_reverted"


class NotMined(Unavailable):
    """The tx was sent and is not mined yet; it may still be."""

    code = "not_mined"


class CallTx(Protocol):
    """An unsigned call of a contract, as `earnest.escrow.txs` makes them."""

    @property
    def to(self) -> Address:
        """The contract."""

    @property
    def data(self) -> str:
        """The call, `0x…`."""

    @property
    def value(self) -> int:
        """The coin that goes along, in wei."""

    @property
    def chain_id(self) -> int:
        """The chain that it is meant for."""


class Wallet:
    """One account on one chain.

    Args:
        node: where txs are sent.
        signer: the account.
        patience_seconds: how long to wait for a block, and for a node that is down.
        explain: what a revert's data (hexadecimal) means, None if unknown.
    """

    def __init__(
        self,
        node: Node,
        signer: Signer,
        *,
        patience_seconds: float = 120.0,
        explain: Callable[[str], str | None] = lambda _data: None,
    ) -> None:
        self._node, self._signer = node, signer
        self._patience_seconds = patience_seconds
        self._explain = explain

    @property
    def address(self) -> Address:
        """The account's address."""
        return self._signer.address

    def send(self, tx: CallTx) -> Receipt:
        """Send a tx and wait until it is mined.

        Raises:
            TxWouldRevert: the contract would refuse it; nothing was sent.
            TooMuchGas: no chain would take it; nothing was sent.
            OperatorOutOfGasMoney: the account cannot pay for the gas; nothing was sent.
            TxReverted: it was mined and refused.
            NotMined: it was sent, and the patience was over first.
        """
        deadline = time.monotonic() + self._patience_seconds
        signed = self._patiently(deadline, lambda: self._sign(tx))
        while time.monotonic() < deadline:
            try:
                receipt = self._broadcast(signed)
            except RpcError:
                raise
            except Unavailable:
                receipt = None  # the same bytes go out again when the node is back
            if receipt is not None:
                return self._checked(receipt)
            time.sleep(POLL_SECONDS)
        raise NotMined(f"tx {signed.hash} was sent and is not mined after {self._patience_seconds:.0f} s")

    def _sign(self, tx: CallTx) -> SignedTx:
        data = bytes.fromhex(tx.data[2:])
        gas = self._estimate(tx.to, data, tx.value)
        fee = price(self._node)
        nonce = self._node.tx_count(self.address, "pending")
        unsigned = UnsignedTx(
            tx.chain_id, nonce, tx.to, data, tx.value, gas, fee.max_fee_per_gas, fee.max_priority_fee_per_gas
        )
        needed = gas * fee.max_fee_per_gas + tx.value
        balance = self._node.balance(self.address)
        if balance < needed:
            raise OperatorOutOfGasMoney(self.address, balance, needed)
        return self._signer.sign(unsigned, int(time.time()))

    def _estimate(self, to: Address, data: bytes, value: int) -> int:
        try:
            estimate = self._node.estimate_gas(self.address, to, data, value)
        except RpcError as error:
            reason = self._explain(error.data) if isinstance(error.data, str) else None
            raise TxWouldRevert("the tx", reason or error.message) from None
        most = most_gas(self._node)
        if estimate > most:
            raise TooMuchGas("the tx", estimate, most)
        return min(estimate * (100 + GAS_HEADROOM_PERCENT) // 100, most)

    def _broadcast(self, signed: SignedTx) -> Receipt | None:
        receipt = self._node.receipts([signed.hash])[0]
        if receipt is None and not self._node.knows_tx(signed.hash):
            self._node.send_raw(signed.raw)
            receipt = self._node.receipts([signed.hash])[0]
        return receipt

    def _checked(self, receipt: Receipt) -> Receipt:
        if not receipt.succeeded:
            raise TxReverted(f"tx {receipt.tx_hash} was mined, and the contract refused it")
        return receipt

    def _patiently(self, deadline: float, sign: Callable[[], SignedTx]) -> SignedTx:
        while True:
            try:
                return sign()
            except (RpcError, OperatorOutOfGasMoney):
                raise
            except Unavailable:
                if time.monotonic() > deadline:
                    raise
                time.sleep(POLL_SECONDS)
