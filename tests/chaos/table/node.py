"""The chain with the contract on it, served over HTTP by a thread, with some thousand blocks of payments."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from earnest.chain.errors import RpcError as ChainRpcError
from earnest.escrow import txs
from earnest.localnet.errors import RpcError
from earnest.localnet.http import ChainHttpServer
from earnest.payment.primitives import ZERO_HASH, Hash32, hash32, keccak
from earnest.payment.terms import DAY, Terms, payment_id
from tests.chaos.inprocess.chain import ChainTx, ContractChain
from tests.chaos.inprocess.deeds import Known, People
from tests.chaos.inprocess.world import ARBITER, BUYERS, FEES, MERCHANTS, OPERATOR, World, new_world
from tests.support.evm import Signer

PAYMENTS_EACH_BLOCK = 0.5
DEEDS_EACH_BLOCK = 1.0


class Scene:
    """A world, its chain, its people, and a lock: the server asks from its own threads."""

    def __init__(self, finality_depth: int, seed: int = 1) -> None:
        self.rng = random.Random(seed)
        self.world: World = new_world()
        self.chain = ContractChain(self.world.evm, finality_depth)
        self.people = People(self.world, self.chain, self.rng)
        self.lock = threading.RLock()
        self._numbers = 0

    def live(self, blocks: int, *, undoable: bool) -> None:
        """Let people pay and act for so many blocks."""
        self.chain.undoable = undoable
        for _ in range(blocks):
            self.chain.mine(self.deeds())

    def deeds(self) -> list[ChainTx]:
        """Return what happens in one block."""
        found: list[ChainTx] = []
        if self.rng.random() < PAYMENTS_EACH_BLOCK:
            found.append(self._fund())
        if self.rng.random() < DEEDS_EACH_BLOCK:
            self.people.payments = self.people.payments[-40:]  # those of long ago are over
            found += self.people.deed()
        return found

    def rest(self, blocks: int) -> None:
        """Let nothing happen for so many blocks."""
        for _ in range(blocks):
            self.chain.mine(())

    def reorg(self, depth: int, length: int) -> None:
        """Drop blocks and mine `length` others, with half of what was in them, in another order."""
        with self.lock:
            dropped = self.chain.drop(depth)
            again = [tx for block in dropped for tx in block.txs if self.rng.random() < 0.5]
            self.rng.shuffle(again)
            for at in range(length):
                self.chain.mine(again[at::length])

    def ask(self, method: str, params: list[Any]) -> Any:
        """Answer as a node."""
        with self.lock:
            try:
                return self.chain.call(method, params)
            except ChainRpcError as error:
                raise RpcError(error.error_code, error.message, error.data) from None

    def _fund(self) -> ChainTx:
        self._numbers += 1
        merchant: Signer = self.rng.choice(MERCHANTS)
        terms = Terms(
            buyer=self.rng.choice(BUYERS).address,
            merchant=merchant.address,
            operator=OPERATOR.address,
            arbiter=ARBITER.address,
            token=self.rng.choice(self.world.tokens).address,
            amount=self.rng.randint(10, 10_000),
            fee_recipient=FEES.address,
            fee_bps=250,
            pay_by=self.chain.head.timestamp + DAY,
            delivery_period=DAY,
            dispute_window=DAY,
            arbitration_period=DAY,
            order_hash=hash32(keccak(b"%d" % self._numbers)),
        )
        known = Known(Hash32(payment_id(terms, self.world.chain_id, self.world.escrow)), terms, own=False)
        self.people.payments.append(known)
        assert terms.order_hash != ZERO_HASH
        unsigned = txs.fund(self.world.escrow, self.world.chain_id, terms, terms.buyer)
        payer = next(each for each in BUYERS if each.address == terms.buyer)
        return self.chain.tx(payer, unsigned.to, bytes.fromhex(unsigned.data[2:]), unsigned.value)


@contextmanager
def served(scene: Scene) -> Iterator[str]:
    """Serve a scene's chain and give its URL."""
    server = ChainHttpServer("127.0.0.1", 0, scene.ask)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="scene", daemon=True)
    thread.start()
    try:
        yield server.url
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
