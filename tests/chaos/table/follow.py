"""A follower with its mirror in a thread of its own, as the service runs it, over real sockets."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from earnest.chain.background import in_a_thread
from earnest.chain.follower import Follower, FollowerStatus
from earnest.chain.rpc import Rpc
from earnest.mirror import ChainMirror
from earnest.settings import FinalityRule
from earnest.store import open_store
from earnest.wiring import open_rpc
from tests.chaos.inprocess.judge_mirror import differences_of_mirror
from tests.chaos.inprocess.truth import read
from tests.chaos.table.node import Scene

POLL_SECONDS = 0.05
LOOK_SECONDS = 0.01
"""How often it is looked at whether it is there: each look costs a millisecond that the follower does not have."""


class Following:
    """Follows a scene's chain by these endpoints, into a new database at `path`; its questions in batches or not."""

    def __init__(self, scene: Scene, path: Path, *urls: str, batches: bool = True) -> None:
        self.scene, self.path = scene, path
        self.store = open_store(f"sqlite:///{path}")
        self.store.upgrade()
        rule = FinalityRule(depth_blocks=scene.chain.finality_depth)
        network = replace(scene.world.network(rule), rpc_urls=urls)
        self._rpc = open_rpc(network) if batches else Rpc(urls[0], largest_batch=1)
        mirror = ChainMirror(
            self.store, network.chain_id, scene.world.escrow, network.token_at, lambda: int(time.time())
        )
        self._follower = Follower(
            self._rpc,
            mirror,
            chain_id=network.chain_id,
            escrow=scene.world.escrow,
            deployed_at_block=0,
            finality=rule,
            poll_seconds=POLL_SECONDS,
            ahead=in_a_thread,
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="following", daemon=True)
        self.died: BaseException | None = None
        """What ended the follower, which nothing should."""

    @property
    def status(self) -> FollowerStatus:
        return self._follower.status()

    def start(self) -> None:
        self._thread.start()

    def reaches(self, seconds: float) -> float | None:
        """Wait until the mirror has the chain's head and all that is final is so; returns how long it took, or None."""
        began = time.monotonic()
        while time.monotonic() - began < seconds and self.died is None:
            if self._is_there():
                return time.monotonic() - began
            time.sleep(LOOK_SECONDS)
        return None

    def differences(self, *, all_final: bool) -> list[str]:
        """Return where the mirror is not as the contract, read directly."""
        chain, world = self.scene.chain, self.scene.world
        with self.scene.lock:
            truth = read(chain, world.escrow, ())
            return list(differences_of_mirror(self.store, world, chain, truth, all_final=all_final))

    def content(self) -> list[Any]:
        """Return every row of the database."""
        with closing(sqlite3.connect(self.path)) as database:
            tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return [(name, database.execute(f"SELECT * FROM {name}").fetchall()) for name in sorted(tables)]

    def _is_there(self) -> bool:
        with self.store.read() as tx:
            view = tx.blocks.view(self.scene.world.chain_id)
        chain = self.scene.chain
        final = max(chain.head.number - chain.finality_depth, 0)
        return view is not None and view.head.hash == chain.head.hash and view.final.number >= final

    def _run(self) -> None:
        try:
            self._follower.run(self._stop)
        except BaseException as error:
            self.died = error

    def __enter__(self) -> Following:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(30)
        self._rpc.close()
        self.store.close()
