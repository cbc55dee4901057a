"""Sign in to the merchant's desk by the wallet that is paid: a text is asked for, and what signed it is looked at.

Source: EIP-4361. The text is kept by its hash until it is taken, so that each is good once, here and for what it says.
"""

from __future__ import annotations

import hashlib
from typing import Final
from urllib.parse import urlsplit

from earnest.commands.errors import NotSignedIn
from earnest.commands.names import Random, strong_random
from earnest.commands.sessions import begin
from earnest.escrow.signatures import recover_text
from earnest.payment.primitives import Address
from earnest.payment.representation import rfc3339
from earnest.store import Store
from earnest.store.records import Session

NONCE_BYTES: Final = 16
ASKED_FOR_SECONDS: Final = 300
"""Time enough to find the phone with the wallet; an older signature is good for nothing."""


def ask_wallet(
    store: Store, wallet: Address, now: int, *, public_url: str, chain_id: int, random: Random = strong_random
) -> str:
    """Return the text that a wallet has to sign; it says nothing of whether the wallet is anybody's here.

    Args:
        store: the database.
        wallet: who is asked.
        now: wall time (Unix).
        public_url: how merchants reach the service, without a slash at the end.
        chain_id: the chain that the wallet is on.
        random: where the nonce comes from.
    """
    host = urlsplit(public_url).netloc
    text = (
        f"{host} wants you to sign in with your Ethereum account:\n{wallet}\n\n"
        "Sign in to the merchant's desk. Whoever has this signature can refund your buyers, confirm deliveries and "
        f"make API keys for a week; such a key lasts until it is revoked. Sign only at {host}.\n\n"
        f"URI: {public_url}/desk\nVersion: 1\nChain ID: {chain_id}\nNonce: {random(NONCE_BYTES).hex()}\n"
        f"Issued At: {rfc3339(now)}\nExpiration Time: {rfc3339(now + ASKED_FOR_SECONDS)}"
    )
    with store.transaction() as tx:
        tx.sessions.forget_ended(now)
        tx.sessions.ask(_hash(text), wallet, now + ASKED_FOR_SECONDS)
    return text


def sign_in_by_wallet(
    store: Store, text: str, signature: bytes, now: int, *, request_id: str | None = None
) -> tuple[str, Session]:
    """Begin a session by a signed text; returns what the browser keeps, shown this once.

    Raises:
        NotSignedIn: the text is none that was asked for, or was used or is too old; another key signed it; or not
            exactly one account here is paid to that wallet.
    """
    with store.transaction() as tx:
        wallet = tx.sessions.take(_hash(text), now)
    # Taken in a transaction of its own: a try that fails uses the text up too.
    if wallet is None or recover_text(text, signature) != wallet:
        raise NotSignedIn("this is no signature that was asked for")
    with store.transaction() as tx:
        accounts = tx.merchants.paid_to(wallet)
        if len(accounts) != 1:
            raise NotSignedIn("this wallet is not the one that exactly one account here is paid to; use an API key")
        return begin(tx, accounts[0].id, now, wallet=wallet, request_id=request_id)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
