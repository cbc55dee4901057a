"""Many shops on one local stack: the stack is started once, and each test has a merchant to itself."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType

from earnest.client import Client, ClientError
from earnest.escrow.reverts import explain_revert
from earnest.settings import load_settings
from earnest.testing.dev_chain import DevChain
from earnest.testing.merchants import open_merchant
from earnest.testing.shop import Shop
from earnest.testing.stack import LocalStack
from earnest.testing.webhook_receiver import WebhookReceiver
from earnest.wiring import open_database


@contextmanager
def stack_for_tests(folder: Path) -> Iterator[LocalStack]:
    """Run a stack with nothing but its own folder: no setting of the machine's reaches it, no database above all."""
    ours = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("EARNEST_")}
    try:
        stack = LocalStack(folder, database_url=f"sqlite:///{(folder / 'earnest.db').absolute()}")
    finally:
        os.environ.update(ours)
    with stack:
        stack.wait_caught_up()
        yield stack


class Shops:
    """Opens shops on a stack, one after the other or at once."""

    def __init__(self, stack: LocalStack) -> None:
        self._stack = stack
        self._resources = ExitStack()
        self._store = open_database(load_settings(data_dir=stack.data_dir, database_url=stack.database_url))
        self._resources.callback(self._store.close)
        self._chain = DevChain.at(stack.node_url, explain=explain_revert)
        self._resources.callback(self._chain.close)

    @contextmanager
    def open(self) -> Iterator[Shop]:
        """Open a merchant's account with a webhook endpoint that hears only of his payments."""
        account = open_merchant(self._store)
        with Client(self._stack.api_url, account.api_key) as client, WebhookReceiver() as webhooks:
            endpoint = client.create_endpoint(webhooks.url)
            webhooks.trust(endpoint.secret)
            yield Shop(client, self._chain, webhooks)
            with suppress(ClientError):  # a test may have ended the service
                client.delete_endpoint(endpoint.id)

    def __enter__(self) -> Shops:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close what was opened; the stack stays."""
        self._resources.close()
