"""The account's settings."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from earnest.api.schemas.common import Amount, AmountRequest, Answer, OutAddress, Request
from earnest.payment.status import Finality

_TELL = (
    "When you are told of events, by the payment's amount: each step's finality holds from its amount on, and below "
    "all of a token's steps you are told at `included`. Empty: of everything at `included`."
)


class TellStepRequest(Request):
    """From an amount on, tell at this finality."""

    finality: Finality
    amount: Annotated[
        AmountRequest | None,
        Field(description="From where on, 0 too, in a token; left out: all payments in tokens without steps."),
    ] = None


class UpdateSettingsRequest(Request):
    """What is left out stays."""

    model_config = Request.model_config | {
        "json_schema_extra": {
            "examples": [{"tell": [{"finality": "final", "amount": {"value": "50", "token": "USDC"}}]}]
        }
    }

    tell: Annotated[list[TellStepRequest] | None, Field(max_length=100, description=f"The whole rule. {_TELL}")] = None


class TellStep(Answer):
    """From an amount on, you are told at this finality."""

    finality: Finality
    amount: Annotated[Amount | None, Field(description="Null: all payments in tokens without steps of their own.")]


class Settings(Answer):
    """The account: who is paid, what terms payments get that name none, and when you are told. Periods are seconds."""

    object: Literal["settings"]
    merchant: Annotated[str, Field(examples=["mer_0123456789abcdef01234567"])]
    name: str
    payout: Annotated[OutAddress, Field(description="Who is paid. Only the host changes it.")]
    operator: OutAddress | None
    arbiter: OutAddress | None
    fee_recipient: OutAddress | None
    fee_bps: int
    delivery_period: int
    dispute_window: int
    arbitration_period: int
    payment_window: Annotated[int, Field(description="From a payment's creation to its `pay_by`.")]
    safe_depth_blocks: Annotated[int, Field(description="How many blocks make a status `safe`.")]
    tell: Annotated[list[TellStep], Field(description=_TELL)]
