"""Every error that Earnest raises on purpose, as one tree.

    EarnestError
    ├── InvalidInput                what was given cannot be used; the same call fails again
    │   ├── InvalidAddress          not 20 bytes of hexadecimal, or its EIP-55 checksum is wrong
    │   ├── InvalidHash             not 32 bytes of hexadecimal
    │   ├── InvalidAmount           not a whole number of base units inside the bounds
    │   ├── TermOutOfBounds         a term of the payment breaks the escrow's rules
    │   └── UnknownToken            the service does not know the token on this chain
    ├── NotFound                    nothing here has that name
    ├── NotAllowed                  the caller may not do this
    ├── Conflict                    what is asked does not fit the present state
    │   ├── TooEarly                allowed later; carries from when on
    │   └── TooLate                 was allowed; carries until when
    ├── Misconfigured               the host has to mend something before anything works
    ├── Unavailable                 a part we need does not answer now; a retry can help
    └── ChainDisagrees              what a node told breaks the escrow's own rules; never written down
        ├── SequenceGap             an event of a payment is missing, or came twice
        └── ForbiddenTransition     no verb leads from the one status to the other

Each class says by `code` what it is (stable, for programs) and by `retryable` whether the same call can succeed later.
Rooms add their own leaves below these branches, never a second tree.
"""

from __future__ import annotations

from typing import ClassVar


class EarnestError(Exception):
    """Root of the tree; `str(error)` is a sentence that a person can act on."""

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False
    param: str | None = None


class InvalidInput(EarnestError):
    """What was given cannot be used; `param` names it."""

    code = "invalid_input"

    def __init__(self, detail: str, *, param: str | None = None) -> None:
        super().__init__(detail)
        self.param = param


class InvalidAddress(InvalidInput):
    """Not 20 bytes of hexadecimal, or its EIP-55 checksum is wrong."""

    code = "invalid_address"


class InvalidHash(InvalidInput):
    """Not 32 bytes of hexadecimal."""

    code = "invalid_hash"


class InvalidAmount(InvalidInput):
    """Not a whole number of base units inside the bounds."""

    code = "invalid_amount"


class TermOutOfBounds(InvalidInput):
    """A term of the payment breaks one of the rules that the escrow checks at funding."""

    code = "term_out_of_bounds"

    def __init__(self, term: str, value: object, rule: str) -> None:
        super().__init__(f"{term} is {value}: {rule}", param=term)
        self.value = value


class UnknownToken(InvalidInput):
    """The service does not know this token on this chain, so it cannot vouch for how it behaves."""

    code = "unknown_token"

    def __init__(self, token: str, chain_id: int, known: list[str]) -> None:
        names = ", ".join(known) or "none"
        super().__init__(f"token {token} is not known on chain {chain_id}; known there: {names}", param="token")


class NotFound(EarnestError):
    """Nothing here has that name (or it belongs to somebody else, which we do not tell apart)."""

    code = "not_found"


class NotAllowed(EarnestError):
    """The caller may not do this."""

    code = "not_allowed"


class Conflict(EarnestError):
    """What is asked does not fit the present state."""

    code = "conflict"


class TooEarly(Conflict):
    """The verb becomes possible later."""

    code = "too_early"

    def __init__(self, verb: str, now: int, possible_from: int) -> None:
        super().__init__(f"{verb} is possible from {possible_from} on; chain time is {now}")
        self.now, self.possible_from = now, possible_from


class TooLate(Conflict):
    """The verb was possible, and its time is over."""

    code = "too_late"

    def __init__(self, verb: str, now: int, possible_until: int) -> None:
        super().__init__(f"{verb} was possible until {possible_until}; chain time is {now}")
        self.now, self.possible_until = now, possible_until


class Misconfigured(EarnestError):
    """The host has to mend something before anything works."""

    code = "misconfigured"


class Unavailable(EarnestError):
    """A part that we need does not answer now; trying again can help."""

    code = "unavailable"
    retryable = True


class ChainDisagrees(EarnestError):
    """What a node told breaks the escrow's own rules, so it is not written down."""

    code = "chain_disagrees"
    retryable = True


class SequenceGap(ChainDisagrees):
    """An event of a payment is missing, or came twice."""

    code = "sequence_gap"

    def __init__(self, payment_id: str, expected: int, got: int) -> None:
        super().__init__(f"payment {payment_id}: expected event number {expected}, got {got}")
        self.expected, self.got = expected, got


class ForbiddenTransition(ChainDisagrees):
    """No verb leads from the one status to the other."""

    code = "forbidden_transition"
