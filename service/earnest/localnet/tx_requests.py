"""Tx objects as callers write them: read into calls, or filled in and signed with a development key."""

from typing import Any

from eth.abc import SignedTransactionAPI, StateAPI
from eth.constants import CREATE_CONTRACT_ADDRESS
from eth_account import Account as Signer
from eth_typing import Address

from earnest.localnet import params as read
from earnest.localnet.accounts import dev_accounts
from earnest.localnet.errors import SERVER_ERROR, RpcError
from earnest.localnet.execute import CallRequest, estimate_gas
from earnest.localnet.facts import CHAIN_ID
from earnest.localnet.node import Node
from earnest.localnet.pool import decode_tx
from earnest.localnet.wire import base_fee_of, hex_bytes

SUGGESTED_TIP_WEI = 10**9
"""1 gwei, as anvil suggests."""

_KEYS = {bytes.fromhex(account.address[2:]): account.private_key for account in dev_accounts()}


def signing_key(address: bytes) -> str:
    """Return the private key of a development account. Raises `RpcError` for any other address."""
    key = _KEYS.get(address)
    if key is None:
        raise RpcError(SERVER_ERROR, f"unknown account: no key here for {hex_bytes(address)}")
    return key


def call_request(tx: dict[str, Any]) -> CallRequest:
    """Read the object of `eth_call` and `eth_estimateGas`; what it leaves out is zero."""
    gas = tx.get("gas")
    return CallRequest(
        sender=read.address(tx["from"], "from") if tx.get("from") else Address(bytes(20)),
        to=read.address(tx["to"], "to") if tx.get("to") else CREATE_CONTRACT_ADDRESS,
        data=_data(tx),
        value=read.quantity(tx.get("value") or 0, "value"),
        gas=None if gas is None else read.quantity(gas, "gas"),
        access_list=tuple(_access_list(tx.get("accessList") or [])),
    )


def signed_tx(node: Node, tx: dict[str, Any]) -> SignedTransactionAPI:
    """Fill in what a tx object leaves out, sign it with the key of its `from`, and return it decoded."""
    sender = read.address(tx.get("from"), "from")
    key = signing_key(sender)
    request = call_request(tx)
    nonce = tx.get("nonce")
    fields: dict[str, Any] = {
        "chainId": read.quantity(tx.get("chainId") or CHAIN_ID, "chainId"),
        "nonce": node.pool.next_nonce(sender, node.account(sender).nonce)
        if nonce is None
        else read.quantity(nonce, "nonce"),
        "value": request.value,
        "data": request.data,
        "gas": request.gas if request.gas is not None else estimate_gas(node.ledger, request, node.pending_header()),
    } | _fees(node, tx)
    if request.to:
        fields["to"] = request.to
    if request.access_list:
        fields["accessList"] = [
            {"address": account, "storageKeys": [slot.to_bytes(32, "big") for slot in slots]}
            for account, slots in request.access_list
        ]
    try:
        raw = bytes(Signer.sign_transaction(fields, key).raw_transaction)
    except (TypeError, ValueError) as error:
        read.refuse(f"transaction: {error}")
    return decode_tx(raw, node.ledger.decode_tx)


def state_overrides(overrides: dict[str, Any]) -> Any:
    """Return a function that writes geth's state overrides (balance, nonce, code, stateDiff) into a state."""

    def prepare(state: StateAPI) -> None:
        for name, fields in overrides.items():
            account = read.address(name, "state override")
            if "balance" in fields:
                state.set_balance(account, read.quantity(fields["balance"], "balance"))
            if "nonce" in fields:
                state.set_nonce(account, read.quantity(fields["nonce"], "nonce"))
            if "code" in fields:
                state.set_code(account, read.byte_string(fields["code"], "code"))
            for slot, value in (fields.get("stateDiff") or {}).items():
                state.set_storage(account, read.quantity(slot, "slot"), read.quantity(value, "value"))

    return prepare


def _fees(node: Node, tx: dict[str, Any]) -> dict[str, int]:
    if tx.get("gasPrice") is not None:
        return {"gasPrice": read.quantity(tx["gasPrice"], "gasPrice")}
    tip = read.quantity(tx.get("maxPriorityFeePerGas", SUGGESTED_TIP_WEI), "maxPriorityFeePerGas")
    most = tx.get("maxFeePerGas")
    if most is None:
        # Twice the base fee survives several full blocks in a row, the rule of thumb of EIP-1559 wallets.
        most = 2 * base_fee_of(node.pending_header()) + tip
    most = read.quantity(most, "maxFeePerGas")
    return {"type": 2, "maxFeePerGas": most, "maxPriorityFeePerGas": min(tip, most)}


def _data(tx: dict[str, Any]) -> bytes:
    given = tx.get("input") if tx.get("input") is not None else tx.get("data")
    return b"" if given is None else read.byte_string(given, "data")


def _access_list(entries: Any) -> Any:
    for entry in read.listing(entries, "accessList"):
        fields = read.mapping(entry, "accessList entry")
        slots = tuple(read.quantity(slot, "storageKey") for slot in fields.get("storageKeys") or [])
        yield read.address(fields.get("address"), "accessList address"), slots
