"""The secrets of one endpoint: the present one, and for a day after a rotation the former one too."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from earnest.webhooks.secretbox import SecretBox

OVERLAP_SECONDS: Final = 86_400
"""For a day both secrets sign, so that a receiver can be changed over without losing a webhook."""


@dataclass(frozen=True, slots=True)
class EndpointSecrets:
    """`whsec_…` texts; the former one signs until `former_until` (wall time, Unix)."""

    current: str
    former: str | None = None
    former_until: int = 0

    def valid_at(self, now: int) -> list[str]:
        """Return the secrets that sign at wall time `now`, the present one first."""
        return [self.current, self.former] if self.former and now < self.former_until else [self.current]

    def rotated(self, new: str, now: int) -> EndpointSecrets:
        """Return the secrets after a rotation at wall time `now`; one former secret is kept, not two."""
        return EndpointSecrets(new, self.current, now + OVERLAP_SECONDS)

    def seal(self, box: SecretBox) -> bytes:
        """Return them encrypted for the database."""
        return box.seal(json.dumps([self.current, self.former, self.former_until]).encode())

    @staticmethod
    def unseal(sealed: bytes, box: SecretBox) -> EndpointSecrets:
        """Read what `seal` wrote; raises `WrongSecretKey`."""
        current, former, until = json.loads(box.open(sealed))
        return EndpointSecrets(current, former, until)
