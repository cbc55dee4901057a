"""Questions to contracts by `eth_call`, with answers that are no answers told as such."""

from __future__ import annotations

import re
from typing import Final

from earnest.chain.answers import is_revert
from earnest.chain.errors import RpcError
from earnest.commands.ports import Node
from earnest.payment.errors import Unavailable
from earnest.payment.primitives import Address

_BYTES: Final = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
_OUT_OF_GAS: Final = re.compile(r"out of ?gas|gas required exceeds", re.IGNORECASE)
"""What nodes say of a call that needs more: geth and its kin, anvil, py-evm."""
_NO_CODE: Final = ("0x", "0x0", None)


def ask(node: Node, to: Address, data: str, *, gas: int | None = None) -> bytes | None:
    """Return what a contract answers to call data (`0x…`); None where it reverts or is no contract.

    `gas` is the most that it may burn for it; None: as much as the node allows.

    Raises:
        Unavailable: the node does not answer, or answers nonsense.
    """
    asked = {"to": to, "data": data} | ({} if gas is None else {"gas": hex(gas)})
    try:
        answer = node.call("eth_call", [asked, "latest"])
    except RpcError as error:
        if is_revert(error) or (gas is not None and _OUT_OF_GAS.search(error.message)):
            return None
        raise
    if not isinstance(answer, str) or not _BYTES.fullmatch(answer):
        raise Unavailable(f"the node told nothing of use about {to}")
    return bytes.fromhex(answer[2:]) or None


def has_code(node: Node, address: Address) -> bool:
    """Return whether a contract stands at an address; raises `Unavailable` if the node does not answer."""
    return node.call("eth_getCode", [address, "latest"]) not in _NO_CODE
