"""The sample merchant of the developer's stack: opened at the first start, and known to the commands after it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from earnest.payment.errors import InvalidInput
from earnest.settings import load_settings

if TYPE_CHECKING:
    from earnest.testing.merchants import MerchantAccount
    from earnest.testing.stack import LocalStack

FILE: Final = "sample-merchant.json"


def sample_merchant(stack: LocalStack) -> MerchantAccount:
    """Return the stack's sample account with a key that may do everything; opened at the first start, kept after it."""
    from earnest.testing.merchants import MerchantAccount, open_merchant  # noqa: PLC0415
    from earnest.testing.stack import write_private  # noqa: PLC0415
    from earnest.wiring import open_database  # noqa: PLC0415

    file = stack.data_dir / FILE
    if file.exists():
        return MerchantAccount(**json.loads(file.read_text()))
    url = {"database_url": stack.database_url} if stack.database_url else {}
    store = open_database(load_settings(data_dir=stack.data_dir, **url))
    try:
        account = open_merchant(store)
    finally:
        store.close()
    write_private(file, json.dumps(asdict(account)))
    return account


def known_key(given: str | None) -> str:
    """Return the key that was given, else the sample merchant's of the data folder; raises `InvalidInput`."""
    if given:
        return given
    file = load_settings().data_dir / FILE
    if not file.exists():
        raise InvalidInput(
            "this needs a merchant's API key: give it with --api-key or EARNEST_API_KEY "
            f"(the sample merchant's is in the data folder of `earnest dev`, and there is none in {file.parent})"
        )
    return str(json.loads(file.read_text())["api_key"])
