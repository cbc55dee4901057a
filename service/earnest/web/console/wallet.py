"""The developer's wallet: what a browser's wallet would answer, for an account that the chain itself signs for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from earnest.commands.ports import Node
from earnest.localnet.accounts import ROLES, dev_accounts
from earnest.payment.primitives import parse_address
from earnest.web.errors import OddRequest

BUYER: Final = parse_address(dev_accounts()[ROLES.index("buyer")].address)
ACCOUNTS: Final = frozenset({"eth_accounts", "eth_requestAccounts"})
PASSED_ON: Final = frozenset(
    {
        *("eth_sendTransaction", "eth_signTypedData_v4", "personal_sign", "eth_chainId", "eth_blockNumber"),
        *("eth_call", "eth_estimateGas", "eth_getBalance", "eth_getCode", "eth_gasPrice", "eth_getTransactionCount"),
        *("eth_getTransactionByHash", "eth_getTransactionReceipt", "eth_getBlockByNumber"),
    }
)
"""What pages ask wallets; what turns clocks and blocks is not among it."""


def answer(node: Node, method: str, params: Sequence[Any]) -> Any:
    """Answer as a wallet of the buyer's would, without asking him.

    Raises:
        OddRequest: no page asks a wallet this.
        RpcError, Unavailable: what the node says.
    """
    if method in ACCOUNTS:
        return [BUYER]
    if method not in PASSED_ON:
        raise OddRequest(f"the developer's wallet does not know {method}")
    return node.call(method, list(params))
