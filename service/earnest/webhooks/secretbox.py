"""What must not lie open in the database: webhook secrets, and stored answers that hold one."""

from __future__ import annotations

import base64
import binascii
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from earnest.webhooks.errors import InvalidSecretKey, WrongSecretKey

KEY_BYTES: Final = 32


class SecretBox:
    """Encrypts and decrypts with `EARNEST_SECRET_KEY`.

    Args:
        keys: one base64 key of 32 bytes, or several parted by commas: the first encrypts, all of them decrypt, so that
            a key can be replaced while what the old one wrote is still read.

    Raises:
        InvalidSecretKey: not such keys; the message never repeats them.

    Source: the Fernet spec (AES-128-CBC with HMAC-SHA256), as `cryptography` implements it.
    """

    def __init__(self, keys: str) -> None:
        self._fernet = MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in read_keys(keys)])

    def seal(self, plain: bytes) -> bytes:
        """Return `plain` encrypted and authenticated."""
        return self._fernet.encrypt(plain)

    def open(self, sealed: bytes) -> bytes:
        """Return what was sealed; raises `WrongSecretKey` if none of the keys fits, or if it was tampered with."""
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken:
            raise WrongSecretKey(
                "a secret in the database cannot be decrypted: EARNEST_SECRET_KEY is not the one it was encrypted with"
            ) from None

    def __repr__(self) -> str:
        """Show nothing of the keys."""
        return "SecretBox(…)"


def new_key(raw: bytes) -> str:
    """Return 32 random bytes in the form that `EARNEST_SECRET_KEY` takes."""
    if len(raw) != KEY_BYTES:
        raise InvalidSecretKey(f"a secret key has {KEY_BYTES} bytes, not {len(raw)}")
    return base64.urlsafe_b64encode(raw).decode()


def read_keys(keys: str) -> list[bytes]:
    """Return the keys that `EARNEST_SECRET_KEY` holds; raises `InvalidSecretKey`."""
    return [_read_key(key.strip()) for key in keys.split(",")]


def _read_key(key: str) -> bytes:
    try:
        raw = base64.b64decode(key.replace("-", "+").replace("_", "/") + "==", validate=False)
    except binascii.Error:
        raw = b""
    if len(raw) != KEY_BYTES:
        raise InvalidSecretKey(
            "EARNEST_SECRET_KEY must be 32 random bytes in base64 (several may stand there, parted by commas); "
            "make one with: openssl rand -base64 32"
        )
    return raw
