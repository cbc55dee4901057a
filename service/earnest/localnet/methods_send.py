"""JSON-RPC methods that sign or send, the former with the development accounts' keys."""

import json
from typing import Any

from eth_account import Account as Signer
from eth_account.messages import SignableMessage, encode_defunct, encode_typed_data

from earnest.localnet import params as read
from earnest.localnet.node import Node
from earnest.localnet.pool import decode_tx
from earnest.localnet.tx_requests import signed_tx, signing_key
from earnest.localnet.wire import hex_bytes, tx_object

Params = list[Any]


def send_raw_tx(node: Node, params: Params) -> str:
    raw = read.byte_string(read.nth(params, 0, "raw transaction"), "raw transaction")
    return hex_bytes(node.submit(decode_tx(raw, node.ledger.decode_tx)))


def send_tx(node: Node, params: Params) -> str:
    return hex_bytes(node.submit(signed_tx(node, read.mapping(read.nth(params, 0, "transaction"), "transaction"))))


def sign_tx(node: Node, params: Params) -> dict[str, Any]:
    tx = signed_tx(node, read.mapping(read.nth(params, 0, "transaction"), "transaction"))
    return {"raw": hex_bytes(tx.encode()), "tx": tx_object(tx, None, None)}


def personal_sign(_node: Node, params: Params) -> str:
    return _sign(encode_defunct(_message(read.nth(params, 0, "message"))), read.nth(params, 1, "address"))


def eth_sign(_node: Node, params: Params) -> str:
    return _sign(encode_defunct(_message(read.nth(params, 1, "message"))), read.nth(params, 0, "address"))


def sign_typed_data(_node: Node, params: Params) -> str:
    given = read.nth(params, 1, "typed data")
    try:
        typed = json.loads(given) if isinstance(given, str) else given
        message = encode_typed_data(full_message=read.mapping(typed, "typed data"))
    except (ValueError, TypeError, KeyError) as error:
        read.refuse(f"typed data: {error}")
    return _sign(message, read.nth(params, 0, "address"))


def _message(value: Any) -> bytes:
    # Wallets also pass plain text, which is signed as its UTF-8 bytes.
    if isinstance(value, str) and not value.startswith("0x"):
        return value.encode()
    return read.byte_string(value, "message")


def _sign(message: SignableMessage, account: Any) -> str:
    return hex_bytes(bytes(Signer.sign_message(message, signing_key(read.address(account, "address"))).signature))


METHODS = {
    "eth_sendRawTransaction": send_raw_tx,
    "eth_sendTransaction": send_tx,
    "eth_signTransaction": sign_tx,
    "personal_sign": personal_sign,
    "eth_sign": eth_sign,
    "eth_signTypedData": sign_typed_data,
    "eth_signTypedData_v4": sign_typed_data,
}
