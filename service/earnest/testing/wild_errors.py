"""Errors of `eth_getLogs` as providers were seen to word them; what a client knows of them it can only guess.

`N` blocks are what the node would take; the texts are filled in with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

INVALID_PARAMS: Final = -32602
LIMIT_EXCEEDED: Final = -32005
SERVER_ERROR: Final = -32000
INVALID_REQUEST: Final = -32600
PLAN_LIMIT: Final = -32614


@dataclass(frozen=True, slots=True)
class WildError:
    """One error: its JSON-RPC code and its text.

    In the text `{limit}` is the number of blocks that the node takes, `{asked}` the number asked for, `{first}` and
    `{last}` the range that would work, in hexadecimal digits with `0x`.
    """

    code: int
    text: str

    def worded(self, first: int, last: int, limit: int) -> str:
        """Return the text for a question about the blocks from `first` to `last`, both included."""
        works_to = min(last, first + limit - 1)
        return self.text.format(limit=limit, asked=last - first + 1, first=hex(first), last=hex(works_to))


RANGE_ERRORS: Final = (
    WildError(LIMIT_EXCEEDED, "this block range should work: [{first}, {last}]"),
    WildError(LIMIT_EXCEEDED, "query returned more than 10000 results. Try with this block range [{first}, {last}]."),
    WildError(INVALID_PARAMS, "retry with the range {first}-{last}"),
    WildError(SERVER_ERROR, "range {asked} exceeds limit of {limit}"),
    WildError(SERVER_ERROR, "range {asked} is bigger than range limit {limit}"),
    WildError(INVALID_REQUEST, "eth_getLogs is limited to a {limit} range"),
    WildError(INVALID_PARAMS, "logs are limited to a {limit} block range"),
    WildError(PLAN_LIMIT, "You can make eth_getLogs requests with up to a {limit} block range."),
    WildError(SERVER_ERROR, "exceed maximum block range: {limit}"),
    WildError(INVALID_PARAMS, "block range is larger than max block range, block range = {asked}, max = {limit}"),
    WildError(SERVER_ERROR, "block range is too wide (maximum {limit})"),
    WildError(SERVER_ERROR, "block range too large, range: {asked}, max: {limit}"),
    WildError(INVALID_PARAMS, "please limit the query to at most {limit} blocks"),
    WildError(SERVER_ERROR, "requested too many blocks from {first} to {last}, maximum is set to {limit}"),
    WildError(SERVER_ERROR, "ranges over {limit} blocks are not supported on freetier"),
    WildError(INVALID_PARAMS, "maximum [from, to] blocks distance: {limit}"),
)
"""Texts that say how many blocks the node would take."""

UNKNOWN_ERRORS: Final = (
    WildError(SERVER_ERROR, "Block range limit exceeded"),
    WildError(INVALID_PARAMS, "block range too high"),
    WildError(SERVER_ERROR, "no backend is currently healthy to serve traffic"),
    WildError(-32090, "the oracle does not feel like it today"),
    WildError(SERVER_ERROR, ""),
)
"""Texts from which nothing can be learnt; the last two were made up, since nobody knows them all."""

RESULT_ERRORS: Final = (
    WildError(LIMIT_EXCEEDED, "query returned more than {limit} results"),
    WildError(SERVER_ERROR, "query exceeds max results {limit}"),
    WildError(INVALID_PARAMS, "logs matched by query exceeds limit of {limit}"),
    WildError(SERVER_ERROR, "Log response size exceeded. this block range should work: [{first}, {last}]"),
    WildError(SERVER_ERROR, "response size should not greater than 10000000 bytes"),
    WildError(SERVER_ERROR, "backend response too large"),
    WildError(SERVER_ERROR, "response is too big"),
)
"""Texts of nodes that limit the number of logs in one answer."""

BEHIND_ERRORS: Final = (
    WildError(SERVER_ERROR, "block range extends beyond current head block"),
    WildError(SERVER_ERROR, "after last accepted block"),
    WildError(SERVER_ERROR, "header not found"),
    WildError(SERVER_ERROR, "cannot query unfinalized data"),
    WildError(
        INVALID_PARAMS, "One of the blocks specified in filter (fromBlock, toBlock or blockHash) cannot be found."
    ),
)
"""Texts of nodes that do not have the block yet: to be waited for."""

TRANSIENT_ERRORS: Final = (
    WildError(-32603, "internal error"),
    WildError(SERVER_ERROR, "execution timed out"),
    WildError(-32016, "over rate limit"),
    WildError(429, "Too Many Requests"),
    *UNKNOWN_ERRORS,
)
"""What any method may answer now and then."""
NO_SUCH_METHOD: Final = (
    WildError(-32601, "the method eth_getBlockReceipts does not exist/is not available"),
    WildError(SERVER_ERROR, "Unsupported method: eth_getBlockReceipts"),
)
"""What nodes and gateways answer that do not have a method."""
