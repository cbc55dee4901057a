"""Idempotency keys: a request that comes twice is done once, and both get the same answer."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

import msgspec
from fastapi import Request
from fastapi.responses import Response

from earnest.api.errors import IdempotencyKeyReused, IdempotencyRunning, InvalidIdempotencyKey
from earnest.commands.own_payment import sent_for
from earnest.store import Store, Transaction
from earnest.store.records import Fresh, Mismatch, Replay, Running
from earnest.webhooks.secretbox import SecretBox

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"
KEPT_SECONDS: Final = 7 * 86_400
"""At least a day is promised; a week covers a queue that stood still over a long weekend."""
FORGET_EVERY_SECONDS: Final = 3_600
LEASE_SECONDS: Final = 10
"""Whoever was killed in the middle blocks its key no longer than that. Taking over too early does no harm: the answer
is kept in the same transaction as what was created, and a verb has one tx however often it is asked for."""
_KEY: Final = re.compile(r"[\x20-\x7e]{1,255}", re.ASCII)
_KEPT_HEADERS: Final = ("content-type", "location")


class Once:
    """One request under its idempotency key, claimed for us.

    `keep` inside the command's own transaction makes deed and answer one: after a crash there are both or neither.
    What was not kept there, the route keeps after the fact.

    Only what was done is kept: a refusal says how things stood then, and whoever asks again under the same key, when
    the node is back or the payment was funded, wants to know how they stand now.

    Args:
        note: what earlier tries of this very request, who died before their answer was kept, had noted.
    """

    def __init__(self, merchant_id: str, key: str, attempt: int, secrets: SecretBox, note: bytes | None = None) -> None:
        self.key = key
        self.begun: tuple[str, ...] = () if note is None else tuple(msgspec.json.decode(secrets.open(note)))
        """The dedupe keys of the txs that those tries were about to send, whether they came to it or not."""
        self.kept = False
        self.did_something = True
        """False: the answer is no error, and yet nothing was done."""
        self._merchant_id, self._attempt, self._secrets = merchant_id, attempt, secrets
        self._noted = self.begun

    def note(self, tx: Transaction, dedupe_key: str) -> None:
        """Note the tx that is about to be sent: whoever takes over from us answers with it.

        Raises:
            IdempotencyRunning: we were taken for dead and another one took over; nothing may be sent by us.
        """
        self._noted = tuple(dict.fromkeys((*self._noted, dedupe_key)))
        note = self._secrets.seal(msgspec.json.encode(self._noted))
        if not tx.idempotency.note(self._merchant_id, self.key, self._attempt, note):
            raise IdempotencyRunning()

    def keep(self, tx: Transaction, response: Response) -> None:
        """Keep an answer, sealed: some of them hold a secret, and then none can be forgotten to be.

        Raises:
            IdempotencyRunning: we were taken for dead and another one took over; our transaction must not stand.
        """
        headers = {name: value for name, value in response.headers.items() if name in _KEPT_HEADERS}
        if not tx.idempotency.finish(
            self._merchant_id,
            self.key,
            self._attempt,
            status=response.status_code,
            body=self._secrets.seal(bytes(response.body)),
            headers=headers,
        ):
            raise IdempotencyRunning()
        self.kept = True

    def settle(self, store: Store, response: Response) -> None:
        """Keep the answer if something was done, and give the key back if not.

        A refusal can come after the deed: the database stored a tx, and went away before it could say so. That tx is
        the answer of whoever asks again.
        """
        is_done = response.status_code < HTTPStatus.MULTIPLE_CHOICES and self.did_something
        with store.transaction() as tx:
            if is_done:
                self.keep(tx, response)
            elif sent_for(tx, self._noted):
                tx.idempotency.hand_over(self._merchant_id, self.key, self._attempt)
            else:
                tx.idempotency.abandon(self._merchant_id, self.key, self._attempt)


class Idempotency:
    """Claims keys and plays stored answers again.

    Args:
        store: where answers are kept.
        secrets: seals and opens them.
        clock: wall time in Unix seconds.
    """

    def __init__(self, store: Store, secrets: SecretBox, clock: Callable[[], int]) -> None:
        self._store, self._secrets, self._clock = store, secrets, clock
        self._forgot_at = clock()

    def begin(self, merchant_id: str, request: Request, body: bytes) -> Once | Response | None:
        """Return the claim, or the stored answer, or None where the request has no key.

        Raises:
            InvalidIdempotencyKey, IdempotencyKeyReused, IdempotencyRunning: as named.
        """
        key = request.headers.get(HEADER)
        if key is None:
            return None
        if not _KEY.fullmatch(key):
            raise InvalidIdempotencyKey()
        now = self._clock()
        if now - self._forgot_at >= FORGET_EVERY_SECONDS:
            self._forgot_at = now
            self.forget_old()
        with self._store.transaction() as tx:
            beginning = tx.idempotency.begin(
                merchant_id, key, _fingerprint(request, body), now, lease_seconds=LEASE_SECONDS
            )
        match beginning:
            case Fresh(attempt, note):
                return Once(merchant_id, key, attempt, self._secrets, note)
            case Replay(status, sealed, headers):
                return Response(self._secrets.open(sealed), status, headers={**headers, REPLAYED: "true"})
            case Running():
                raise IdempotencyRunning()
            case Mismatch():
                raise IdempotencyKeyReused()

    def forget_old(self) -> int:
        """Forget keys that are older than what is promised; returns how many."""
        with self._store.transaction() as tx:
            return tx.idempotency.forget_older_than(self._clock() - KEPT_SECONDS)


def _fingerprint(request: Request, body: bytes) -> str:
    """Return the hash of what makes two requests the same: method, path, query and body, byte for byte."""
    head = f"{request.method}\n{request.url.path}\n{request.url.query}\n".encode()
    return hashlib.sha256(head + body).hexdigest()
