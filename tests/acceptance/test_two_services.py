"""Two services on one PostgreSQL: one leads, the other stands by, answers all the same, and takes over."""

from __future__ import annotations

from contextlib import ExitStack, closing
from pathlib import Path

import httpx
from rich.console import Console

from earnest.cli.demo.narrator import Narrator
from earnest.cli.demo.run import build_world
from earnest.cli.demo.story import Story
from earnest.client import Client
from earnest.testing.processes import Child, free_port
from earnest.testing.stack import START_SECONDS, LocalStack
from earnest.testing.webhook_receiver import WebhookReceiver

PATIENCE_SECONDS = 60.0
"""For a busy machine: the second one leads, and sends what the first had claimed, within 4 seconds."""


def test_the_second_service_goes_on_when_the_first_is_killed(tmp_path: Path, postgres_url: str) -> None:
    with ExitStack() as ends:
        stack = ends.enter_context(LocalStack(tmp_path, database_url=postgres_url))
        receiver = ends.enter_context(WebhookReceiver())
        port = free_port()
        serve = ["earnest.cli", "serve", "--port", str(port)]
        second = Child("the second service", serve, *stack.child_settings("second"))
        ends.callback(second.stop)
        second.start()
        second.wait_ready(lambda: _live(port), START_SECONDS)

        world = ends.enter_context(closing(build_world(stack, receiver, Narrator(Console()), PATIENCE_SECONDS)))
        story = Story(world)
        story.create_released()
        story.fund_released()
        stack.service.kill()
        world.api.close()
        world.api = Client(f"http://127.0.0.1:{port}", world.api.http.api_key, patience_seconds=PATIENCE_SECONDS)
        story.confirm_released()

        assert world.api.payment(story.payments["released"].id).status == "delivered"
        world.hear_all({each.id for each in world.api.events()})


def _live(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/live", trust_env=False).is_success
    except httpx.TransportError:
        return False
