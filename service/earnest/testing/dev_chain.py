"""A chain for tests that mines, waits, settles and reorganises on order: the embedded one, or anvil.

with DevChain.embedded() as chain:  # in this process, in memory: no socket, no file
    receipt = chain.send(txs.fund(escrow, chain.chain_id, terms, buyer), by=chain.accounts[2])
    chain.reorg(1, keep=Keep.NONE)  # the payment is gone
    ...

chain = DevChain.at("http://127.0.0.1:8545")  # `earnest chain`, `earnest dev`, or anvil
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from earnest.chain.errors import NodeUnavailable, RpcError
from earnest.chain.node import Node, Receipt
from earnest.chain.rpc import Rpc
from earnest.chain.signer import LocalSigner
from earnest.chain.updates import Block
from earnest.chain.wallet import CallTx, Wallet
from earnest.localnet.accounts import DevAccount, dev_accounts
from earnest.localnet.errors import RpcError as LocalRpcError
from earnest.localnet.inprocess import EmbeddedChain
from earnest.payment.errors import EarnestError
from earnest.testing.one_by_one import OneByOneNode
from earnest.testing.processes import free_port

MOST_BLOCKS_TO_FINALITY: Final = 200
"""A node whose `finalized` tag does not come within so many blocks has none."""
START_SECONDS: Final = 20.0


class Keep(StrEnum):
    """What becomes of the txs in the blocks that a reorg drops."""

    ALL = "all"
    """They are mined again, in the same order and at the same heights: other blocks, the same payments."""
    LATER = "later"
    """They are mined again, all in the newest of the new blocks."""
    NONE = "none"
    """They are gone, as if nobody had sent them."""


class EmbeddedNode(OneByOneNode):
    """The embedded chain in this process, as a node to be asked: for a `Follower`, a `Sender` or a `Wallet`."""

    endpoint = "embedded"

    def __init__(self, chain: EmbeddedChain) -> None:
        self._chain = chain

    def answer(self, method: str, params: Sequence[Any]) -> Any:
        """Ask the chain; raises `RpcError`."""
        try:
            return self._chain.request(method, list(params))
        except LocalRpcError as error:
            raise RpcError(method, error.code, error.message, error.data) from None


class DevChain:
    """A development chain under a test's control.

    Args:
        node: how it is asked; it must know the methods that anvil and the embedded chain have for tests.
        explain: what a revert's data (hexadecimal) means, None if unknown; `earnest.escrow.reverts.explain_revert`.
    """

    def __init__(self, node: Node, *, explain: Callable[[str], str | None] = lambda _data: None) -> None:
        self.node = node
        self.chain_id = node.chain_id()
        self.accounts: list[DevAccount] = dev_accounts()
        """Ten accounts with their keys, each rich in coin and, on the embedded chain, in test tokens."""
        self._explain = explain

    @classmethod
    @contextmanager
    def embedded(cls, path: Path | None = None) -> Iterator[DevChain]:
        """Run the embedded chain in this process; without a path it is gone afterwards.

        Raises:
            LocalExtraMissing: `earnest[local]` is not installed.
        """
        with EmbeddedChain(path) as chain:
            yield cls(EmbeddedNode(chain))

    @classmethod
    def at(cls, url: str, *, explain: Callable[[str], str | None] = lambda _data: None) -> DevChain:
        """Use a node that runs already; `close` it in the end."""
        rpc = Rpc(url)
        try:
            return cls(rpc, explain=explain)
        except BaseException:
            rpc.close()
            raise

    def close(self) -> None:
        """Close the connections to the node."""
        self.node.close()

    @classmethod
    @contextmanager
    def anvil(cls, program: str | Path = "anvil", *options: str) -> Iterator[DevChain]:
        """Run a fresh anvil on a free port, with finality four blocks deep.

        Raises:
            FileNotFoundError: there is no such program.
        """
        found = shutil.which(str(program))
        if found is None:
            raise FileNotFoundError(f"{program}: no such program; it is part of Foundry")
        port = free_port()
        command = [found, "--port", str(port), "--silent", "--slots-in-an-epoch", "2", *options]
        with subprocess.Popen(command) as process:  # noqa: S603 (the program that was asked for)
            try:
                chain = _when_ready(f"http://127.0.0.1:{port}", process)
                try:
                    yield chain
                finally:
                    chain.close()
            finally:
                process.terminate()

    @property
    def head(self) -> Block:
        """The newest block."""
        header = self.node.header("latest")
        if header is None:
            raise NodeUnavailable(self.node.endpoint, "has no blocks")
        return header.block

    @property
    def final(self) -> Block | None:
        """The newest final block, None before there is one."""
        header = self.node.header("finalized")
        return header.block if header else None

    def mine(self, blocks: int = 1) -> Block:
        """Mine so many blocks, with what waits in the first of them; returns the newest."""
        self.node.call("anvil_mine", (hex(blocks),))
        return self.head

    def wait(self, seconds: int) -> Block:
        """Let chain time pass, and mine a block that shows it."""
        self.node.call("evm_increaseTime", (seconds,))
        return self.mine()

    def settle(self) -> Block:
        """Mine until the block that is the newest now is final; returns it."""
        block = self.head
        for _ in range(MOST_BLOCKS_TO_FINALITY):
            final = self.final
            if final is not None and final.number >= block.number:
                return block
            self.mine()
        raise NodeUnavailable(self.node.endpoint, f"holds nothing final {MOST_BLOCKS_TO_FINALITY} blocks later")

    def send(self, tx: CallTx, *, by: DevAccount) -> Receipt:
        """Send a tx of any verb (`earnest.escrow.txs`) and wait until it is mined.

        Raises:
            TxWouldRevert: the contract would refuse it; nothing was sent.
        """
        return Wallet(self.node, LocalSigner.from_key(by.private_key), explain=self._explain).send(tx)

    def snapshot(self) -> str:
        """Remember how the chain is; returns what `revert` takes."""
        return str(self.node.call("evm_snapshot", ()))

    def revert(self, snapshot: str) -> None:
        """Be as at a snapshot, which is used up with that: the blocks since then are gone, and no others come."""
        self.node.call("evm_revert", (snapshot,))

    def reorg(self, depth: int, *, keep: Keep = Keep.ALL, longer_by: int = 1) -> Block:
        """Drop the newest blocks and mine as many others, and some more; returns the newest.

        Args:
            depth: how many blocks are dropped; not final ones, which the node refuses.
            keep: what becomes of their txs.
            longer_by: how many blocks the new branch is longer; 0: another chain of the same height.
        """
        self.node.call("anvil_reorg", (depth, self._kept(depth, keep)))
        if longer_by:
            self.mine(longer_by)
        return self.head

    def _kept(self, depth: int, keep: Keep) -> list[list[Any]]:
        if keep is Keep.NONE:
            return []
        first = self.head.number - depth + 1
        kept: list[list[Any]] = []
        for offset in range(depth):
            block = self.node.call("eth_getBlockByNumber", (hex(first + offset), False))
            for tx_hash in block["transactions"]:
                raw = self.node.call("eth_getRawTransactionByHash", (tx_hash,))
                kept.append([raw, offset if keep is Keep.ALL else depth - 1])
        return kept


def _when_ready(url: str, process: subprocess.Popen[bytes]) -> DevChain:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            return DevChain.at(url)
        except EarnestError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
