"""The newest blocks of a development chain, their txs named as people know them."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from earnest.commands.ports import Node
from earnest.escrow.artifact import load
from earnest.escrow.txs import selector
from earnest.localnet.accounts import ROLES, dev_accounts
from earnest.payment.errors import Unavailable
from earnest.payment.primitives import Address, parse_address
from earnest.settings import Network

MOST_BLOCKS: Final = 20
"""What a page begins with, and the most that it is told at once; each costs the node a request or two."""


def read_chain(node: Node, network: Network, escrow: Address | None, have: str) -> dict[str, Any]:
    """Return the blocks from the newest down to the one that the page has (its hash), without that one.

    A page that has a block which the chain dropped is told the newest ones, and sees by their parents which are gone.

    Raises:
        Unavailable: the node does not answer, or tells nonsense.
    """
    head = _block(node, "latest")
    blocks: list[dict[str, Any]] = []
    each: dict[str, Any] | None = head
    names = _names(network, escrow)
    while each is not None and each["hash"] != have and len(blocks) < MOST_BLOCKS:
        blocks.append(_show(node, each, names, escrow))
        each = _block(node, each["parentHash"]) if int(each["number"], 16) else None
    final = _block(node, "finalized", may_lack=True)
    return {
        "head": {"number": int(head["number"], 16), "hash": head["hash"], "time": int(head["timestamp"], 16)},
        "final": int(final["number"], 16) if final else None,
        "blocks": blocks,
    }


def _block(node: Node, which: str, *, may_lack: bool = False) -> Any:
    by_hash = len(which) == 66
    found = node.call("eth_getBlockByHash" if by_hash else "eth_getBlockByNumber", [which, True])
    if found is None and not may_lack:
        raise Unavailable(f"the node has no block {which}")
    return found


def _show(node: Node, block: dict[str, Any], names: dict[str, str], escrow: Address | None) -> dict[str, Any]:
    return {
        "number": int(block["number"], 16),
        "hash": block["hash"],
        "parent": block["parentHash"],
        "time": int(block["timestamp"], 16),
        "txs": [_show_tx(node, each, names, escrow) for each in block["transactions"]],
    }


def _show_tx(node: Node, tx: dict[str, Any], names: dict[str, str], escrow: Address | None) -> dict[str, Any]:
    receipt = node.call("eth_getTransactionReceipt", [tx["hash"]])
    to = parse_address(tx["to"]) if tx.get("to") else None
    sender = parse_address(tx["from"])
    data = str(tx.get("input") or tx.get("data") or "0x")
    return {
        "hash": tx["hash"],
        "from": names.get(sender, sender),
        "to": names.get(to, to) if to else None,
        "does": _called(to, data, escrow),
        "failed": bool(receipt) and int(receipt["status"], 16) == 0,
        "gas": int(receipt["gasUsed"], 16) if receipt else None,
    }


def _called(to: Address | None, data: str, escrow: Address | None) -> str:
    if to is None:
        return "deploy"
    if data == "0x":
        return "transfer"
    known = _escrow_calls() if to == escrow else _TOKEN_CALLS
    return known.get(data[:10], data[:10])


def _names(network: Network, escrow: Address | None) -> dict[str, str]:
    names: dict[str, str] = {account.address: role for account, role in zip(dev_accounts(), ROLES, strict=False)}
    names |= {each.address: each.symbol for each in network.tokens}
    if escrow is not None:
        names[escrow] = "escrow"
    return names


@cache
def _escrow_calls() -> dict[str, str]:
    functions = [each for each in load().abi if each["type"] == "function"]
    return {"0x" + selector(_signature(each)).hex(): each["name"] for each in functions}


def _signature(function: dict[str, Any]) -> str:
    return f"{function['name']}({','.join(_type(each) for each in function['inputs'])})"


def _type(parameter: dict[str, Any]) -> str:
    kind = str(parameter["type"])
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(_type(each) for each in parameter['components'])}){kind.removeprefix('tuple')}"


_TOKEN_CALLS: Final = {
    "0x" + selector(signature).hex(): signature.partition("(")[0]
    for signature in (
        "approve(address,uint256)",
        "transfer(address,uint256)",
        "transferFrom(address,address,uint256)",
        "mint(address,uint256)",
        "setBlocked(address,bool)",
    )
}
