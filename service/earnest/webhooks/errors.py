"""What can be wrong with a webhook endpoint, below the one tree of `earnest.payment.errors`."""

from __future__ import annotations

from earnest.payment.errors import InvalidInput, Misconfigured, Unavailable


class InvalidWebhookUrl(InvalidInput):
    """The URL cannot be a webhook endpoint; `param` is always `url`."""

    code = "invalid_webhook_url"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, param="url")


class TargetRefused(InvalidWebhookUrl):
    """The endpoint's name leads to an address inside somebody's own network, where we do not post to."""

    code = "webhook_target_refused"


class TargetUnresolved(Unavailable):
    """The endpoint's name could not be resolved just now."""

    code = "webhook_target_unresolved"


class WrongSecretKey(Misconfigured):
    """What is encrypted in the database was encrypted with another `EARNEST_SECRET_KEY`."""

    code = "wrong_secret_key"


class InvalidSecretKey(Misconfigured):
    """`EARNEST_SECRET_KEY` is not one or more base64 keys of 32 bytes, parted by commas."""

    code = "invalid_secret_key"
