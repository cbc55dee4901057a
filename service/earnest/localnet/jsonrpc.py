"""JSON-RPC 2.0 on bytes: single requests, batches, notifications, and errors as error objects."""

from collections.abc import Callable
from typing import Any

import msgspec

from earnest.localnet.errors import INVALID_PARAMS, INVALID_REQUEST, PARSE_ERROR, RpcError

_MAX_BATCH = 1_000
"""As geth's default limit for a batch."""

Request = Callable[[str, list[Any]], Any]


def respond(body: bytes, request: Request) -> bytes | None:
    """Answer the JSON-RPC text in `body` by calling `request`; None if nothing in it asks for an answer."""
    try:
        message = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        return msgspec.json.encode(_failure(None, RpcError(PARSE_ERROR, f"parse error: {error}")))
    if not isinstance(message, list):
        single = _respond_one(message, request)
        return None if single is None else msgspec.json.encode(single)
    if not 0 < len(message) <= _MAX_BATCH:
        problem = RpcError(INVALID_REQUEST, f"a batch holds 1 to {_MAX_BATCH} requests, not {len(message)}")
        return msgspec.json.encode(_failure(None, problem))
    answers = [answer for one in message if (answer := _respond_one(one, request)) is not None]
    return msgspec.json.encode(answers) if answers else None


def _respond_one(message: Any, request: Request) -> dict[str, Any] | None:
    if not isinstance(message, dict) or not isinstance(message.get("method"), str):
        asked = message.get("id") if isinstance(message, dict) else None
        return _failure(asked, RpcError(INVALID_REQUEST, "a request is an object with a method"))
    wants_answer = "id" in message
    try:
        params = message.get("params")
        if params is not None and not isinstance(params, list):
            raise RpcError(INVALID_PARAMS, "params must be an array")
        result = request(message["method"], params or [])
    except RpcError as error:
        return _failure(message["id"], error) if wants_answer else None
    return {"jsonrpc": "2.0", "id": message["id"], "result": result} if wants_answer else None


def _failure(request_id: Any, error: RpcError) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": request_id, "error": error.as_object()}
