"""The console: on the developer's chain alone, and its blocks named as people know them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from earnest.escrow.txs import encode_call
from earnest.localnet.accounts import dev_accounts
from earnest.payment.errors import Unavailable
from earnest.web import PageChain, Site
from earnest.web.console.chain import MOST_BLOCKS, read_chain
from earnest.web.console.routes import developers_chain
from earnest.web.errors import NoSuchPage
from tests.support.ledger import ESCROW
from tests.unit.api.house import LOCAL, House

BUYER, STRANGER = dev_accounts()[4].address, "0x" + "11" * 20


class Blocks:
    """A node that holds a made-up chain; `fork` tells two branches apart."""

    def __init__(self, height: int, txs: Sequence[dict[str, Any]] = (), fork: str = "a", fork_at: int = 0) -> None:
        self._height, self._txs, self._fork, self._fork_at = height, list(txs), fork, fork_at
        self.asked = 0

    def hash(self, number: int) -> str:
        fork = self._fork if number >= self._fork_at else "a"
        return f"0x{fork}{number:063x}"

    def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        self.asked += 1
        if method == "eth_getTransactionReceipt":
            return {"status": "0x0" if params[0].endswith("ff") else "0x1", "gasUsed": "0x5208"}
        if params[0] == "finalized":
            return self._block(self._height - 4) if self._height >= 4 else None
        number = self._height if params[0] == "latest" else int(params[0][3:], 16)
        return self._block(number) if params[0] in ("latest", self.hash(number)) else None

    def _block(self, number: int) -> dict[str, Any]:
        head = {
            "number": hex(number),
            "hash": self.hash(number),
            "parentHash": self.hash(number - 1) if number else "0x",
        }
        return {**head, "timestamp": hex(1_000 + number), "transactions": self._txs if number == self._height else []}


def read(node: Blocks, have: str = "") -> dict[str, Any]:
    return read_chain(node, LOCAL, ESCROW, have)


def tx(to: str | None, data: str, hash_: str = "0x01", by: str = BUYER) -> dict[str, Any]:
    return {"hash": hash_, "from": by.lower(), "to": to, "input": data}


def test_a_page_that_has_nothing_gets_the_newest_blocks_and_one_that_is_up_to_date_none() -> None:
    node = Blocks(50)
    told = read(node)
    assert [each["number"] for each in told["blocks"]] == list(range(50, 50 - MOST_BLOCKS, -1))
    assert (told["head"]["number"], told["final"]) == (50, 46)
    asked = node.asked
    assert read(node, node.hash(50))["blocks"] == []
    assert node.asked - asked == 2


def test_a_page_is_told_no_more_than_what_it_lacks() -> None:
    node = Blocks(50)
    assert [each["number"] for each in read(node, node.hash(47))["blocks"]] == [50, 49, 48]


def test_a_page_whose_block_was_dropped_is_told_the_branch_that_counts() -> None:
    before, after = Blocks(10), Blocks(11, fork="b", fork_at=9)
    blocks = read(after, before.hash(10))["blocks"]
    assert [each["hash"] for each in blocks[:3]] == [after.hash(11), after.hash(10), after.hash(9)]
    assert blocks[2]["parent"] == before.hash(8)


def test_a_young_chain_is_told_down_to_its_genesis_and_has_nothing_final() -> None:
    told = read(Blocks(2))
    assert ([each["number"] for each in told["blocks"]], told["final"]) == ([2, 1, 0], None)


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (tx(ESCROW.lower(), encode_call("withdraw", ["address", "address", "uint256"], [BUYER, BUYER, 1])), "withdraw"),
        (tx(LOCAL.tokens[0].address, encode_call("approve", ["address", "uint256"], [ESCROW, 1])), "approve"),
        (tx(STRANGER, "0x"), "transfer"),
        (tx(STRANGER, "0x12345678ff"), "0x12345678"),
        (tx(None, "0x60"), "deploy"),
    ],
)
def test_txs_are_named_by_what_they_do(sent: dict[str, Any], shown: str) -> None:
    (told,) = read(Blocks(1, [sent]))["blocks"][0]["txs"]
    assert (told["does"], told["from"], told["failed"]) == (shown, "buyer", False)


def test_a_tx_that_was_refused_says_so() -> None:
    (told,) = read(Blocks(1, [tx(ESCROW, "0x", hash_="0xff", by=STRANGER)]))["blocks"][0]["txs"]
    assert (told["failed"], told["from"], told["to"]) == (True, STRANGER, "escrow")


def test_a_node_that_lost_a_block_in_between_is_asked_again_later() -> None:
    class Forgetful(Blocks):
        def call(self, method: str, params: Sequence[Any] = ()) -> Any:
            return None if method == "eth_getBlockByHash" else super().call(method, params)

    with pytest.raises(Unavailable):
        read(Forgetful(3))


def test_there_is_no_console_where_a_real_chain_is_served(house: House) -> None:
    def site(*, is_local: bool) -> Site:
        place = SimpleNamespace(network=replace(LOCAL, is_local=is_local))
        return cast(Site, SimpleNamespace(chains={1: PageChain(cast(Any, place))}))

    assert developers_chain(site(is_local=True)).network.is_local
    with pytest.raises(NoSuchPage):
        developers_chain(site(is_local=False))
    page = house.get("/console", key=None, headers={"accept": "text/html"})
    assert page.status_code == 200
    assert "ek_test" not in page.text
    assert house.get("/console/blocks?have=../../etc", key=None, headers={"accept": "text/html"}).status_code == 404


def test_the_developers_wallet_is_the_buyers_and_turns_no_blocks(house: House) -> None:
    def ask(method: str, *params: Any) -> Any:
        return house.post("/console/wallet", {"method": method, "params": list(params)}, key=None)

    assert ask("eth_requestAccounts").json() == {"result": [BUYER]}
    assert ask("evm_increaseTime", 60).json()["code"] == "odd_request"
    assert ask("anvil_reorg", 1, []).status_code == 422
