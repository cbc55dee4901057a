"""Why a request is turned away before any command sees it, below the one tree of `earnest.payment.errors`.

InvalidInput
├── MalformedJson            the body is no JSON
├── BodyTooLarge             the body is larger than anything that we take
├── UnsupportedMediaType     the body is not sent as JSON
├── OddText                  the path or the query holds a NUL
├── InvalidIdempotencyKey    the header is empty, too long or not printable ASCII
└── IdempotencyKeyReused     the key was used for another request
NotFound
└── NoSuchPath               no such path here
NotAllowed
├── Unauthenticated          no API key, or none that is valid
├── MissingScope             the key may not do this
└── MethodNotAllowed         the path is there, and does not take this method
Conflict
├── IdempotencyRunning       the same request is being worked on right now
├── NotTheEmbeddedChain      only the embedded chain can fail on order
└── NotATestChain            time and blocks of a real chain cannot be moved
Unavailable
├── StreamsNotRunning        this process serves no streams
├── NodeBusy                 too many requests wait for the chain's node already
├── NodeTooSlow              the chain's node did not answer in time
└── TooManyRequests          one caller asks too often
    └── TooManyStreams       one caller, or all of them together, has too many streams open
"""

from __future__ import annotations

from earnest.payment.errors import Conflict, InvalidInput, NotAllowed, NotFound, Unavailable


class MalformedJson(InvalidInput):
    """The body is no JSON."""

    code = "malformed_json"


class BodyTooLarge(InvalidInput):
    """The body is larger than anything that we take."""

    code = "body_too_large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"a body has at most {limit_bytes} bytes")


class UnsupportedMediaType(InvalidInput):
    """The body is not sent as JSON."""

    code = "unsupported_media_type"

    def __init__(self) -> None:
        super().__init__("send the body as Content-Type: application/json", param="Content-Type")


class OddText(InvalidInput):
    """The path or the query holds a NUL, which no name of ours has and PostgreSQL does not know."""

    code = "odd_text"

    def __init__(self) -> None:
        super().__init__("the address holds a NUL (%00)")


class InvalidIdempotencyKey(InvalidInput):
    """The idempotency key is empty, too long or not printable ASCII."""

    code = "invalid_idempotency_key"

    def __init__(self) -> None:
        super().__init__("an Idempotency-Key has 1 to 255 printable ASCII characters", param="Idempotency-Key")


class IdempotencyKeyReused(InvalidInput):
    """The idempotency key was used for another request."""

    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__(
            "this Idempotency-Key came with another request before; use a new key for a new request",
            param="Idempotency-Key",
        )


class NoSuchPath(NotFound):
    """There is no such path here."""

    code = "no_such_path"


class Unauthenticated(NotAllowed):
    """No API key was given, or none that is valid."""

    code = "unauthenticated"


class MissingScope(NotAllowed):
    """The API key may not do this."""

    code = "missing_scope"

    def __init__(self, scope: str) -> None:
        super().__init__(f"this key lacks the scope {scope}; make a key that has it")
        self.scope = scope


class MethodNotAllowed(NotAllowed):
    """The path is there, and does not take this method."""

    code = "method_not_allowed"


class IdempotencyRunning(Conflict):
    """The same request is being worked on right now."""

    code = "idempotency_running"
    retryable = True

    def __init__(self) -> None:
        super().__init__("a request with this Idempotency-Key is being worked on; ask again in a moment")
        self.param = "Idempotency-Key"


class NotATestChain(Conflict):
    """Time and blocks of a real chain cannot be moved."""

    code = "not_a_test_chain"

    def __init__(self, network: str) -> None:
        super().__init__(f"{network} is no test chain: nobody can move its clock, mine its blocks or reorganise it")


class NotTheEmbeddedChain(Conflict):
    """Only the embedded chain can fail on order."""

    code = "not_the_embedded_chain"

    def __init__(self, network: str) -> None:
        super().__init__(f"the node of {network} is not the embedded chain, and cannot be told to fail")


class TooManyRequests(Unavailable):
    """One caller asks too often; `retry_after_seconds` is when the next request fits."""

    code = "too_many_requests"

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(f"too many requests; the next one fits in {retry_after_seconds} s")
        self.retry_after_seconds = retry_after_seconds


class TooManyStreams(TooManyRequests):
    """As many streams are open as may be; `retry_after_seconds` is when it makes sense to ask again."""

    code = "too_many_streams"

    def __init__(self, most: int, of_whom: str) -> None:
        super().__init__(10)
        self.args = (f"{of_whom} may have {most} streams open at once, and has; close one first",)


class StreamsNotRunning(Unavailable):
    """This process serves no streams, or it is about to end."""

    code = "streams_not_running"

    def __init__(self) -> None:
        super().__init__("no streams here now; ask again in a moment, or ask without a stream")


class NodeBusy(Unavailable):
    """Too many requests wait for the chain's node already."""

    code = "node_busy"
    retry_after_seconds = 5
    """About as long as a request waits at the most, so that turns are free by then if the node is well again."""

    def __init__(self) -> None:
        super().__init__("too many requests wait for the chain's node already; ask again in a moment")


class NodeTooSlow(Unavailable):
    """The chain's node did not answer in time."""

    code = "node_too_slow"
    retry_after_seconds = 5

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the chain's node did not answer within {seconds:g} s; ask again in a moment")
