"""The test tokens: each at one known address on every development chain, a million of it for each funded account."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
from eth_abi.abi import encode
from eth_account import Account
from eth_utils.crypto import keccak

from earnest.localnet.accounts import DevAccount, dev_accounts
from earnest.localnet.errors import RpcError, TestTokenUnavailable
from earnest.localnet.facts import CHAIN_ID


@dataclass(frozen=True)
class DevToken:
    """A worthless token: the contract's name, and where it comes to lie as its deployer's first (CREATE, nonce 0)."""

    contract: str
    symbol: str
    address: str
    deployer: DevAccount

    def creation_code(self) -> bytes:
        """Return what its deployment sends."""
        text = (files("earnest.localnet") / "artifacts" / f"{self.contract}.json").read_bytes()
        return bytes.fromhex(msgspec.json.decode(text)["bytecode"].removeprefix("0x"))


TEST_TOKEN_ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"  # noqa: S105 (an address, no secret)
BLOCKLIST_TOKEN_ADDRESS = "0x700b6A60ce7EaaEA56F065753d8dcB9653dbAD35"  # noqa: S105

DEV_TOKENS = (
    DevToken("TestToken", "tUSD", TEST_TOKEN_ADDRESS, dev_accounts()[0]),
    # The last account's, since people play with the first ones, and a deployer's first tx fixes the address.
    DevToken("BlocklistToken", "bUSD", BLOCKLIST_TOKEN_ADDRESS, dev_accounts()[-1]),
)
"""A dollar that does all that it should, and one with a blocklist, `setBlocked(account, yes)`, that anyone may use."""

TEST_TOKEN_DECIMALS = 6
TEST_TOKEN_GRANT_BASE_UNITS = 1_000_000 * 10**TEST_TOKEN_DECIMALS
"""What each development account gets of each: a million test dollars."""

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
def has_artifacts() -> bool:
    """Say whether the compiled tokens are in the package; a checkout that was never compiled may lack them."""
    folder = files("earnest.localnet") / "artifacts"
    return all((folder / f"{token.contract}.json").is_file() for token in DEV_TOKENS)


def setup_txs(token: DevToken, chain_id: int = CHAIN_ID) -> list[bytes]:
    """Return the signed raw txs that set a token up on a fresh chain: its deployment, and one mint an account.

    All are from its deployer, with the nonces 0, 1, 2, …
    """
    deployment = _sign(token, chain_id, nonce=0, data=token.creation_code(), gas=_DEPLOY_GAS)
    return [deployment] + [
        _sign_mint(token, chain_id, nonce, account.address) for nonce, account in enumerate(dev_accounts(), start=1)
    ]


def install_test_tokens(node: str | RpcCall) -> None:
    """Set the tokens up on any development node: a URL, or a function that calls it.

    May be run again: then only accounts that own none get their million.
    Raises `TestTokenUnavailable` if a deployer has sent other txs before, so that the address is lost.
    """
    if isinstance(node, str):
        with _http_calls(node) as call:
            install_test_tokens(call)
        return
    chain_id = int(node("eth_chainId", []), 16)
    for token in DEV_TOKENS:
        _install(node, token, chain_id)


def _install(call: RpcCall, token: DevToken, chain_id: int) -> None:
    if call("eth_getCode", [token.address, "latest"]) != "0x":
        _grant_where_none(call, token, chain_id)
        return
    nonce = int(call("eth_getTransactionCount", [token.deployer.address, "latest"]), 16)
    if nonce:
        raise TestTokenUnavailable(
            f"the test token {token.symbol} must be the first contract of {token.deployer.address}, which has sent "
            f"{nonce} txs on chain {chain_id} already: start a fresh chain"
        )
    _send(call, token, setup_txs(token, chain_id))


def _grant_where_none(call: RpcCall, token: DevToken, chain_id: int) -> None:
    for account in dev_accounts():
        balance_of = "0x" + (keccak(b"balanceOf(address)")[:4] + encode(["address"], [account.address])).hex()
        if int(call("eth_call", [{"to": token.address, "data": balance_of}, "latest"]), 16):
            continue
        nonce = int(call("eth_getTransactionCount", [token.deployer.address, "pending"]), 16)
        _send(call, token, [_sign_mint(token, chain_id, nonce, account.address)])


def _send(call: RpcCall, token: DevToken, raw_txs: list[bytes]) -> None:
    """Send txs that depend on each other in their order, and wait until the last is mined."""
    hashes = [call("eth_sendRawTransaction", ["0x" + raw.hex()]) for raw in raw_txs]
    deadline = time.monotonic() + _RECEIPT_TIMEOUT_SECONDS
    for tx_hash in hashes:
        while (receipt := call("eth_getTransactionReceipt", [tx_hash])) is None:
            if time.monotonic() > deadline:
                raise TestTokenUnavailable(f"tx {tx_hash} was not mined within {_RECEIPT_TIMEOUT_SECONDS:.0f} s")
            time.sleep(_POLL_SECONDS)
        if int(receipt["status"], 16) != 1:
            raise TestTokenUnavailable(f"tx {tx_hash}, which sets the test token {token.symbol} up, failed")


def _sign_mint(token: DevToken, chain_id: int, nonce: int, to: str) -> bytes:
    data = keccak(b"mint(address,uint256)")[:4] + encode(["address", "uint256"], [to, TEST_TOKEN_GRANT_BASE_UNITS])
    return _sign(token, chain_id, nonce=nonce, data=data, gas=_MINT_GAS, to=token.address)


def _sign(token: DevToken, chain_id: int, *, nonce: int, data: bytes, gas: int, to: str | None = None) -> bytes:
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
    return bytes(Account.sign_transaction(fields, token.deployer.private_key).raw_transaction)


@contextmanager
def _http_calls(url: str) -> Generator[RpcCall]:
    import httpx  # noqa: PLC0415 (the chain's own process makes no requests, and should start fast)

    with httpx.Client(timeout=_HTTP_TIMEOUT_SECONDS, trust_env=False) as client:

        def call(method: str, params: list[Any]) -> Any:
            body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            try:
                answer = client.post(url, json=body).raise_for_status().json()
            except (httpx.HTTPError, ValueError) as error:
                raise TestTokenUnavailable(f"the node does not answer {method}: {error}") from error
            if "error" in answer:
                raise RpcError(answer["error"]["code"], answer["error"]["message"], answer["error"].get("data"))
            return answer["result"]

        yield call
