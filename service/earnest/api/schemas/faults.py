"""Faults on order, of the embedded chain."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from earnest.api.schemas.common import Answer, Request


class FaultRequest(Request):
    """What befalls the next calls of a JSON-RPC method; without a `kind`: all that was ordered is forgotten."""

    kind: Annotated[
        Literal["error", "delay", "drop", "lose"] | None,
        Field(
            description="`error`: answered with an error, not done; `delay`: done late; `drop`: no answer, not done; "
            "`lose`: done, and no answer."
        ),
    ] = None
    method: Annotated[str, Field(max_length=100, description="Of JSON-RPC; `*`: whichever comes next.")] = "*"
    times: Annotated[int, Field(strict=True, ge=1, le=1_000)] = 1
    seconds: Annotated[float | None, Field(ge=0, le=60, description="How late, with `delay`.")] = None


class FaultsOrdered(Answer):
    """How many calls of each method are still to fail."""

    waiting: dict[str, int]
