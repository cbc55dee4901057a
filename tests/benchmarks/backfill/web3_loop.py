"""What everyone writes first: web3.py's `get_logs` and `process_log`, and an insert into SQLite.

So slow that it goes through a share of the chain only: pages that lie evenly over all of it.
"""

from __future__ import annotations

import sqlite3
from typing import Any, Final, cast

from eth_typing import ChecksumAddress, HexAddress, HexStr
from sqlalchemy import make_url
from web3 import HTTPProvider, Web3
from web3.contract import Contract
from web3.types import FilterParams

from earnest.escrow.artifact import load
from earnest.payment.status import ON_CHAIN
from tests.benchmarks.backfill.story import Story
from tests.benchmarks.backfill.watch import Watch

SHARE: Final = 20
"""One block of so many is gone through."""
PAGES: Final = 10


def backfill(story: Story, url: str, database: str) -> tuple[Watch, int]:
    """Mirror a share of the chain's blocks; returns what it took and how many events that were."""
    web3 = Web3(HTTPProvider(url))
    contract = web3.eth.contract(address=ChecksumAddress(HexAddress(HexStr(story.escrow))), abi=load().abi)
    connection = sqlite3.connect(make_url(database).database or "")
    connection.execute(
        "CREATE TABLE events (block_hash text, log_index int, payment_id text, seq int, status text, held text,"
        " PRIMARY KEY (block_hash, log_index))"
    )
    connection.execute("CREATE TABLE payments (id text PRIMARY KEY, seq int, status text, held text)")
    apart, events = story.blocks // PAGES, 0
    with Watch() as watch:
        decoders = _decoders(web3, contract)
        for first in range(0, apart * PAGES, apart):
            where = {"address": story.escrow, "fromBlock": first, "toBlock": first + max(1, apart // SHARE) - 1}
            for log in web3.eth.get_logs(cast(FilterParams, where)):
                told = decoders[bytes(log["topics"][0])].process_log(log)
                events += _write(connection, told)
            connection.commit()
    return watch, events


def _decoders(web3: Web3, contract: type[Contract] | Contract) -> dict[bytes, Any]:
    found = {}
    for event in contract.events:  # type: ignore[attr-defined]
        made = event()
        found[bytes(Web3.keccak(text=made.signature))] = made
    return found


def _write(connection: sqlite3.Connection, told: Any) -> int:
    args = told["args"]
    if "seq" not in args:
        return 0
    id_, status, held = "0x" + args["id"].hex(), str(ON_CHAIN[args["status"]]), str(args["held"])
    place = ("0x" + told["blockHash"].hex(), told["logIndex"])
    connection.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", (*place, id_, args["seq"], status, held))
    connection.execute("INSERT OR REPLACE INTO payments VALUES (?, ?, ?, ?)", (id_, args["seq"], status, held))
    return 1
