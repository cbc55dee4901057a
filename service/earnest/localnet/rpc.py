"""One JSON-RPC request to one answer: the table of methods, and what becomes of errors."""

import logging
from typing import Any

from earnest.localnet import methods_dev, methods_proof, methods_read, methods_send
from earnest.localnet.errors import INTERNAL_ERROR, METHOD_NOT_FOUND, LocalnetError, RpcError
from earnest.localnet.node import Node

_LOG = logging.getLogger(__name__)

_METHODS = methods_read.METHODS | methods_proof.METHODS | methods_send.METHODS | methods_dev.METHODS

_FILTERS = frozenset(
    f"eth_{name}"
    for name in (
        *("newFilter", "newBlockFilter", "newPendingTransactionFilter", "getFilterChanges"),
        *("getFilterLogs", "uninstallFilter", "subscribe", "unsubscribe"),
    )
)


def answer(node: Node, method: str, params: list[Any]) -> Any:
    """Run one method on the node and return its result. Raises `RpcError`, whatever went wrong."""
    handler = _METHODS.get(method)
    if handler is None:
        why = f"the method {method} does not exist/is not available"
        if method in _FILTERS:
            why += ": filters cannot tell of a reorg; ask eth_getLogs by block hash instead"
        raise RpcError(METHOD_NOT_FOUND, why)
    try:
        return handler(node, params)
    except RpcError:
        raise
    except LocalnetError as error:
        raise RpcError(INTERNAL_ERROR, str(error)) from error
    except Exception as error:
        _LOG.exception("%s failed", method)
        raise RpcError(INTERNAL_ERROR, f"{method} failed inside the node: {type(error).__name__}: {error}") from error
