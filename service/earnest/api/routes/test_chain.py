"""Time travel, blocks and reorgs of a local chain; refused by name on any other."""

from __future__ import annotations

from typing import Any

from fastapi.responses import JSONResponse

from earnest.api.access import keyed
from earnest.api.call import InCall
from earnest.api.errors import NotATestChain, NotTheEmbeddedChain
from earnest.api.route import router
from earnest.api.schemas.faults import FaultRequest, FaultsOrdered
from earnest.api.schemas.operation import ClockRequest, Head, MineRequest, ReorgRequest
from earnest.api.services import Services
from earnest.chain.errors import RpcError
from earnest.commands.ports import Node
from earnest.payment.errors import Unavailable
from earnest.payment.representation import rfc3339

routes = router("/v1/test", "test")

METHOD_NOT_FOUND = -32601
"""Source: JSON-RPC 2.0, "error object"."""


@routes.post("/clock", response_model=Head, summary="Move the chain's clock")
@keyed("test:write", asks_node=True)
def post_clock(body: ClockRequest, call: InCall) -> JSONResponse:
    """Move the chain's clock forward and mine a block, so that the new time counts. Local chains only."""
    node = _test_node(call.services)
    node.call("evm_increaseTime", [body.advance_seconds])
    node.call("evm_mine", [])
    return _head(node)


@routes.post("/mine", response_model=Head, summary="Mine blocks")
@keyed("test:write", asks_node=True)
def post_mine(call: InCall, body: MineRequest | None = None) -> JSONResponse:
    """Mine empty blocks. Local chains only."""
    node = _test_node(call.services)
    for _ in range(body.blocks if body else 1):
        node.call("evm_mine", [])
    return _head(node)


@routes.post("/reorg", response_model=Head, summary="Reorganise the chain")
@keyed("test:write", asks_node=True)
def post_reorg(call: InCall, body: ReorgRequest | None = None) -> JSONResponse:
    """Drop the newest blocks with all their txs, and put as many empty ones in their place. Local chains only."""
    node = _test_node(call.services)
    node.call("anvil_reorg", [body.depth if body else 1, []])
    return _head(node)


@routes.post("/faults", response_model=FaultsOrdered, summary="Let the node fail")
@keyed("test:write", asks_node=True)
def post_faults(body: FaultRequest, call: InCall) -> JSONResponse:
    """Let the next calls of a method fail, come late or get no answer, whoever makes them; the embedded chain only.

    Without a `kind`, everything that was ordered and has not happened yet is forgotten.
    """
    node = _test_node(call.services)
    order = [] if body.kind is None else [body.model_dump(exclude_none=True)]
    try:
        waiting = node.call("earnest_faults", order)
    except RpcError as error:
        if error.error_code != METHOD_NOT_FOUND:
            raise
        raise NotTheEmbeddedChain(call.services.chain().network.name) from None
    return JSONResponse({"waiting": waiting})


def _test_node(services: Services) -> Node:
    chain = services.chain()
    if not chain.network.is_local:
        raise NotATestChain(chain.network.name)
    return chain.rpc


def _head(node: Node) -> JSONResponse:
    block: Any = node.call("eth_getBlockByNumber", ["latest", False])
    try:
        number, time = int(block["number"], 16), int(block["timestamp"], 16)
    except (KeyError, TypeError, ValueError):
        raise Unavailable("the node told nothing of its newest block") from None
    return JSONResponse({"number": number, "hash": block["hash"], "timestamp": rfc3339(time)})
