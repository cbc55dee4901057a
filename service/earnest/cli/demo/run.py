"""Everything around the story: the sample merchant, the shop that listens, and the proof at the end."""

from __future__ import annotations

from contextlib import closing

from rich.console import Console

from earnest.chain.rpc import Rpc
from earnest.chain.signer import LocalSigner
from earnest.chain.wallet import Wallet
from earnest.cli.demo import books
from earnest.cli.demo.full_story import FullStory
from earnest.cli.demo.narrator import Narrator
from earnest.cli.demo.story import Story
from earnest.cli.demo.world import World
from earnest.cli.sample import sample_merchant
from earnest.client import Client
from earnest.escrow.reverts import explain_revert
from earnest.testing.merchants import account_of
from earnest.testing.stack import LocalStack
from earnest.testing.webhook_receiver import WebhookReceiver

__all__ = ["account_of", "build_world", "prove", "prove_webhooks", "sample_merchant", "tell_story"]


def build_world(stack: LocalStack, receiver: WebhookReceiver, narrator: Narrator, patience_seconds: float) -> World:
    """Set the stage: a merchant with a key and a webhook endpoint, and a wallet for everybody who acts."""
    account = sample_merchant(stack)
    api = Client(stack.api_url, account.api_key, patience_seconds=patience_seconds)
    rpc = Rpc(stack.node_url, retries=0)
    receiver.trust(api.create_endpoint(receiver.url).secret)
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
    told = {each.id for each in world.api.events()}
    world.hear_all(told)
    heard = {each.id for each in world.receiver.received if each.verified}
    forged = [each for each in world.receiver.received if not each.verified]
    world.expect(not forged, f"{len(forged)} webhooks came with a signature that does not verify")
    world.expect(heard == told, "webhooks were heard that the service does not know")
    versions = [
        (body["data"]["id"], body["data"]["version"])
        for body in {each.id: each.body for each in world.receiver.received}.values()
    ]
    world.expect(len(versions) == len(set(versions)), "one change of a payment was told under two ids")
    world.narrator.tell("books", f"{len(told)} notifications, each heard under one id, every signature verified")
