"""`earnest verify` beside a running service: a new user fetches the proof of his payment and believes nobody."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.acceptance.bad_input import Said, Shop, earnest
from tests.acceptance.test_payment_commands import as_merchant, as_role, sent, told

NOWHERE = "http://127.0.0.1:1"


def test_a_buyer_checks_his_payment_without_believing_the_service(shop: Shop, tmp_path: Path) -> None:
    stack = shop.stack
    paid = told(as_merchant(stack, "create", "10.00", "tUSD", "--order", "order-to-be-proven"))["id"]
    verify(shop, paid).refuses(1, "not funded yet")
    sent(as_role(stack, "buyer", "fund", paid))
    sent(as_role(stack, "buyer", "release", paid, "--amount", "4.00"))
    sent(as_role(stack, "buyer", "release", paid))
    shop.wait_status(paid, "released")
    said = verify(shop, paid, "--current", "--rpc-url", stack.node_url)
    assert said.status == 0, said.err
    assert "3 events add up to released" in said.out
    assert "has the same one" in said.out
    assert "is the address that follows from the code of this version's contract" in said.out
    assert "Not checked" not in said.out
    answer = httpx.get(f"{stack.api_url}/v1/payments/{paid}/proof", trust_env=False)
    assert b"order-to-be-proven" not in answer.content
    kept = tmp_path / "proof.json"
    kept.write_bytes(answer.content)
    assert verify(shop, str(kept)).status == 0
    alone = verify(shop, str(kept), "--rpc-url", NOWHERE)
    assert (alone.status, "cannot be reached" in alone.err, "Proven" in alone.out) == (1, True, False)
    kept.write_bytes(answer.content.replace(b'"status":"released"', b'"status":"refunded"'))
    assert verify(shop, str(kept)).status == 1


def test_a_service_that_does_not_answer_is_a_sentence() -> None:
    earnest("verify", "0x" + "12" * 32, "--api-url", NOWHERE).refuses(1, f"no answer from {NOWHERE}")


def verify(shop: Shop, *arguments: str) -> Said:
    """Run the command without any key."""
    return earnest("verify", *arguments, env={"EARNEST_API_URL": shop.stack.api_url})
