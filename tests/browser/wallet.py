"""A real wallet for the browser: it announces itself as EIP-6963 has it, and its keys and its judgement are in Python.

In the page lives only a thin provider; each request comes here, where eth-account signs and the node is asked. What
a person would do in a wallet's window is said before: reject the next request, be on another network, hold another
account.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data
from playwright.sync_api import BrowserContext

from earnest.chain.errors import RpcError
from earnest.chain.rpc import Rpc
from earnest.localnet.accounts import DevAccount

REJECTED: Final = {"code": 4001, "message": "User rejected the request."}
UNKNOWN_CHAIN: Final = {"code": 4902, "message": "Unrecognized chain ID."}
ICON: Final = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'%3E"
    "%3Crect width='8' height='8' rx='2' fill='%23264653'/%3E%3Cpath d='M2 3h4v3H2z' fill='%23e9c46a'/%3E%3C/svg%3E"
)
PROVIDER: Final = """
(() => {
  const heard = {};
  const provider = {
    async request({ method, params }) {
      const answer = JSON.parse(await window.__wallet(JSON.stringify({ method, params: params ?? [] })));
      if (answer.error) throw Object.assign(new Error(answer.error.message), answer.error);
      if (method === "wallet_switchEthereumChain") window.__emit("chainChanged", params[0].chainId);
      return answer.result;
    },
    on(event, listener) { (heard[event] ??= []).push(listener); },
    removeListener(event, listener) { heard[event] = (heard[event] ?? []).filter((each) => each !== listener); },
  };
  window.__emit = (event, value) => (heard[event] ?? []).forEach((each) => each(value));
  const info = { uuid: "11111111-1111-4111-8111-111111111111", name: %(name)s, icon: %(icon)s, rdns: "test.wallet" };
  const announce = () =>
    window.dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail: Object.freeze({ info, provider }) }));
  window.addEventListener("eip6963:requestProvider", announce);
  announce();
})();
"""


@dataclass
class BrowserWallet:
    """One person's wallet. `asked` is every method that the page called, `signed` the typed data that were signed.

    Args:
        rpc: the node.
        account: whose keys.
        chain_id: the network that it is on.
        knows: the networks that it can switch to.
        takes_seconds: how long it thinks over a method before it answers.
    """

    rpc: Rpc
    account: DevAccount
    chain_id: int
    knows: set[int] = field(default_factory=set)
    name: str = "Test Wallet"
    reject: set[str] = field(default_factory=set)
    takes_seconds: dict[str, float] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    signed: list[dict[str, Any]] = field(default_factory=list)
    signatures: list[str] = field(default_factory=list)
    sent: list[dict[str, Any]] = field(default_factory=list)

    def install(self, context: BrowserContext) -> None:
        """Put the wallet into every page of a browser's context."""
        context.expose_function("__wallet", self._answer)
        context.add_init_script(PROVIDER % {"name": json.dumps(self.name), "icon": json.dumps(ICON)})

    def reject_next(self, method: str) -> None:
        """Say no when this is asked the next time."""
        self.reject.add(method)

    def send_again(self, *, price_factor: int = 2, data: str | None = None, to: str | None = None) -> str:
        """Replace the tx sent last under its own nonce, dearer; with other `data` and `to` it is another deed."""
        before = self.sent[-1]
        changed = {
            **before,
            "maxFeePerGas": before["maxFeePerGas"] * price_factor,
            "maxPriorityFeePerGas": before["maxPriorityFeePerGas"] * price_factor,
        }
        if to is not None:
            changed |= {"to": to, "data": data or "0x", "value": 0}
        return self._broadcast(changed)

    def _answer(self, text: str) -> str:
        request = json.loads(text)
        method, params = request["method"], request["params"]
        self.asked.append(method)
        time.sleep(self.takes_seconds.get(method, 0))
        if method in self.reject:
            self.reject.discard(method)
            return json.dumps({"error": REJECTED})
        try:
            return json.dumps(self._handle(method, params))
        except RpcError as error:
            return json.dumps({"error": {"code": error.error_code, "message": error.message}})

    def _handle(self, method: str, params: Sequence[Any]) -> dict[str, Any]:
        if method == "wallet_switchEthereumChain":
            wanted = int(params[0]["chainId"], 16)
            if wanted not in self.knows:
                return {"error": UNKNOWN_CHAIN}
            self.chain_id = wanted
            return {"result": None}
        own: dict[str, Callable[[], Any]] = {
            "eth_requestAccounts": lambda: [self.account.address],
            "eth_accounts": lambda: [self.account.address],
            "wallet_requestPermissions": lambda: [{"parentCapability": "eth_accounts"}],
            "eth_chainId": lambda: hex(self.chain_id),
            "eth_sendTransaction": lambda: self._send(params[0]),
            "eth_signTypedData_v4": lambda: self._sign(params[0], params[1]),
            "personal_sign": lambda: self._sign_text(params[0], params[1]),
        }
        return {"result": own[method]() if method in own else self.rpc.call(method, list(params))}

    def _send(self, asked: dict[str, str]) -> str:
        assert asked["from"] == self.account.address
        assert int(asked["chainId"], 16) == self.chain_id
        base_fee = int(self.rpc.call("eth_getBlockByNumber", ["latest", False])["baseFeePerGas"], 16)
        tx = {
            "type": 2,
            "chainId": self.chain_id,
            "nonce": int(self.rpc.call("eth_getTransactionCount", [self.account.address, "pending"]), 16),
            "to": asked["to"],
            "data": asked["data"],
            "value": int(asked["value"], 16),
            "gas": int(asked["gas"], 16),
            "maxFeePerGas": 2 * base_fee + 10**9,
            "maxPriorityFeePerGas": 10**9,
        }
        self.sent.append(tx)
        return self._broadcast(tx)

    def _broadcast(self, tx: dict[str, Any]) -> str:
        raw = Account.sign_transaction(tx, self.account.private_key).raw_transaction
        return str(self.rpc.call("eth_sendRawTransaction", ["0x" + bytes(raw).hex()]))

    def _sign(self, account: str, text: str) -> str:
        assert account == self.account.address
        message = json.loads(text)
        self.signed.append(message)
        self.signatures.append(self.sign(message))
        return self.signatures[-1]

    def _sign_text(self, text: str, account: str) -> str:
        assert account == self.account.address
        signable = encode_defunct(hexstr=text)
        return "0x" + bytes(Account.sign_message(signable, self.account.private_key).signature).hex()

    def sign(self, message: dict[str, Any]) -> str:
        """Sign typed data, asked by nobody's page."""
        signable = encode_typed_data(full_message=message)
        return "0x" + bytes(Account.sign_message(signable, self.account.private_key).signature).hex()
