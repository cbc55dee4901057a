"""What the commands on endpoints need of webhooks: a checked URL, a new secret, a rotated one."""

from __future__ import annotations

import secrets as system_random
from collections.abc import Callable

from earnest.webhooks.endpoint_secrets import EndpointSecrets
from earnest.webhooks.secretbox import SecretBox
from earnest.webhooks.signature import SECRET_BYTES, format_secret
from earnest.webhooks.targets import parse_target


class EndpointKit:
    """Fills the commands' port of the same name.

    Args:
        secrets: seals what is kept.
        allow_private: http and private addresses too; the developer's stack only.
        random: from a number of bytes to so many random ones.
    """

    def __init__(
        self,
        secrets: SecretBox,
        *,
        allow_private: bool = False,
        random: Callable[[int], bytes] = system_random.token_bytes,
    ) -> None:
        self._secrets, self._allow_private, self._random = secrets, allow_private, random

    def check_url(self, url: str) -> str:
        """Return a URL that webhooks may go to; raises `InvalidWebhookUrl`, `TargetRefused`."""
        return parse_target(url, allow_private=self._allow_private).url

    def new_secret(self) -> tuple[str, bytes]:
        """Return a new `whsec_…` to be shown once, and what is kept of it."""
        secret = format_secret(self._random(SECRET_BYTES))
        return secret, EndpointSecrets(secret).seal(self._secrets)

    def rotate(self, sealed: bytes, now: int) -> tuple[str, bytes]:
        """Return a new `whsec_…` and what is kept of it and the former one; raises `WrongSecretKey`."""
        secret = format_secret(self._random(SECRET_BYTES))
        present = EndpointSecrets.unseal(sealed, self._secrets)
        return secret, present.rotated(secret, now).seal(self._secrets)
