"""Every error as RFC 9457 problem details: one table from the tree's branches to HTTP statuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import structlog
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from earnest.api.errors import (
    BodyTooLarge,
    MalformedJson,
    MethodNotAllowed,
    NodeBusy,
    NodeTooSlow,
    NoSuchPath,
    TooManyRequests,
    Unauthenticated,
    UnsupportedMediaType,
)
from earnest.payment.errors import (
    ChainDisagrees,
    Conflict,
    EarnestError,
    InvalidInput,
    Misconfigured,
    NotAllowed,
    NotFound,
    Unavailable,
)

MEDIA_TYPE: Final = "application/problem+json"

STATUSES: Final[dict[type[EarnestError], int]] = {
    InvalidInput: 422,
    MalformedJson: 400,
    BodyTooLarge: 413,
    UnsupportedMediaType: 415,
    NotFound: 404,
    NotAllowed: 403,
    Unauthenticated: 401,
    MethodNotAllowed: 405,
    Conflict: 409,
    Unavailable: 503,
    TooManyRequests: 429,
    ChainDisagrees: 503,
    Misconfigured: 500,
    EarnestError: 500,
}
"""By branch; the nearest ancestor that is listed decides, so a new leaf has its branch's status without a word here."""

_HIDDEN = "something failed here that is not your fault; tell the host this request's id"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is told of an error; `more` are members of this kind of problem alone."""

    status: int
    code: str
    title: str
    detail: str
    param: str | None = None
    retryable: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)


def status_of(kind: type[EarnestError]) -> int:
    """Return the HTTP status of an error's class."""
    return next(STATUSES[each] for each in kind.__mro__ if each in STATUSES)


def problem_of(error: Exception) -> Problem:
    """Return what is told of any exception; of one that is not in the tree, nothing but that it happened."""
    match error:
        case EarnestError():
            return _of_tree(error)
        case RequestValidationError():
            return _of_validation(error.errors())
        case HTTPException(status_code=status) if status < 500:
            return _of_framework(error)
        case _:
            return Problem(500, "internal_error", "A fault of ours", _HIDDEN)


def answer_problem(request: Request, error: Exception) -> JSONResponse:
    """Return the response for an error, and log what only the host may know."""
    problem = problem_of(error)
    request_id = str(getattr(request.state, "request_id", ""))
    if problem.status >= 500:
        known = isinstance(error, EarnestError)
        log.log(30 if known else 40, "request failed", code=problem.code, error=str(error), exc_info=not known)
    body = {
        "type": f"urn:earnest:problem:{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": request.url.path,
        "code": problem.code,
        "param": problem.param,
        "retryable": problem.retryable,
        "request_id": request_id,
        **problem.more,
    }
    return JSONResponse(body, problem.status, headers=dict(problem.headers), media_type=MEDIA_TYPE)


def title_of(kind: type[EarnestError]) -> str:
    """Return an error's title: the first sentence of its docstring, which belongs to the class, not to the case."""
    sentence = (kind.__doc__ or kind.__name__).strip().splitlines()[0]
    return sentence.split("; ")[0].split(": ")[0].rstrip(".").replace("`", "")


def _of_tree(error: EarnestError) -> Problem:
    status = status_of(type(error))
    outside_branches = status == 500 and not isinstance(error, Misconfigured)
    return Problem(
        status=status,
        code=error.code,
        title=title_of(type(error)),
        detail=_HIDDEN if outside_branches else str(error),
        param=error.param,
        retryable=error.retryable,
        headers=_headers(error),
    )


def _headers(error: EarnestError) -> dict[str, str]:
    if isinstance(error, Unauthenticated):
        return {"WWW-Authenticate": 'Bearer realm="earnest"'}
    if isinstance(error, TooManyRequests | NodeBusy | NodeTooSlow):
        return {"Retry-After": str(error.retry_after_seconds)}
    return {"Retry-After": "1"} if isinstance(error, Unavailable) else {}


def _of_framework(error: HTTPException) -> Problem:
    """Return what is told of a refusal that is not ours: no such path, not this method, a body that nobody can read."""
    match error.status_code:
        case 400:
            return _of_tree(MalformedJson("the body is no JSON: it is not text in UTF-8, or too deep"))
        case 404:
            return _of_tree(NoSuchPath("there is no such path here; /openapi.json lists them"))
        case 405:
            refused = _of_tree(MethodNotAllowed("this path does not take this method; see the header Allow"))
            return replace(refused, headers=dict(error.headers or {}))
        case status:
            return Problem(status, "bad_request", "The request cannot be used", str(error.detail))


def _of_validation(errors: Sequence[Any]) -> Problem:
    """Name every field that is wrong; what was given is not repeated, since it might be a secret."""
    if any(each["type"] == "json_invalid" for each in errors):
        return _of_tree(MalformedJson("the body is no JSON: " + str(errors[0].get("ctx", {}).get("error", ""))))
    found = [{"param": _name(each["loc"]), "message": _message(each)} for each in errors]
    unknown = all(each["type"] == "extra_forbidden" for each in errors)
    return Problem(
        status=422,
        code="unknown_field" if unknown else "invalid_request",
        title="There is no such field" if unknown else "The request cannot be used",
        detail="; ".join(f"{each['param']}: {each['message']}" for each in found),
        param=found[0]["param"] if found else None,
        more={"errors": found},
    )


def _name(location: Sequence[Any]) -> str:
    """Return where it is in the caller's words: `amount.value`, not the place in our models."""
    parts = location[1:] if location and location[0] in ("body", "query", "path", "header") else location
    return ".".join(str(each) for each in parts) or "body"


def _message(error: Mapping[str, Any]) -> str:
    if error["type"] == "extra_forbidden":
        return "there is no such field"
    message = str(error["msg"]).removeprefix("Value error, ")
    return message[:1].lower() + message[1:]
