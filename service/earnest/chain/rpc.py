"""A thin JSON-RPC client: one keep-alive connection pool, typed answers, limits, and one tree of errors.

The URL may hold a secret (a provider's key stands in its path), so only its host is ever named.
"""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, lru_cache
from threading import Event
from typing import Any, Final, Generic, NamedTuple, TypeVar

import httpx
import msgspec

from earnest.chain.backoff import FIRST_LIMITED_SECONDS, LONGEST_RETRY_SECONDS, Pause, retry_seconds
from earnest.chain.carriers import HttpAnswer, Limits
from earnest.chain.connections import carrier_to
from earnest.chain.errors import (
    AnswerTooLarge,
    BadNodeUrl,
    MalformedAnswer,
    NodeTimeout,
    NodeUnavailable,
    RateLimited,
    RpcError,
)
from earnest.chain.later import Later
from earnest.chain.node import NOT_REPEATED, Call, Node
from earnest.chain.ranges import PageSize, is_too_often

log = logging.getLogger(__name__)
T = TypeVar("T")

MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024
"""A page of 10,000 logs is about 10 MB; what is far larger is a fault, and must not fill our memory."""
MAX_BATCH: Final = 500
"""Headers of as many blocks are some 8 MB on the busiest chain; who takes fewer at once says so, and gets fewer."""
FEW: Final = 8
"""So many questions of several types are asked about a block at most, beside those of a backfill."""
SIDE_BY_SIDE: Final = 8
"""How many questions a node that refuses batches is asked at the same time: as a browser would, and no more."""
RETRIES: Final = 2


class _Error(msgspec.Struct):
    code: int = 0
    message: str = ""
    data: Any = None


class _Answer(msgspec.Struct):
    id: int | str | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: _Error | None = None


class _AsHoped(msgspec.Struct, Generic[T], frozen=True):
    """An answer to what was asked, without an error: read in one pass, where the result is of the right type."""

    id: int
    result: T
    error: None = None


class _Question(NamedTuple, Generic[T]):
    """One request as it travels."""

    content: bytes
    retries: int
    read: Callable[[bytes], T]


class Rpc(Node):
    """A node reached over HTTP; safe to be used by many threads.

    Args:
        url: http or https; may hold a secret.
        timeout_seconds: for connecting and for each silence while reading.
        retries: how often a question that changes nothing is asked again when there was no answer.
        patient: ask again also after no answer in time; better not where there is another endpoint to go to.
        largest_batch: how many questions are asked in one request at most.
        transport: what carries requests, if not the network; for tests.
        sleep: waits between retries.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout_seconds: float = 10.0,
        retries: int = RETRIES,
        patient: bool = True,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
        largest_batch: int = MAX_BATCH,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._url = _parse_url(url)
        self.endpoint = self._url.netloc.decode("ascii").rpartition("@")[2]
        self._retries = retries
        self._patient = patient
        self._batches = PageSize(largest_batch)
        self._sleep = sleep
        self._ids = itertools.count(1)
        self._pause = Pause()
        self._carrier = carrier_to(self._url, self.endpoint, Limits(timeout_seconds, max_answer_bytes), transport)

    def call(self, method: str, params: Sequence[Any] = (), into: Any = Any) -> Any:
        """Ask one thing; the result has the type `into`.

        Raises:
            NodeUnavailable: no usable answer, after the retries.
            RpcError: the node answered with an error.
        """
        return self._ask(self._one(method, params, into))

    def call_later(self, method: str, params: Sequence[Any] = (), into: Any = Any) -> Later[Any]:
        """Ask as `call` does; the question travels at once, and the answer waits where the network ends."""
        if method in NOT_REPEATED:  # what fails on its way is asked again when it is wanted
            return super().call_later(method, params, into)
        return self._ask_later(self._one(method, params, into))

    def _one(self, method: str, params: Sequence[Any], into: Any) -> _Question[Any]:
        number = next(self._ids)

        def read(content: bytes) -> Any:
            hoped = _as_hoped(content, _hoped(into))
            if hoped is not None and hoped.id == number:
                return hoped.result
            answer = self._decode(content, _Answer)
            if answer.error is None and answer.id != number:
                raise MalformedAnswer(self.endpoint, "answered another question than the one asked")
            return self._result(method, answer, into, raising=True)

        retries = 0 if method in NOT_REPEATED else self._retries
        return _Question(msgspec.json.encode(_question(number, method, params)), retries, read)

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        """Ask many things at once; each result stands in its place, an `RpcError` where the node answered with one.

        A node that does not take so many at once is asked for fewer, down to one by one, a few of them side by side.
        """
        results: list[Any] = []
        while len(results) < len(calls):
            left = calls[len(results) :]
            one_by_one = self._batches.blocks == 1 < len(left) and _is_repeatable(left)
            asked = left[: MAX_BATCH if one_by_one else self._batches.blocks]
            answers = self._side_by_side(asked) if one_by_one else self._batch(asked)
            if answers is None:
                self._batches.shrink(len(asked))
            else:
                self._batches.grow()
                results += answers
        return results

    def batch_later(self, calls: Sequence[Call]) -> Later[list[Any]]:
        """Ask as `batch` does; all questions travel at once, in as many requests as it takes."""
        size = self._batches.blocks
        if size == 1 or len(calls) < 2 or not _is_repeatable(calls):
            return Later(lambda: self.batch(calls))
        pieces = [calls[start : start + size] for start in range(0, len(calls), size)]
        asked = [self._batch_later(piece) for piece in pieces]

        def forget() -> None:
            for each in asked:
                each.forget()

        def answers() -> list[Any]:
            results: list[Any] = []
            try:
                for piece, later in zip(pieces, asked, strict=True):
                    told = later()
                    if told is None:  # so many at once are refused: that is found out in the usual way
                        told = self.batch(piece)
                    else:
                        self._batches.grow()
                    results += told
            except BaseException:
                forget()  # nobody comes for the others any more
                raise
            return results

        return Later(answers, forget)

    def rest(self, in_vain: int) -> None:
        """Wait a little, longer each time: everything else waits for the few questions that are asked again."""
        self._sleep(FIRST_LIMITED_SECONDS * 2 ** (in_vain - 1))

    def close(self) -> None:
        """Close the connections."""
        self._carrier.close()

    def __repr__(self) -> str:
        return f"Rpc({self.endpoint})"

    def _batch(self, calls: Sequence[Call]) -> list[Any] | None:
        """Ask all at once; None if the node wants fewer at once."""
        if len(calls) == 1:
            return [self._one_of_batch(calls[0])]
        try:
            return self._ask(self._many(calls))
        except AnswerTooLarge:
            return None

    def _batch_later(self, calls: Sequence[Call]) -> Later[list[Any] | None]:
        later = self._ask_later(self._many(calls))

        def answer() -> list[Any] | None:
            try:
                return later()
            except AnswerTooLarge:
                return None

        return Later(answer, later.forget)

    def _many(self, calls: Sequence[Call]) -> _Question[list[Any] | None]:
        numbers = [next(self._ids) for _ in calls]
        body = [_question(number, each.method, each.params) for number, each in zip(numbers, calls, strict=True)]
        intos = tuple(each.into for each in calls)

        def read(content: bytes) -> list[Any] | None:
            if not content.lstrip().startswith(b"["):
                self._check_refusal(content)
                return None
            decoder = _hoped_batch(intos[0]) if all(each is intos[0] for each in intos) else _hoped_few(intos)
            hoped = _as_hoped(content, decoder) if decoder is not None else None
            if hoped is not None and [each.id for each in hoped] == numbers:
                return [each.result for each in hoped]
            answers = {each.id: each for each in self._decode(content, list[_Answer])}
            missing = _Answer(error=_Error(0, "left out of the answer to a batch"))
            return [
                self._result(each.method, answers.get(number, missing), each.into, raising=False)
                for number, each in zip(numbers, calls, strict=True)
            ]

        return _Question(msgspec.json.encode(body), self._retries if _is_repeatable(calls) else 0, read)

    def _side_by_side(self, calls: Sequence[Call]) -> list[Any]:
        """Ask each by itself, a few at the same time: where batches are refused, waiting in turn took 3 times as long.

        The first error that is not a node's answer ends it; what was not asked by then is not asked any more.
        """
        over = Event()

        def ask(each: Call) -> Any:
            if over.is_set():
                return None  # nobody sees it: the error came before it in order
            try:
                return self._one_of_batch(each)
            except BaseException:
                over.set()
                raise

        with ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix="chain-rpc") as pool:
            return list(pool.map(ask, calls))

    def _check_refusal(self, content: bytes) -> None:
        """Make sure that one answer to many questions is an error, and not about how often we ask."""
        refusal = self._decode(content, _Answer)
        if refusal.error is None:
            raise MalformedAnswer(self.endpoint, "gave one answer to many questions")
        if is_too_often(refusal.error.message):
            raise RateLimited(self.endpoint)

    def _one_of_batch(self, each: Call) -> Any:
        try:
            return self.call(*each)
        except RpcError as error:
            return error

    def _result(self, method: str, answer: _Answer, into: Any, *, raising: bool) -> Any:
        if answer.error is None:
            return self._decode(answer.result, into)
        error = RpcError(method, answer.error.code, answer.error.message[:500], answer.error.data)
        if raising:
            raise error
        return error

    def _ask(self, asked: _Question[T], under_way: Later[HttpAnswer] | None = None, asked_at: float = 0.0) -> T:
        """Ask, and read the answer; what cannot be read is asked again like what did not come at all.

        With `under_way` it was asked once already, at that moment. Where others were told to wait before it was asked
        at all, all waits together are no longer than those of as many retries.
        """
        patience = asked.retries * LONGEST_RETRY_SECONDS
        for attempt in itertools.count():
            if under_way is None:
                patience -= self._pause.wait(self._sleep)
                asked_at = time.monotonic()
            try:
                return asked.read(self._body(under_way() if under_way else self._carrier.post(asked.content)))
            except AnswerTooLarge:
                raise  # the same question gets the same answer
            except NodeUnavailable as error:
                delay = retry_seconds(attempt, error)
                if isinstance(error, RateLimited):
                    self._pause.hear(asked_at, delay)
                if attempt >= asked.retries or (isinstance(error, NodeTimeout) and not self._patient):
                    raise
                if not isinstance(error, RateLimited):
                    self._sleep(delay)
                elif self._pause.left() > patience:
                    raise
                under_way = None
        raise AssertionError("unreachable")

    def _ask_later(self, asked: _Question[T]) -> Later[T]:
        asked_at = time.monotonic()
        try:
            under_way = None if self._pause.left() else self._carrier.post_later(asked.content)
        except NodeUnavailable:
            under_way = None
        if under_way is None:
            return Later(lambda: self._ask(asked))  # whoever comes for the answer hears of trouble, if it lasts
        return Later(lambda: self._ask(asked, under_way, asked_at), under_way.forget)

    def _body(self, answer: HttpAnswer) -> bytes:
        """Return an answer's bytes; some nodes send errors under an HTTP status of error."""
        status, retry_after, body = answer
        log.debug("%s answered with HTTP status %d", self.endpoint, status)
        if status == 429:
            raise RateLimited(self.endpoint, _seconds(retry_after))
        if status == 413:
            raise AnswerTooLarge(self.endpoint, "says that the answer would be too large (HTTP 413)")
        if status >= 300 and b'"jsonrpc"' not in body:
            raise NodeUnavailable(self.endpoint, f"answered with HTTP status {status}")
        return body

    def _decode(self, content: bytes | msgspec.Raw, into: Any) -> Any:
        try:
            return _decoder(into).decode(content)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            raise MalformedAnswer(
                self.endpoint, f"sent something else than was asked for: {str(error)[:200]}"
            ) from None


@cache
def _decoder(into: Any) -> msgspec.json.Decoder[Any]:
    """Return what decodes such an answer: making one takes longer than it takes to decode a header."""
    return msgspec.json.Decoder(into)


@cache
def _hoped(into: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(_AsHoped[into])


@cache
def _hoped_batch(into: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(list[_AsHoped[into]])


@lru_cache(maxsize=64)
def _hoped_few(intos: tuple[Any, ...]) -> msgspec.json.Decoder[Any] | None:
    """Return what decodes a few answers of several types, None where they are many: hardly ever the same again."""
    if len(intos) > FEW:
        return None
    kind: Any = _AsHoped
    every: Any = tuple(kind[each] for each in intos)
    return msgspec.json.Decoder(tuple[every])


def _as_hoped(content: bytes, decoder: msgspec.json.Decoder[Any]) -> Any:
    """Return what was answered if all of it is as hoped; else None, and it is read again piece by piece.

    Reading each answer first and its result after that took 4 us of CPU for each event.
    """
    try:
        return decoder.decode(content)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None


def _question(number: int, method: str, params: Sequence[Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}


def _is_repeatable(calls: Sequence[Call]) -> bool:
    return not any(each.method in NOT_REPEATED for each in calls)


def _parse_url(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError):
        raise BadNodeUrl("it is no URL") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise BadNodeUrl("it must start with http:// or https:// and name a host")
    return parsed


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isascii() and text.isdigit() else None
