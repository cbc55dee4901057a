"""The one screen that `earnest dev` prints: where everything is, and whose keys there are to play with."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console

from earnest.client import Client
from earnest.localnet.accounts import ROLES
from earnest.localnet.tokens import BLOCKLIST_TOKEN_ADDRESS
from earnest.testing.merchants import MerchantAccount, account_of

if TYPE_CHECKING:
    from earnest.testing.stack import LocalStack

SAMPLE: Final = ("12.50", "tUSD")


def show_screen(stack: LocalStack, account: MerchantAccount, console: Console) -> None:
    """Print what a developer needs to begin, with a fresh payment to look at."""
    with Client(stack.api_url, account.api_key) as client:
        payment = client.create_payment(*SAMPLE, order_reference="sample", description="A sample order")
    links = (
        ("checkout", payment.checkout_url, f"a sample payment of {payment.amount}, to be paid"),
        ("console", f"{stack.api_url}/console#key={account.api_key}", "blocks, txs and webhooks; time travel, reorgs"),
        ("desk", f"{stack.api_url}/desk", "the merchant's: sign in with the API key"),
        ("API", stack.api_url, f"its documentation: {stack.api_url}/docs"),
        ("API key", account.api_key, f"of the sample merchant {account.id}"),
        ("chain", stack.node_url, f"JSON-RPC, chain id {stack.network.chain_id}"),
        ("escrow", stack.deployment.address, ""),
        *((each.symbol, each.address, _about(each.address)) for each in stack.network.tokens),
        ("files, logs", str(stack.data_dir), ""),
    )
    console.print("\n[bold]Earnest is up.[/] Nothing here is worth anything, and every key is known to the world.\n")
    for name, what, about in links:
        console.print(f"  [bold]{name:<12}[/] {what}   [bright_black]{about}[/]")
    console.print("\n  [bold]accounts[/]     [bright_black]each with 10,000 ETH and a million of each token[/]")
    for role in ROLES:
        console.print(f"  {role:<14} {account_of(role).address}   {account_of(role).private_key}")
    console.print("\n  [bold]try[/]")
    for line in _commands(stack, account):
        console.print(f"  {line}")


def _about(token: str) -> str:
    blocklist = "; anyone may setBlocked(address,bool)" if token == BLOCKLIST_TOKEN_ADDRESS else ""
    return f"a test token{blocklist}"


def _commands(stack: LocalStack, account: MerchantAccount) -> list[str]:
    path = [f"export PATH={Path(sys.executable).parent}:$PATH"] if shutil.which("earnest") is None else []
    where = f"EARNEST_API_URL={stack.api_url} EARNEST_RPC_URL={stack.node_url} EARNEST_API_KEY={account.api_key}"
    return [
        *path,
        f"export {where}",
        "earnest listen --forward-to http://127.0.0.1:3000/webhooks",
        "earnest trigger payment.funded",
        "earnest chain advance 7d",
    ]
