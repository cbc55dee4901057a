"""The account's settings: all of them to be seen, and the one to be changed that can redirect no money."""

from __future__ import annotations

from typing import Any

from fastapi.responses import JSONResponse

from earnest.api.access import keyed
from earnest.api.call import Call, InCall
from earnest.api.route import router
from earnest.api.routes.payments import needed_token
from earnest.api.schemas import settings as shapes
from earnest.api.schemas.common import AmountRequest
from earnest.api.services import Services
from earnest.commands.set_tell_rule import set_tell_rule
from earnest.payment.errors import InvalidInput, NotFound
from earnest.payment.money import Token, parse_base_units, parse_value
from earnest.payment.primitives import ZERO_ADDRESS, Address, parse_address
from earnest.payment.representation import represent_amount
from earnest.payment.tell_rule import Step, make_tell_rule
from earnest.store.records import Merchant

routes = router("/v1", "settings")


@routes.get("/settings", response_model=shapes.Settings, summary="Get the account's settings")
@keyed("payments:read")
def get_settings(call: InCall) -> JSONResponse:
    """Return who is paid, the terms that payments get when a request names none, and when you are told of events."""
    with call.services.store.read() as tx:
        merchant = tx.merchants.get(call.merchant_id)
    if merchant is None:
        raise NotFound(f"no merchant {call.merchant_id}")
    return JSONResponse(_shown(call.services, merchant))


@routes.patch("/settings", response_model=shapes.Settings, summary="Change the account's settings")
@keyed("settings:write")
def patch_settings(body: shapes.UpdateSettingsRequest, call: InCall) -> JSONResponse:
    """Set from which finality on you are told of events; it holds for those that are mirrored from now on.

    Who is paid, by whose operator and on which terms is the host's to change, so that a stolen key redirects no money.
    """
    if body.tell is None:
        return get_settings(call)
    rule = make_tell_rule(_step(call, each, f"tell.{number}") for number, each in enumerate(body.tell))
    merchant = set_tell_rule(call.services.store, call.merchant_id, rule, now=call.now(), by=call.by)
    return JSONResponse(_shown(call.services, merchant))


def _step(call: Call, asked: shapes.TellStepRequest, param: str) -> Step:
    if asked.amount is None:
        return Step(None, asked.finality, 0)
    token, amount_from = _amount(call.services, asked.amount, f"{param}.amount")
    return Step(token, asked.finality, amount_from)


def _amount(services: Services, amount: AmountRequest, param: str) -> tuple[Address, int]:
    """Return the token and the base units; a token that nobody vouches for can be named in base units."""
    named = needed_token(amount)
    if (amount.value is None) == (amount.base_units is None):
        raise InvalidInput("give exactly one of value and base_units", param=param)
    network = services.chain().network
    if amount.value is not None:
        token = network.token(named)
        return token.address, parse_value(amount.value, token, param=f"{param}.value", least=0)
    by_address = named[:2].lower() == "0x"
    address = parse_address(named, param=f"{param}.token") if by_address else network.token(named).address
    return address, parse_base_units(amount.base_units or "", param=f"{param}.base_units", least=0)


def _token(services: Services, address: Address) -> Token:
    found = (each.network.token_at(address) for each in services.chains.values())
    return next((each for each in found if each is not None), Token(address, "unknown", 0))


def _shown(services: Services, merchant: Merchant) -> dict[str, Any]:
    return {
        "object": "settings",
        "merchant": merchant.id,
        "name": merchant.name,
        "payout": merchant.payout,
        "operator": _named(merchant.operator),
        "arbiter": _named(merchant.arbiter),
        "fee_recipient": _named(merchant.fee_recipient),
        "fee_bps": merchant.fee_bps,
        "delivery_period": merchant.delivery_period,
        "dispute_window": merchant.dispute_window,
        "arbitration_period": merchant.arbitration_period,
        "payment_window": merchant.payment_window,
        "safe_depth_blocks": merchant.safe_depth_blocks,
        "tell": [_shown_step(services, each) for each in merchant.tell.steps],
    }


def _shown_step(services: Services, step: Step) -> dict[str, Any]:
    amount = None if step.token is None else represent_amount(step.amount_from, _token(services, step.token))
    return {"finality": str(step.finality), "amount": amount}


def _named(address: Address) -> Address | None:
    return None if address == ZERO_ADDRESS else address
