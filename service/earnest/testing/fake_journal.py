"""A sender's journal in a file, for tests that kill the sender anywhere and start it again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from earnest.chain.sending import OutgoingTx, SignedTx, TxIntent, TxState
from earnest.payment.primitives import Address
from earnest.payment.record import BlockRef


class FileJournal:
    """Stands at the port `earnest.chain.sending.TxJournal`; every change is in the file before the call returns.

    Args:
        path: the file; made if it is missing.
        chain_id, sender: whose txs these are.
        fault: called before each change with False and after it with True, with the change's name; may raise.
    """

    def __init__(
        self, path: Path, chain_id: int, sender: Address, fault: Callable[[str, bool], None] | None = None
    ) -> None:
        self._path, self._chain_id, self._sender = path, chain_id, sender
        self.fault = fault

    def find(self, dedupe_key: str) -> OutgoingTx | None:
        """Return the tx that an intent with this key has."""
        content = self._read()
        tx_id = content["keys"].get(dedupe_key)
        return None if tx_id is None else _load(content["txs"][tx_id])

    def all(self) -> list[OutgoingTx]:
        """Return every tx, settled or not, by nonce."""
        return sorted(map(_load, self._read()["txs"].values()), key=lambda tx: tx.nonce)

    def unsettled(self) -> list[OutgoingTx]:
        """Return the txs that are not settled, by nonce."""
        return [tx for tx in self.all() if not tx.state.settled]

    def enqueue(self, intent: TxIntent, chain_nonce: int, sign: Callable[[int], SignedTx]) -> OutgoingTx:
        """Take a nonce, sign and store."""
        known = self.find(intent.dedupe_key)
        if known is not None:
            return known
        content = self._read()
        nonce = max(content["next_nonce"], chain_nonce)
        signed = sign(nonce)
        tx = OutgoingTx(
            id=f"tx_{len(content['txs'])}",
            chain_id=self._chain_id,
            sender=self._sender,
            nonce=nonce,
            verb=intent.verb,
            payment_id=intent.payment_id,
            to=intent.to,
            data=intent.data,
            value=intent.value,
            gas=signed.gas,
            state=TxState.SIGNED,
            attempts=(signed,),
            block=None,
            error=None,
            created_at=signed.signed_at,
            merchant_id=intent.merchant_id,
        )
        content["next_nonce"] = nonce + 1
        content["keys"][intent.dedupe_key] = tx.id
        content["txs"][tx.id] = _dump(tx)
        self._write("enqueue", content)
        return tx

    def add_attempt(self, tx_id: str, signed: SignedTx) -> None:
        """Store one more attempt."""
        self._change(
            "add_attempt",
            tx_id,
            lambda tx: tx if signed in tx.attempts else replace(tx, attempts=(*tx.attempts, signed)),
        )

    def set_state(self, tx_id: str, state: TxState, *, block: BlockRef | None = None, error: str | None = None) -> None:
        """Note where a tx stands."""
        self._change("set_state", tx_id, lambda tx: replace(tx, state=state, block=block, error=error))

    def _change(self, name: str, tx_id: str, change: Callable[[OutgoingTx], OutgoingTx]) -> None:
        content = self._read()
        content["txs"][tx_id] = _dump(change(_load(content["txs"][tx_id])))
        self._write(name, content)

    def _read(self) -> dict[str, Any]:
        if not self._path.exists():
            return {"next_nonce": 0, "keys": {}, "txs": {}}
        content: dict[str, Any] = json.loads(self._path.read_text())
        return content

    def _write(self, name: str, content: dict[str, Any]) -> None:
        if self.fault:
            self.fault(name, False)
        beside = self._path.with_suffix(".new")
        beside.write_text(json.dumps(content))
        beside.replace(self._path)
        if self.fault:
            self.fault(name, True)


def _dump(tx: OutgoingTx) -> dict[str, Any]:
    fields = asdict(tx)
    fields["data"] = tx.data.hex()
    fields["attempts"] = [{**asdict(attempt), "raw": attempt.raw.hex()} for attempt in tx.attempts]
    return fields


def _load(fields: dict[str, Any]) -> OutgoingTx:
    attempts = tuple(SignedTx(**{**each, "raw": bytes.fromhex(each["raw"])}) for each in fields["attempts"])
    block = BlockRef(**fields["block"]) if fields["block"] else None
    changed = {"data": bytes.fromhex(fields["data"]), "attempts": attempts, "block": block}
    return OutgoingTx(**{**fields, **changed, "state": TxState(fields["state"])})
