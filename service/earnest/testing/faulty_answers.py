"""What a question to a node is answered with when faults befall it: the same at a port and over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NoReturn

from earnest.chain.errors import RpcError
from earnest.testing.fault_plans import Fault, FaultKind, FaultPlan

Ask = Callable[[str, Sequence[Any]], Any]
"""Asks the true node: a method and its parameters; returns plain JSON data, raises `RpcError`."""

_AT: Final = {
    "eth_getBlockByNumber": 0,
    "eth_getBlockReceipts": 0,
    "eth_getTransactionCount": 1,
    "eth_getBalance": 1,
    "eth_getCode": 1,
    "eth_call": 1,
}
"""Where each of these methods has the block (or its tag) among its parameters."""
_MISSING_SHARE: Final = 0.3


def answer(plan: FaultPlan, method: str, params: Sequence[Any], ask: Ask) -> Any:
    """Answer one question by the plan.

    Raises:
        RpcError: the true node's own, or one by the plan.
    """
    return befallen(plan, plan.question(method, params), method, params, ask)


def befallen(plan: FaultPlan, faults: Sequence[Fault], method: str, params: Sequence[Any], ask: Ask) -> Any:
    """Answer one question that these faults befall; raises as `answer`."""
    refusal = next((each for each in faults if each.kind is FaultKind.RPC_ERROR), None)
    if refusal is not None:
        if method == "eth_sendRawTransaction":
            ask(method, params)  # the worst of it: it is carried out all the same
        _refuse(plan, refusal, method, params)
    stale = next((each for each in faults if each.kind is FaultKind.STALE_HEAD), None)
    if stale is not None:
        plan.note(stale)
        result = _as_if_behind(stale.blocks, method, params, ask)
    else:
        result = ask(method, params)
    for fault in faults:
        spoil = _spoilt_receipts if method == "eth_getBlockReceipts" else _spoilt
        result = spoil(plan, fault, method, params, result)
    return result


def _spoilt_receipts(plan: FaultPlan, fault: Fault, method: str, params: Sequence[Any], result: Any) -> Any:
    """Let the same happen to the logs in a block's receipts that happens to logs."""
    every = [(at, log) for at, receipt in enumerate(result or ()) for log in receipt["logs"]]
    left = _spoilt(plan, fault, method, params, every)
    return result and [{**each, "logs": [log for where, log in left if where == at]} for at, each in enumerate(result)]


def _spoilt(plan: FaultPlan, fault: Fault, method: str, params: Sequence[Any], result: Any) -> Any:
    match fault.kind:
        case FaultKind.RANGE_LIMIT:
            first, last = _range(params)
            if last - first >= fault.limit:
                _refuse(plan, fault, method, params)
        case FaultKind.RESULT_LIMIT if len(result) > fault.limit:
            _refuse(plan, fault, method, params)
        case FaultKind.EMPTY_LOGS if result:
            plan.note(fault)
            return []
        case FaultKind.MISSING_LOGS if result:
            plan.note(fault)
            return _some_left_out(plan, params, result)
        case FaultKind.DUPLICATE_LOGS if result:
            plan.note(fault)
            at = int(plan.chance("duplicate", params) * len(result))
            return [*result[: at + 1], *result[at:]]
        case FaultKind.WRONG_CHAIN:
            plan.note(fault)
            return hex(fault.chain_id) if method == "eth_chainId" else str(fault.chain_id)
        case FaultKind.NO_SUCH_BLOCK if params[0] not in ("0x0", "earliest"):
            plan.note(fault)
            return None
    return result


def _some_left_out(plan: FaultPlan, params: Sequence[Any], logs: Sequence[Any]) -> list[Any]:
    certainly = int(plan.chance("missing", params) * len(logs))
    return [
        each
        for at, each in enumerate(logs)
        if at != certainly and plan.chance("left out", params, at) >= _MISSING_SHARE
    ]


def _refuse(plan: FaultPlan, fault: Fault, method: str, params: Sequence[Any]) -> NoReturn:
    plan.note(fault)
    error = fault.errors[int(plan.chance("which", params) * len(fault.errors))]
    first, last = _range(params)
    raise RpcError(method, error.code, error.worded(first, last, fault.limit))


def _range(params: Sequence[Any]) -> tuple[int, int]:
    """Return the blocks that logs are asked of; one block where it is named by its hash, or something else is asked."""
    where = params[0] if params and isinstance(params[0], dict) else {}
    try:
        return int(where["fromBlock"], 16), int(where["toBlock"], 16)
    except (KeyError, TypeError, ValueError):
        return 0, 0


def _as_if_behind(blocks: int, method: str, params: Sequence[Any], ask: Ask) -> Any:
    """Answer as the node would have `blocks` blocks ago."""
    head = max(0, int(ask("eth_blockNumber", ()), 16) - blocks)
    if method == "eth_blockNumber":
        return hex(head)
    if method in _AT and len(params) > _AT[method]:
        return _at_most(head, method, params, ask)
    if method == "eth_getLogs":
        return _logs_behind(head, params, ask)
    result = ask(method, params)
    if isinstance(result, dict):
        number = result.get("blockNumber") or result.get("number")
        return None if number is not None and int(number, 16) > head else result
    return result


def _at_most(head: int, method: str, params: Sequence[Any], ask: Ask) -> Any:
    at = _AT[method]
    wanted = params[at]
    if wanted in ("latest", "pending"):
        return ask(method, [*params[:at], hex(head), *params[at + 1 :]])
    if wanted in ("safe", "finalized"):
        told = ask("eth_getBlockByNumber", (wanted, False))
        if told is not None and int(told["number"], 16) > head:
            return ask(method, [*params[:at], hex(head), *params[at + 1 :]])
    elif isinstance(wanted, str) and wanted.startswith("0x") and int(wanted, 16) > head:
        return None
    return ask(method, params)


def _logs_behind(head: int, params: Sequence[Any], ask: Ask) -> Any:
    where = params[0]
    if "blockHash" in where:
        block = ask("eth_getBlockByHash", (where["blockHash"], False))
        if block is None or int(block["number"], 16) > head:
            raise RpcError("eth_getLogs", -32000, "unknown block")
    elif where.get("toBlock", "latest").startswith("0x") and int(where["toBlock"], 16) > head:
        raise RpcError("eth_getLogs", -32000, "block range extends beyond current head block")
    return ask("eth_getLogs", params)
