"""Every error is answered as RFC 9457 problem details, by one table."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import anyio
import pytest

import earnest
from earnest.api.errors import BodyTooLarge, MalformedJson, TooManyRequests, Unauthenticated
from earnest.api.middleware import BodyLimit
from earnest.api.problems import STATUSES, problem_of, status_of, title_of
from earnest.chain.errors import RpcError, TxWouldRevert
from earnest.payment.errors import Conflict, EarnestError, InvalidInput, NotFound, TooLate, Unavailable, UnknownToken
from earnest.store.errors import DatabaseUnavailable, StoreFailure
from tests.unit.api.house import House

MEMBERS = {"type", "title", "status", "detail", "instance", "code", "param", "retryable", "request_id"}


def leaves() -> list[type[EarnestError]]:
    """Return every class of the tree, wherever in the package it was added."""
    for module in pkgutil.walk_packages(earnest.__path__, "earnest."):
        if not module.name.startswith(
            ("earnest.localnet", "earnest.cli", "earnest.testing", "earnest.store.migrations")
        ):
            importlib.import_module(module.name)
    found: list[type[EarnestError]] = []
    queue: list[type[EarnestError]] = [EarnestError]
    while queue:
        kind = queue.pop()
        found.append(kind)
        queue += kind.__subclasses__()
    return found


def test_every_error_of_the_tree_has_a_status_and_a_title_that_says_no_more_than_its_kind() -> None:
    kinds = leaves()
    assert len(kinds) > 60
    for kind in kinds:
        assert 400 <= status_of(kind) <= 599, kind
        assert title_of(kind), kind


def test_no_branch_falls_through_to_the_root_unless_it_is_a_fault_of_ours() -> None:
    """A retryable error must never be answered as our fault, or nobody would try again."""
    for kind in leaves():
        # What the client raises stands on the other side of the wire.
        if kind.retryable and not kind.__module__.startswith("earnest.client"):
            assert status_of(kind) in (409, 429, 503), kind


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (InvalidInput("x"), 422, "invalid_input"),
        (UnknownToken("DOGE", 1, []), 422, "unknown_token"),
        (MalformedJson("x"), 400, "malformed_json"),
        (BodyTooLarge(1), 413, "body_too_large"),
        (NotFound("x"), 404, "not_found"),
        (Unauthenticated("x"), 401, "unauthenticated"),
        (Conflict("x"), 409, "conflict"),
        (TooLate("refund", 2, 1), 409, "too_late"),
        (TxWouldRevert("refund", "no"), 409, "tx_would_revert"),
        (TooManyRequests(3), 429, "too_many_requests"),
        (Unavailable("x"), 503, "unavailable"),
        (RpcError("eth_call", -32000, "boom"), 503, "rpc_error"),
        (DatabaseUnavailable("x"), 503, "database_unavailable"),
        (StoreFailure("INSERT INTO secrets"), 500, "store_failure"),
        (ValueError("whsec_secret"), 500, "internal_error"),
    ],
)
def test_an_error_has_the_status_of_its_branch(error: Exception, status: int, code: str) -> None:
    problem = problem_of(error)
    assert (problem.status, problem.code) == (status, code)


@pytest.mark.parametrize("error", [StoreFailure("INSERT INTO secrets"), ValueError("whsec_secret"), EarnestError("k")])
def test_a_fault_of_ours_tells_nothing_of_itself(error: Exception) -> None:
    assert str(error) not in problem_of(error).detail


def test_the_table_lists_every_branch_of_the_tree() -> None:
    assert set(EarnestError.__subclasses__()) & STATUSES.keys() >= {InvalidInput, NotFound, Conflict, Unavailable}


def check(answer: object, status: int, code: str) -> dict[str, object]:
    assert answer.status_code == status, answer.text  # type: ignore[attr-defined]
    assert answer.headers["content-type"] == "application/problem+json"  # type: ignore[attr-defined]
    problem = dict(answer.json())  # type: ignore[attr-defined]
    assert problem.keys() >= MEMBERS
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["request_id"] == answer.headers["x-request-id"]  # type: ignore[attr-defined]
    return problem


def test_what_never_reaches_a_route_is_a_problem_too(house: House) -> None:
    check(house.get("/v1/nothing"), 404, "no_such_path")
    refused = house.call("PUT", "/v1/payments")
    check(refused, 405, "method_not_allowed")
    assert refused.headers["allow"]


def test_a_body_that_cannot_be_used_is_named(house: House) -> None:
    json_headers = {"Content-Type": "application/json"}
    check(house.call("POST", "/v1/payments", content=b"{no", headers=json_headers), 400, "malformed_json")
    check(
        house.call("POST", "/v1/payments", content=b"amount=1", headers={"Content-Type": "text/plain"}),
        415,
        "unsupported_media_type",
    )
    big = b'{"order_reference": "' + b"x" * 70_000 + b'"}'
    check(house.call("POST", "/v1/payments", content=big, headers=json_headers), 413, "body_too_large")


def test_a_body_without_a_declared_length_is_refused_once_it_is_too_large() -> None:
    pieces: list[bytes] = [b"x" * 40] * 3
    reached: list[bytes] = []
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        reached.append((await receive())["body"])

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": pieces.pop(), "more_body": bool(pieces)}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b"", "server": ("h", 80)}
    anyio.run(BodyLimit(app, 120), scope, receive, send)
    assert reached == [b"x" * 120]
    pieces += [b"x" * 40] * 4
    anyio.run(BodyLimit(app, 120), scope, receive, send)
    assert sent[0]["status"] == 413
    assert len(reached) == 1


def test_unknown_fields_are_named(house: House) -> None:
    body = {"amount": {"value": "1", "token": "USDX", "coin": 1}, "merchant": "0x00", "operator": "0x00"}
    problem = check(house.post("/v1/payments", body), 422, "unknown_field")
    assert {each["param"] for each in problem["errors"]} == {"amount.coin", "merchant", "operator"}  # type: ignore[attr-defined]
    for name in ("amount.coin", "merchant", "operator"):
        assert name in str(problem["detail"])


def test_wrong_fields_are_named_and_not_repeated(house: House) -> None:
    body = {"amount": {"value": 12.5, "token": "USDX"}, "pay_by": "tomorrow, whsec_x"}
    problem = check(house.post("/v1/payments", body), 422, "invalid_request")
    assert problem["param"] == "amount.value"
    assert "whsec_x" not in str(problem)
    check(house.get("/v1/payments?limit=101"), 422, "invalid_request")
    check(house.get("/v1/payments?status=paid"), 422, "invalid_request")
    check(house.get("/v1/payments?cursor=garbage"), 422, "invalid_input")
    check(house.get("/v1/payments/0x12"), 422, "invalid_hash")


def test_a_request_keeps_a_harmless_id_of_the_callers(house: House) -> None:
    assert house.get("/health/live", headers={"X-Request-Id": "abc-1"}).headers["x-request-id"] == "abc-1"
    strange = house.get("/health/live", headers={"X-Request-Id": "a b\t<script>"}).headers["x-request-id"]
    assert strange.startswith("req_")


def test_an_unknown_exception_is_answered_as_a_problem(house: House) -> None:
    house.node.answers["eth_getCode"] = RuntimeError("the node's url is https://user:secret@node")
    problem = check(house.post("/v1/payments", {"amount": {"value": "1", "token": "USDX"}}), 500, "internal_error")
    assert "secret" not in str(problem)
