"""A node that only replays: a process of its own, faster than any client, since each answer is a slice of a file.

`python -m tests.benchmarks.backfill.replay FOLDER [SECONDS]` prints its port and serves until standard input ends; it
answers each request so many seconds late, as a node that is far away.
"""

from __future__ import annotations

import mmap
import socket
import subprocess
import sys
import threading
import time
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from deploy.tools.setup import ROOT
from tests.benchmarks.backfill.story import Recording

FINAL_DEPTH: Final = 2
"""How far `safe` and `finalized` lie behind the head."""
_MAX_RANGE: Final = 1_000_000


class Replay:
    """Answers JSON-RPC out of an unpacked recording."""

    def __init__(self, recording: Recording) -> None:
        self._story = recording.story
        self._files = {each: _map(recording.folder / each) for each in ("headers", "logs", "others")}
        self._offsets = {each: recording.offsets(each) for each in self._files}
        self._head = recording.story.blocks - 1
        self._numbers: dict[str, int] = {}
        """By hash; filled when first asked for by hash."""

    def answer(self, body: bytes) -> list[bytes]:
        """Return the answer to a request or a batch of them, in pieces."""
        asked = msgspec.json.decode(body)
        if not isinstance(asked, list):
            return self._one(asked)
        pieces = [b"["]
        for each in asked:
            pieces += self._one(each)
            pieces.append(b",")
        pieces[-1] = b"]"
        return pieces

    def _one(self, asked: dict[str, Any]) -> list[bytes]:
        head = b'{"jsonrpc":"2.0","id":%s,' % msgspec.json.encode(asked.get("id"))
        method = _METHODS.get(asked["method"])
        if method is None:
            return [head, b'"error":{"code":-32601,"message":"the method does not exist"}}']
        return [head, b'"result":', method(self, asked.get("params", [])), b"}"]

    def chain_id(self, _params: list[Any]) -> bytes:
        return b'"%s"' % hex(self._story.chain_id).encode()

    def block_number(self, _params: list[Any]) -> bytes:
        return b'"%s"' % hex(self._head).encode()

    def block_by_number(self, params: list[Any]) -> bytes:
        return self._slice("headers", number, number) if (number := self._number(params[0])) is not None else b"null"

    def block_by_hash(self, params: list[Any]) -> bytes:
        number = self._by_hash(params[0])
        return self._slice("headers", number, number) if number is not None else b"null"

    def logs(self, params: list[Any]) -> bytes:
        where = params[0]
        name = "logs" if "address" in where else "others"
        if "blockHash" in where:
            number = self._by_hash(where["blockHash"])
            return b"[%s]" % (self._slice(name, number, number) if number is not None else b"")
        first, last = self._number(where["fromBlock"]), self._number(where["toBlock"])
        return b"[%s]" % self._slice(name, first or 0, self._head if last is None else last)

    def _slice(self, name: str, first: int, last: int) -> bytes:
        offsets = self._offsets[name]
        start, end = offsets[first], offsets[min(last, self._head) + 1]
        return self._files[name][start + 1 : end] if end > start else b""

    def _number(self, at: str) -> int | None:
        if at in ("latest", "pending"):
            return self._head
        if at in ("safe", "finalized"):
            return self._head - FINAL_DEPTH
        number = 0 if at == "earliest" else int(at, 16)
        return number if number <= self._head else None

    def _by_hash(self, block_hash: str) -> int | None:
        if not self._numbers:
            self._numbers = dict(self._hashes())
        return self._numbers.get(block_hash)

    def _hashes(self) -> Iterator[tuple[str, int]]:
        text, offsets, at = self._files["headers"], self._offsets["headers"], 0
        while (at := text.find(b'"hash":"', at)) >= 0:
            yield text[at + 8 : at + 74].decode(), bisect_right(offsets, at) - 1
            at += 74


_METHODS: Final = {
    "eth_chainId": Replay.chain_id,
    "eth_blockNumber": Replay.block_number,
    "eth_getBlockByNumber": Replay.block_by_number,
    "eth_getBlockByHash": Replay.block_by_hash,
    "eth_getLogs": Replay.logs,
}


def _map(path: Path) -> mmap.mmap | bytes:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if path.stat().st_size else b""


def serve(replay: Replay, listener: socket.socket, late_seconds: float) -> None:
    """Answer whoever connects, each in a thread of his own."""
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_converse, args=(replay, connection, late_seconds), daemon=True).start()


def _converse(replay: Replay, connection: socket.socket, late_seconds: float) -> None:
    with connection, connection.makefile("rb") as reader:
        while request := reader.readline():
            length = 0
            while (line := reader.readline().strip()) != b"":
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            if not request.startswith(b"POST"):
                return
            asked = reader.read(length)
            if late_seconds:
                time.sleep(late_seconds)
            pieces = replay.answer(asked)
            size = sum(map(len, pieces))
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % size
            try:
                connection.sendall(head + b"".join(pieces))
            except OSError:
                return


@contextmanager
def replayed(recording: Recording, late_seconds: float = 0.0) -> Iterator[str]:
    """Run the server for as long as the context is open, and never longer than this process; gives its URL."""
    command = [sys.executable, "-m", "tests.benchmarks.backfill.replay", str(recording.folder), str(late_seconds)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        server.stdin.close()


def main() -> None:
    folder, *seconds = sys.argv[1:]
    recording, late_seconds = Recording.unpacked(Path(folder)), float(*seconds)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        threading.Thread(target=serve, args=(Replay(recording), listener, late_seconds), daemon=True).start()
        sys.stdin.read()


if __name__ == "__main__":
    main()
