"""Everything around the story: the sample merchant, the shop that listens, and the proof at the end."""

from __future__ import annotations

import json
import shutil
import sys
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from earnest.chain.rpc import Rpc
from earnest.chain.signer import LocalSigner
from earnest.chain.wallet import Wallet
from earnest.cli.api_client import ApiClient
from earnest.cli.demo import books
from earnest.cli.demo.full_story import FullStory
from earnest.cli.demo.narrator import Narrator
from earnest.cli.demo.story import Story
from earnest.cli.demo.world import World
from earnest.commands.create_key import create_key
from earnest.commands.create_merchant import NewMerchant, create_merchant
from earnest.escrow.reverts import explain_revert
from earnest.localnet.accounts import DevAccount, dev_accounts
from earnest.localnet.tokens import BLOCKLIST_TOKEN_ADDRESS
from earnest.payment.primitives import Address
from earnest.payment.terms import DAY, HOUR
from earnest.settings import load_settings
from earnest.testing.stack import LocalStack, write_private
from earnest.testing.webhook_receiver import WebhookReceiver
from earnest.wiring import open_database, wall_clock

ROLES = ("host", "operator", "merchant", "arbiter", "buyer", "second buyer", "anyone", "fee recipient")
"""Who the development accounts are in the story, by their number."""


def account_of(role: str) -> DevAccount:
    """Return the development account that plays a role."""
    return dev_accounts()[ROLES.index(role)]


@dataclass(frozen=True)
class SampleMerchant:
    """The account that demo and dev open, with its key."""

    id: str
    api_key: str

    def show(self, stack: LocalStack, console: Console) -> None:
        """Print what a developer needs to begin."""
        show_addresses(stack, console)
        console.print(f"  sample merchant   {self.id}")
        console.print(f"  its API key       {self.api_key}")
        console.print("\nTry:")
        if shutil.which("earnest") is None:
            console.print(f"  export PATH={Path(sys.executable).parent}:$PATH")
        console.print(f"  export EARNEST_API_URL={stack.api_url} EARNEST_API_KEY={self.api_key}")
        console.print("  earnest payment create 12.50 tUSD --order my-first-order")


def sample_merchant(stack: LocalStack) -> SampleMerchant:
    """Return the stack's sample account with a key that may do everything; opened at the first start, kept after it."""
    file = stack.data_dir / "sample-merchant.json"
    if file.exists():
        return SampleMerchant(**json.loads(file.read_text()))
    account = _open_account(stack)
    write_private(file, json.dumps(asdict(account)))
    return account


def _open_account(stack: LocalStack) -> SampleMerchant:
    url = {"database_url": stack.database_url} if stack.database_url else {}
    store = open_database(load_settings(data_dir=stack.data_dir, **url))
    try:
        new = NewMerchant(
            name="The sample shop",
            payout=Address(account_of("merchant").address),
            operator=Address(account_of("operator").address),
            arbiter=Address(account_of("arbiter").address),
            fee_recipient=Address(account_of("fee recipient").address),
            fee_bps=100,
            delivery_period=7 * DAY,
            dispute_window=HOUR,
            arbitration_period=7 * DAY,
            payment_window=HOUR,
        )
        merchant = create_merchant(store, new, wall_clock())
        key = create_key(store, merchant.id, now=wall_clock())
    finally:
        store.close()
    return SampleMerchant(merchant.id, key.secret)


def build_world(stack: LocalStack, receiver: WebhookReceiver, narrator: Narrator, patience_seconds: float) -> World:
    """Set the stage: a merchant with a key and a webhook endpoint, and a wallet for everybody who acts."""
    account = sample_merchant(stack)
    api = ApiClient(stack.api_url, account.api_key, patience_seconds=patience_seconds)
    rpc = Rpc(stack.node_url, retries=0)
    endpoint = api.post("/v1/webhook_endpoints", {"url": receiver.url})
    receiver.trust(endpoint["secret"])
    signers = {
        role: LocalSigner.from_key(account_of(role).private_key)
        for role in ("buyer", "second buyer", "anyone", "arbiter", "merchant")
    }
    wallets = {
        role: Wallet(rpc, signer, patience_seconds=patience_seconds, explain=explain_revert)
        for role, signer in signers.items()
    }
    return World(
        api,
        rpc,
        stack.network,
        stack.deployment.address,
        receiver,
        wallets,
        signers,
        narrator,
        patience_seconds=patience_seconds,
    )


def tell_story(stack: LocalStack, console: Console) -> None:
    """Tell the whole story and prove its end; raises `StoryFailed` (or whatever stood in its way)."""
    narrator = Narrator(console)
    with WebhookReceiver() as receiver:
        with closing(build_world(stack, receiver, narrator, patience_seconds=30.0)) as world:
            narrator.tell("host", f"the escrow stands at {stack.deployment.address}, and nobody owns it")
            story = FullStory(world)
            for step in story.steps():
                step.run()
            prove(story, stack)
        narrator.plain(f"\nThe story held, in {narrator.seconds:.1f} s.")


def prove(story: Story, stack: LocalStack) -> None:
    """Check the story's end: the books balance by chain and mirror alike, and every webhook was heard under one id."""
    world = story.world
    chain = books.books_of_chain(world.rpc, world.escrow, stack.deployment.block_number)
    mirror = books.books_of_mirror(world.api)
    tokens = {each.address: each for each in (world.network.coin, *world.network.tokens)}
    world.narrator.table("The books", books.HEAD, books.rows(chain, mirror, tokens))
    paid_in = {told.token for told in story.payments.values()}
    world.expect(set(chain) == paid_in, "the books are not about the tokens that were paid in")
    world.expect(chain == mirror, "the mirror's books are not those of the chain")
    world.expect(all(account.balanced for account in chain.values()), "what came in is not what went out and is held")
    prove_webhooks(world)


def prove_webhooks(world: World) -> None:
    """Check that each notification that the service wrote was heard, signed rightly, and under one id only."""
    told = {row["id"]: row for row in world.api.every("/v1/events")}
    world.hear_all(set(told))
    heard = {each.id for each in world.receiver.received if each.verified}
    forged = [each for each in world.receiver.received if not each.verified]
    world.expect(not forged, f"{len(forged)} webhooks came with a signature that does not verify")
    world.expect(heard == set(told), "webhooks were heard that the service does not know")
    versions = [
        (body["data"]["id"], body["data"]["version"])
        for body in {each.id: each.body for each in world.receiver.received}.values()
    ]
    world.expect(len(versions) == len(set(versions)), "one change of a payment was told under two ids")
    world.narrator.tell("books", f"{len(told)} notifications, each heard under one id, every signature verified")


def show_addresses(stack: LocalStack, console: Console) -> None:
    """Print where everything is."""
    console.print(f"\n  API               {stack.api_url}   (documentation: {stack.api_url}/docs)")
    console.print(f"  chain (JSON-RPC)  {stack.node_url}   chain id {stack.network.chain_id}")
    console.print(f"  escrow            {stack.deployment.address}")
    for token in stack.network.tokens:
        blocklist = "   anyone may setBlocked(address,bool)" if token.address == BLOCKLIST_TOKEN_ADDRESS else ""
        console.print(f"  {token.symbol} (test token)  {token.address}{blocklist}")
    console.print(f"  files and logs    {stack.data_dir}")
    for role in ROLES:
        console.print(f"  {role:<17} {account_of(role).address}   key {account_of(role).private_key}")
