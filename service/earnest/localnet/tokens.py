"""The test token: at one known address on every development chain, a million of it for each funded account."""

import time
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
from eth_abi.abi import encode
from eth_account import Account
from eth_utils.crypto import keccak

from earnest.localnet.accounts import dev_accounts
from earnest.localnet.errors import RpcError, TestTokenUnavailable
from earnest.localnet.facts import CHAIN_ID

TEST_TOKEN_ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"  # noqa: S105 (an address, no secret)
"""Where the first contract of the first development account comes to lie (CREATE with nonce 0)."""

TEST_TOKEN_SYMBOL = "tUSD"  # noqa: S105
TEST_TOKEN_DECIMALS = 6
TEST_TOKEN_GRANT_BASE_UNITS = 1_000_000 * 10**TEST_TOKEN_DECIMALS
"""What each development account gets: a million test dollars."""

_DEPLOY_GAS = 5_000_000
_MINT_GAS = 120_000
_MAX_FEE_WEI = 10 * 10**9
"""Ten times the base fee that a fresh chain begins with."""
_RECEIPT_TIMEOUT_SECONDS = 30.0
_HTTP_TIMEOUT_SECONDS = 30.0
_POLL_SECONDS = 0.05

RpcCall = Callable[[str, list[Any]], Any]
"""Calls one JSON-RPC method and returns its result; raises on an error."""


@cache
def has_artifact() -> bool:
    """Say whether the compiled token is in the package; a checkout that was never compiled may lack it."""
    return (files("earnest.localnet") / "artifacts" / "TestToken.json").is_file()


def setup_txs(chain_id: int = CHAIN_ID) -> list[bytes]:
    """Return the signed raw txs that set the token up on a fresh chain: its deployment, and one mint an account.

    All are from the first account, with the nonces 0, 1, 2, …
    """
    grants = [_mint_data(account.address) for account in dev_accounts()]
    deployment = _sign(chain_id, nonce=0, data=_creation_code(), gas=_DEPLOY_GAS)
    return [deployment] + [
        _sign(chain_id, nonce=nonce, data=data, gas=_MINT_GAS, to=TEST_TOKEN_ADDRESS)
        for nonce, data in enumerate(grants, start=1)
    ]


def install_test_token(node: str | RpcCall) -> str:
    """Set the token up on any development node (a URL, or a function that calls it), and return its address.

    May be run again: then only accounts that own none get their million.
    Raises `TestTokenUnavailable` if the first account has sent other txs before, so that the address is lost.
    """
    call = _http_call(node) if isinstance(node, str) else node
    chain_id = int(call("eth_chainId", []), 16)
    sender = dev_accounts()[0].address
    if call("eth_getCode", [TEST_TOKEN_ADDRESS, "latest"]) != "0x":
        _grant_where_none(call, chain_id)
        return TEST_TOKEN_ADDRESS
    nonce = int(call("eth_getTransactionCount", [sender, "latest"]), 16)
    if nonce:
        raise TestTokenUnavailable(
            f"the test token must be the first contract of {sender}, which has sent {nonce} txs on chain {chain_id} "
            "already: start a fresh chain"
        )
    for raw in setup_txs(chain_id):
        _send(call, raw)
    return TEST_TOKEN_ADDRESS


def _grant_where_none(call: RpcCall, chain_id: int) -> None:
    minter = dev_accounts()[0].address
    for account in dev_accounts():
        balance_of = "0x" + (keccak(b"balanceOf(address)")[:4] + encode(["address"], [account.address])).hex()
        if int(call("eth_call", [{"to": TEST_TOKEN_ADDRESS, "data": balance_of}, "latest"]), 16):
            continue
        nonce = int(call("eth_getTransactionCount", [minter, "pending"]), 16)
        data = _mint_data(account.address)
        _send(call, _sign(chain_id, nonce=nonce, data=data, gas=_MINT_GAS, to=TEST_TOKEN_ADDRESS))


def _send(call: RpcCall, raw: bytes) -> None:
    tx_hash = call("eth_sendRawTransaction", ["0x" + raw.hex()])
    deadline = time.monotonic() + _RECEIPT_TIMEOUT_SECONDS
    while (receipt := call("eth_getTransactionReceipt", [tx_hash])) is None:
        if time.monotonic() > deadline:
            raise TestTokenUnavailable(f"tx {tx_hash} was not mined within {_RECEIPT_TIMEOUT_SECONDS:.0f} s")
        time.sleep(_POLL_SECONDS)
    if int(receipt["status"], 16) != 1:
        raise TestTokenUnavailable(f"tx {tx_hash}, which sets the test token up, failed")


def _sign(chain_id: int, *, nonce: int, data: bytes, gas: int, to: str | None = None) -> bytes:
    fields: dict[str, Any] = {
        "type": 2,
        "chainId": chain_id,
        "nonce": nonce,
        "value": 0,
        "data": data,
        "gas": gas,
        "maxFeePerGas": _MAX_FEE_WEI,
        "maxPriorityFeePerGas": 10**9,
    }
    if to is not None:
        fields["to"] = to
    return bytes(Account.sign_transaction(fields, dev_accounts()[0].private_key).raw_transaction)


def _mint_data(to: str) -> bytes:
    arguments = encode(["address", "uint256"], [to, TEST_TOKEN_GRANT_BASE_UNITS])
    return keccak(b"mint(address,uint256)")[:4] + arguments


def _creation_code() -> bytes:
    text = (files("earnest.localnet") / "artifacts" / "TestToken.json").read_bytes()
    return bytes.fromhex(msgspec.json.decode(text)["bytecode"].removeprefix("0x"))


def _http_call(url: str) -> RpcCall:
    import httpx  # noqa: PLC0415 (the chain's own process makes no requests, and should start fast)

    def call(method: str, params: list[Any]) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        try:
            response = httpx.post(url, json=body, timeout=_HTTP_TIMEOUT_SECONDS, trust_env=False)
            answer = response.raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            raise TestTokenUnavailable(f"the node does not answer {method}: {error}") from error
        if "error" in answer:
            raise RpcError(answer["error"]["code"], answer["error"]["message"], answer["error"].get("data"))
        return answer["result"]

    return call
