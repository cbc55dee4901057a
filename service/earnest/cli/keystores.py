"""A person's keystore: looked at before its password is asked for, so that nobody types one in vain."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from earnest.payment.errors import InvalidInput

if TYPE_CHECKING:
    from earnest.chain.signer import LocalSigner


def check_keystore(path: Path) -> None:
    """Check that a file can be read and may be a keystore; raises `InvalidInput` saying what it is instead."""
    try:
        with path.open("rb") as file:
            content = file.read(65_536)
    except OSError as error:
        raise InvalidInput(f"the keystore {path} cannot be read: {error.strerror}", param="--keystore") from None
    try:
        told = json.loads(content)
    except ValueError:
        told = None
    if not isinstance(told, dict) or not {"crypto", "Crypto"} & set(told):
        raise InvalidInput(f"{path} is no keystore (a JSON file with a `crypto` part)", param="--keystore")


def open_keystore(path: Path, variable: str) -> LocalSigner:
    """Open a keystore by the password in an environment variable, or by the one that is asked for.

    Raises:
        InvalidInput: it is no keystore, or cannot be read.
        WrongPassword, NotAKeystore: as named.
    """
    check_keystore(path)
    from earnest.chain.signer import LocalSigner  # noqa: PLC0415

    password = os.environ.get(variable) or typer.prompt("Password", hide_input=True, err=True)
    return LocalSigner.from_keystore(path, password)
