"""The shop whose checkout is opened: its payments by the API, its chain, and browsers with and without a wallet."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from earnest.chain.rpc import Rpc
from earnest.cli.demo.run import account_of, sample_merchant
from earnest.escrow.txs import UnsignedTx, encode_call
from earnest.localnet.accounts import DevAccount
from earnest.localnet.tokens import BLOCKLIST_TOKEN_ADDRESS, TEST_TOKEN_ADDRESS
from earnest.payment.primitives import Address
from earnest.testing.dev_chain import DevChain
from earnest.testing.stack import LocalStack
from tests.browser.wallet import BrowserWallet

PATIENCE_MS: Final = 20_000
"""What a page shows within a second when it is alone; this is for a machine that is busy with something else."""
PHONE: Final = {"width": 390, "height": 844}
DESKTOP: Final = {"width": 1280, "height": 900}
expect.set_options(timeout=PATIENCE_MS)
EXPECTED_NOISE: Final = ("404 (Not Found)", "409 (Conflict)", "422 (Unprocessable")
"""What the browser itself says of an answer that the page knows how to take."""


@dataclass
class Shop:
    """One merchant on one stack, for all tests: each makes payments of its own."""

    stack: LocalStack
    browser: Browser
    api: httpx.Client = field(init=False)
    chain: DevChain = field(init=False)
    _open: list[BrowserContext] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        key = sample_merchant(self.stack).api_key
        headers = {"Authorization": f"Bearer {key}"}
        self.api = httpx.Client(base_url=self.stack.api_url, headers=headers, timeout=30.0, trust_env=False)
        self.chain = DevChain.at(self.stack.node_url)

    @property
    def rpc(self) -> Rpc:
        """The node."""
        assert isinstance(self.chain.node, Rpc)
        return self.chain.node

    @property
    def buyer(self) -> DevAccount:
        """Who buys."""
        return account_of("buyer")

    def close(self) -> None:
        """Close what was opened here."""
        self.api.close()
        self.chain.close()

    # The merchant's side.

    def create(self, value: str = "12.50", token: str = "tUSD", **terms: Any) -> dict[str, Any]:
        """Create a payment."""
        body = {"amount": {"value": value, "token": token}, "order_reference": "order-4711", **terms}
        answer = self.api.post("/v1/payments", json=body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def payment(self, payment: dict[str, Any]) -> dict[str, Any]:
        """Return a payment as the API tells it now."""
        answer = self.api.get(f"/v1/payments/{payment['id']}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def wait_status(self, payment: dict[str, Any], status: str) -> dict[str, Any]:
        """Wait until the mirror says so."""
        deadline = time.monotonic() + PATIENCE_MS / 1_000
        while (told := self.payment(payment))["status"] != status:
            assert time.monotonic() < deadline, f"waited in vain for {status}: it is {told['status']}"
            time.sleep(0.05)
        return told

    def confirm_delivery(self, payment: dict[str, Any]) -> None:
        """Say that it was delivered, with the operator's key, and wait until that is mirrored."""
        answer = self.api.post(f"/v1/payments/{payment['id']}/confirm_delivery")
        assert answer.status_code == 202, answer.text
        self.wait_status(payment, "delivered")

    def balance(self, account: str) -> int:
        """Return what an account owns of the test token."""
        data = "0x70a08231" + account[2:].lower().rjust(64, "0")
        return int(self.rpc.call("eth_call", [{"to": TEST_TOKEN_ADDRESS, "data": data}, "latest"]), 16)

    def block(self, account: DevAccount, yes: bool) -> None:
        """Put an account on the second test token's blocklist, or take it off."""
        data = encode_call("setBlocked", ["address", "bool"], [account.address, yes])
        tx = UnsignedTx(Address(BLOCKLIST_TOKEN_ADDRESS), data, 0, self.stack.network.chain_id)
        self.chain.send(tx, by=self.chain.accounts[7])

    def travel(self, seconds: int) -> None:
        """Let chain time pass."""
        target = self.chain.head.timestamp + seconds
        while (now := self.chain.head.timestamp) < target:
            self.chain.wait(target - now)

    # The buyer's side.

    def wallet(self, account: DevAccount | None = None, **how: Any) -> BrowserWallet:
        """Return a wallet on the right network."""
        chain_id = self.stack.network.chain_id
        return BrowserWallet(self.rpc, account or self.buyer, **{"chain_id": chain_id, "knows": {chain_id}, **how})

    def visit(
        self,
        payment: dict[str, Any],
        wallet: BrowserWallet | None = None,
        *,
        size: dict[str, int] | None = None,
        language: str = "en-US",
        **how: Any,
    ) -> Page:
        """Open a payment's page in a browser of its own."""
        context = self.browser.new_context(viewport=size or DESKTOP, locale=language, timezone_id="Europe/Paris", **how)  # type: ignore[arg-type]
        self._open.append(context)
        context.set_default_timeout(PATIENCE_MS)
        if wallet is not None:
            wallet.install(context)
        page = context.new_page()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.said.append(f"uncaught: {error}"))
        page.goto(payment["checkout_url"])
        page.wait_for_selector("html[data-ready]")
        return page

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(each in message.text for each in EXPECTED_NOISE):
            self.said.append(f"{message.type}: {message.text}")

    def leave(self) -> list[str]:
        """Close all browsers; returns what their consoles complained of."""
        for context in self._open:
            with suppress(Exception):
                context.close()
        said, self.said, self._open = self.said, [], []
        return said


def says(page: Page, headline: str) -> None:
    """Wait until the page's headline says so."""
    expect(page.locator("#status-title")).to_have_text(headline)


def press(page: Page, name: str) -> None:
    """Press a button by its name, as a person reads it."""
    page.get_by_role("button", name=name, exact=True).click()


def dialog_says(page: Page, text: str) -> None:
    """Wait until the dialog says something."""
    expect(page.get_by_role("dialog")).to_contain_text(text)
