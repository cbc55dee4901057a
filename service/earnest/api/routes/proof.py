"""The proof of a payment, for anyone who may see it: every status that we tell can be checked without us."""

from __future__ import annotations

from fastapi.responses import Response

from earnest.api.access import public
from earnest.api.call import InCall
from earnest.api.route import router
from earnest.api.routes.checkout import find_public
from earnest.api.schemas.proof import PaymentProof
from earnest.chain.proofs.prover import TIMEOUT_SECONDS
from earnest.commands.prove_payment import prove_payment

routes = router("/v1", "checkout")


@routes.get("/payments/{id}/proof", response_model=PaymentProof, summary="The proof of a payment's status")
@public(cross_origin=True, node_seconds=2 * TIMEOUT_SECONDS)  # it has its own, and counts among those that wait
def get_proof(id: str, call: InCall) -> Response:  # noqa: A002
    """Return what it takes to check the payment's whole history without us: `earnest verify` does it offline.

    Block headers, the receipts of the payment's events with their inclusion proofs, and, where the node offers
    `eth_getProof`, the escrow's storage that shows the status to be the current one. No key is needed, and nothing of
    the merchant's own is in it. A payment that nobody funded yet is answered with 409 (`nothing_on_chain`), a node that
    does not answer, or not in time, with 503.
    """
    payment = find_public(call, id)
    services = call.services
    content = prove_payment(services.store, services.prover(payment.chain_id), payment.chain_id, payment.id)
    # The very bytes that were checked.
    return Response(content, media_type="application/json")
