"""A chain with real logs, wrapped into blocks whose headers add up, kept as the very bytes that a node would send."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
import zipfile
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import rlp  # type: ignore[import-untyped]

from deploy.tools.setup import ROOT
from earnest.chain.bloom import bloom_of
from earnest.escrow.artifact import load
from earnest.payment.events import TOPICS
from earnest.payment.primitives import Hash32, checksum_address, hash32, keccak, to_bytes
from earnest.payment.terms import Terms
from tests.benchmarks.backfill.lives import Lives
from tests.benchmarks.backfill.story import Recording, Story
from tests.benchmarks.backfill.tally import Tally
from tests.benchmarks.backfill.world import CHAIN_ID, GENESIS_TIME, World
from tests.support.evm import Log

CACHE: Final = ROOT / ".cache" / "backfill"
SEED: Final = 4
STYLE: Final = 2
"""Rises when recordings are made otherwise, so that an older one is made anew."""
BLOCK_SECONDS: Final = 12
EVENTS_A_BLOCK: Final = 5
_EMPTY_HASH: Final = keccak(b"empty")
Progress = Callable[[int, int], None]


@contextmanager
def opened(events: int, progress: Progress) -> Iterator[Recording]:
    """Unpack the recording of so many events, which is made first if it is not there."""
    path = CACHE / f"{events}-{SEED}-{STYLE}-{load().bytecode_hash[2:10]}.zip"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        _record(path, events, progress)
    with tempfile.TemporaryDirectory(prefix="earnest-backfill-") as folder:
        with zipfile.ZipFile(path) as packed:
            packed.extractall(folder)
        story = Story(**json.loads((Path(folder) / "story.json").read_text()))
        yield Recording(story, Path(folder))


def _record(path: Path, events: int, progress: Progress) -> None:
    with tempfile.TemporaryDirectory(prefix="earnest-recording-") as name:
        folder = Path(name)
        files = {each: _File(folder / each) for each in ("headers", "logs", "others")}
        recorder = _Recorder(files)
        story = recorder.record(events, progress)
        for file in files.values():
            file.close()
        (folder / "story.json").write_text(json.dumps(asdict(story)))
        # Apart from the story, which every run reads: at 1,000,000 events it would be half of a run's memory.
        (folder / "own.json").write_text(json.dumps([asdict(terms) for terms in recorder.own]))
        partly = path.with_suffix(".partly")
        with zipfile.ZipFile(partly, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as packed:
            for each in sorted(folder.iterdir()):
                packed.write(each, each.name)
        shutil.move(partly, path)


class _File:
    def __init__(self, path: Path) -> None:
        self._path, self._file, self._at = path, path.open("wb"), 0
        self._offsets = array("Q", [0])

    def add_block(self, items: Sequence[str]) -> None:
        """Write a block's items, a comma before each, so that any run of blocks is a list but for its first byte."""
        text = "".join("," + item for item in items).encode()
        self._file.write(text)
        self._at += len(text)
        self._offsets.append(self._at)

    def close(self) -> None:
        self._file.close()
        self._path.with_suffix(".offsets").write_bytes(self._offsets.tobytes())


class _Recorder:
    def __init__(self, files: dict[str, _File]) -> None:
        self._files = files
        self._world = World()
        self._lives = Lives(self._world, SEED)
        self._random = random.Random(SEED + 1)
        self._parent, self._number, self._txs = hash32(bytes(32)), 0, 0
        self._tally, self._kinds = Tally(), Counter[str]()
        self._side_events = self._foreign = 0

    @property
    def own(self) -> Sequence[Terms]:
        return self._lives.own

    def record(self, events: int, progress: Progress) -> Story:
        self._block([])
        while self._tally.events < events:
            self._block(self._txs_of_block())
            progress(self._tally.events, events)
        for _ in range(3):
            self._block([])
        return Story(
            chain_id=CHAIN_ID,
            escrow=self._world.escrow,
            blocks=self._number,
            events=self._tally.events,
            side_events=self._side_events,
            foreign_logs=self._foreign,
            payments=len(self._tally.payments),
            statuses=self._tally.statuses(),
            kinds=dict(self._kinds),
            event_sum=self._tally.event_sum(),
            payment_sum=self._tally.payment_sum(),
            token=self._world.dollar,
            own=len(self._lives.own),
        )

    def _txs_of_block(self) -> list[tuple[Log, ...]]:
        pick = self._random
        # Near half of the blocks hold none; the others 1 to 20.
        wanted = pick.randint(1, 18) if pick.random() < EVENTS_A_BLOCK / 9.3 else 0
        txs, made = [], 0
        while made < wanted:
            logs = self._lives.act(GENESIS_TIME + self._number * BLOCK_SECONDS, 20 - made)
            made += sum(log.address == self._world.escrow for log in logs)
            txs += [logs] if logs else []
        crowd = 120 if pick.random() < 0.005 else pick.choice((0, 0, 1))
        txs += [(_strange(pick),) for _ in range(crowd)]
        return txs

    def _block(self, txs: Sequence[tuple[Log, ...]]) -> None:
        timestamp = GENESIS_TIME + self._number * BLOCK_SECONDS
        logs = [log for tx in txs for log in tx]
        bloom = bloom_of([*(log.address for log in logs), *(hash32(topic) for log in logs for topic in log.topics)])
        tx_hashes = [hash32(keccak(b"tx %d" % (self._txs + at))) for at in range(len(txs))]
        self._txs += len(txs)
        header = _header(self._parent, self._number, timestamp, bloom, len(logs))
        block_hash = hash32(keccak(rlp.encode(list(header.values()))))
        ours, every = [], []
        for index, (at, log) in enumerate((at, log) for at, tx in enumerate(txs) for log in tx):
            every.append(_log(log, block_hash, self._number, tx_hashes[at], at, index))
            if log.address == self._world.escrow:
                ours.append(every[-1])
                self._count(log, block_hash, index)
        self._foreign += len(every) - len(ours)
        self._files["headers"].add_block([_header_json(header, block_hash, tx_hashes)])
        self._files["logs"].add_block(ours)
        self._files["others"].add_block(every)
        self._parent, self._number = block_hash, self._number + 1

    def _count(self, log: Log, block_hash: Hash32, index: int) -> None:
        kind = TOPICS.get(hash32(log.topics[0]))
        if kind is None:
            self._side_events += 1
            return
        self._kinds[str(kind)] += 1
        seq, status, held = (int.from_bytes(log.data[at : at + 32]) for at in (0, 32, 64))
        self._tally.add(block_hash, index, hash32(log.topics[1]), seq, status, held)


def _strange(pick: random.Random) -> Log:
    address = checksum_address(f"0x{pick.getrandbits(160):040x}")
    topics = tuple(pick.getrandbits(256).to_bytes(32) for _ in range(3))
    return Log(address, topics, pick.getrandbits(256).to_bytes(32))


def _header(parent: Hash32, number: int, timestamp: int, bloom: int, logs: int) -> dict[str, bytes]:
    """Return a header's fields in the order in which they are hashed. Source: EIP-1559, EIP-4844, EIP-4788."""
    numbers = {"number": number, "gasLimit": 36_000_000, "gasUsed": 60_000 * logs, "timestamp": timestamp}
    return {
        "parentHash": to_bytes(parent),
        "sha3Uncles": keccak(rlp.encode([])),
        "miner": bytes(20),
        "stateRoot": keccak(b"state %d" % number),
        "transactionsRoot": keccak(b"txs %d" % number),
        "receiptsRoot": keccak(b"receipts %d" % number),
        "logsBloom": bloom.to_bytes(256),
        "difficulty": b"",
        **{name: value.to_bytes((value.bit_length() + 7) // 8) for name, value in numbers.items()},
        "extraData": b"recorded",
        "mixHash": keccak(b"mix %d" % number),
        "nonce": bytes(8),
        "baseFeePerGas": (10**9).to_bytes(4),
        "withdrawalsRoot": _EMPTY_HASH,
        "blobGasUsed": b"",
        "excessBlobGas": b"",
        "parentBeaconBlockRoot": keccak(b"beacon %d" % number),
    }


_QUANTITIES: Final = frozenset(
    ("difficulty", "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas", "blobGasUsed", "excessBlobGas")
)


def _header_json(header: dict[str, bytes], block_hash: Hash32, tx_hashes: Sequence[Hash32]) -> str:
    told: dict[str, Any] = {
        name: hex(int.from_bytes(value)) if name in _QUANTITIES else "0x" + value.hex()
        for name, value in header.items()
    }
    told.update(hash=block_hash, size="0x400", transactions=list(tx_hashes), uncles=[], withdrawals=[])
    return json.dumps(told, separators=(",", ":"))


def _log(log: Log, block_hash: Hash32, number: int, tx_hash: Hash32, tx_index: int, index: int) -> str:
    topics = ",".join(f'"0x{topic.hex()}"' for topic in log.topics)
    return (
        f'{{"address":"{log.address.lower()}","topics":[{topics}],"data":"0x{log.data.hex()}",'
        f'"blockNumber":"{number:#x}","transactionHash":"{tx_hash}","transactionIndex":"{tx_index:#x}",'
        f'"blockHash":"{block_hash}","logIndex":"{index:#x}","removed":false}}'
    )
