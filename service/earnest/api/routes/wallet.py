"""What wallets sign, for anyone with a payment's id: unsigned txs, and typed data where a signature replaces one."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Query
from fastapi.responses import JSONResponse

from earnest.api.access import public
from earnest.api.call import InCall
from earnest.api.route import router
from earnest.api.routes.checkout import find_public
from earnest.api.schemas.common import parse_signature
from earnest.api.schemas.payments import MAX_SIGNATURE_DIGITS, PreparedTx, ToSign
from earnest.api.show import show_prepared_tx, show_to_sign
from earnest.commands.chain_time import chain_time
from earnest.commands.prepare_signature import BY_SIGNATURE, prepare_signature
from earnest.commands.prepare_tx import Parts, prepare_tx
from earnest.escrow.txs import Signed
from earnest.payment.errors import InvalidAmount
from earnest.payment.primitives import Address, parse_address
from earnest.payment.status import Verb

routes = router("/v1", "checkout")

NODE_SECONDS = 5.0
"""Three or four questions, which a node that is well answers in some tenths of a second."""
MAX_DIGITS = 78
"""2^256 has that many."""


class Given:
    """What a verb needs beside the payment, as the query names it."""

    def __init__(
        self,
        buyer: Annotated[
            str | None,
            Query(description="For `fund`, `fund_with_permit`: who gets money back; default: the signer."),
        ] = None,
        amount: Annotated[
            str | None, Query(description="For `release`, `refund` and `repay`: base units; default: all.")
        ] = None,
        to_buyer: Annotated[str | None, Query(description="For `resolve`: base units.")] = None,
        to_merchant: Annotated[str | None, Query(description="For `resolve`: base units, before the fee.")] = None,
        token: Annotated[
            str | None, Query(description="For `collect`: the token's address; default: the payment's own.")
        ] = None,
        signature: Annotated[
            str | None,
            Query(
                max_length=MAX_SIGNATURE_DIGITS,
                description="For the verbs by a signature. Without it, the answer is what has to be signed.",
            ),
        ] = None,
        payer: Annotated[
            str | None, Query(description="For `fund_with_authorization` and `fund_with_permit2`: who signed.")
        ] = None,
        nonce: Annotated[str | None, Query(description="For `fund_with_permit2`.")] = None,
        deadline: Annotated[
            str | None, Query(description="For `fund_with_permit` and `fund_with_permit2`: Unix time.")
        ] = None,
        valid_after: Annotated[
            str | None, Query(description="For `fund_with_authorization`: Unix time; default: 0.")
        ] = None,
        valid_before: Annotated[str | None, Query(description="For `fund_with_authorization`: Unix time.")] = None,
    ) -> None:
        """Parse all of it; raises `InvalidInput` naming the parameter that is none."""
        self.buyer = _address(buyer, "buyer")
        self.parts = Parts(
            buyer=self.buyer,
            amount=_number(amount, "amount"),
            to_buyer=_number(to_buyer, "to_buyer"),
            to_merchant=_number(to_merchant, "to_merchant"),
            token=_address(token, "token"),
            signed=None
            if signature is None
            else Signed(
                parse_signature(signature),
                payer=_address(payer, "payer"),
                nonce=_number(nonce, "nonce"),
                deadline=_number(deadline, "deadline"),
                valid_after=_number(valid_after, "valid_after") or 0,
                valid_before=_number(valid_before, "valid_before"),
            ),
        )


@routes.get(
    "/payments/{id}/txs/{verb}",
    response_model=PreparedTx | ToSign,
    summary="The unsigned tx, or the typed data, for a wallet",
)
@public(cross_origin=True, node_seconds=NODE_SECONDS)
def get_unsigned_tx(
    id: str,  # noqa: A002
    verb: Verb,
    call: InCall,
    signer: Annotated[str, Query(alias="from", description="Who will sign it.")],
    given: Annotated[Given, Depends()],
) -> JSONResponse:
    """Return what `from` has to sign to do a verb, after asking the chain whether it would work now.

    For funding and repaying with a token, `before` holds the approval that is still missing. The verbs by a signature
    (`fund_with_permit`, `fund_with_authorization`, `fund_with_permit2`, `release_with_receipt`) take two steps: asked
    without `signature`, the answer is the typed data for whoever signs; asked again with it and with all of
    `come_back_with`, the answer is the tx for whoever sends. Nothing secret is in any of it.
    """
    account = parse_address(signer, param="from")
    payment = find_public(call, id)
    place = call.services.chain(payment.chain_id).place
    now = chain_time(call.services.store, place)
    answer: dict[str, Any]
    if verb in BY_SIGNATURE and given.parts.signed is None:
        answer = show_to_sign(verb, prepare_signature(place, payment, verb, account, now=now, buyer=given.buyer))
    else:
        answer = show_prepared_tx(verb, prepare_tx(place, payment, verb, account, given.parts, now=now))
    return JSONResponse(answer)


def _address(text: str | None, param: str) -> Address | None:
    return None if text is None else parse_address(text, param=param)


def _number(text: str | None, param: str) -> int | None:
    """Parse a whole number where zero is one too (an arbiter may give one side nothing)."""
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > MAX_DIGITS:
        raise InvalidAmount(f"{param} is no whole number: give a string of digits", param=param)
    return int(text)
