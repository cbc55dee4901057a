"""Secrets at rest, and signatures on what is sent."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from earnest.payment.errors import InvalidInput
from earnest.webhooks.endpoint_secrets import OVERLAP_SECONDS, EndpointSecrets
from earnest.webhooks.envelope import envelope, represent_notification
from earnest.webhooks.errors import InvalidSecretKey, WrongSecretKey
from earnest.webhooks.secretbox import SecretBox, new_key
from earnest.webhooks.signature import format_secret, parse_secret, signed_headers

# They differ in both halves: the first one signs, and without it one wrong key in 256 would pass by its padding.
KEY, OTHER = new_key(bytes(32)), new_key(bytes([1] * 32))
OLD, NEW = format_secret(b"o" * 32), format_secret(b"n" * 32)


@dataclass(frozen=True)
class Told:
    """A notification."""

    id: str
    payload: dict[str, Any]


@settings(deadline=None)
@given(st.binary(max_size=500))
def test_what_was_sealed_is_opened_and_cannot_be_read_before(plain: bytes) -> None:
    box = SecretBox(KEY)
    sealed = box.seal(plain)
    assert box.open(sealed) == plain
    assert len(plain) < 4 or plain not in sealed


def test_another_key_or_a_tampered_box_is_refused() -> None:
    sealed = SecretBox(KEY).seal(b"whsec")
    with pytest.raises(WrongSecretKey, match="EARNEST_SECRET_KEY"):
        SecretBox(OTHER).open(sealed)
    with pytest.raises(WrongSecretKey):
        SecretBox(KEY).open(sealed[:-3] + b"abc")


def test_a_replaced_key_still_opens_what_the_old_one_sealed() -> None:
    sealed = SecretBox(KEY).seal(b"x")
    both = SecretBox(f"{OTHER}, {KEY}")
    assert both.open(sealed) == b"x"
    assert SecretBox(OTHER).open(both.seal(b"y")) == b"y"


@pytest.mark.parametrize("key", ["", "short", "a" * 64, base64.b64encode(b"x" * 31).decode(), f"{KEY},"])
def test_what_is_no_key_is_refused_without_being_repeated(key: str) -> None:
    with pytest.raises(InvalidSecretKey) as refused:
        SecretBox(key)
    assert not key or key not in str(refused.value)


def test_keys_are_taken_in_both_base64_alphabets() -> None:
    raw = bytes([0xFB, 0xFF] * 16)
    for text in (base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode(), new_key(raw).rstrip("=")):
        assert SecretBox(text).open(SecretBox(new_key(raw)).seal(b"x")) == b"x"
    assert KEY not in repr(SecretBox(KEY))


@settings(deadline=None)
@given(st.binary(min_size=24, max_size=64))
def test_a_secret_is_whsec_and_base64(raw: bytes) -> None:
    secret = format_secret(raw)
    assert parse_secret(secret) == secret
    assert base64.b64decode(secret.removeprefix("whsec_")) == raw


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_x", "whsec_" + "!" * 40, base64.b64encode(b"x" * 32).decode()])
def test_what_is_no_secret_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_secret(text)


def test_any_standard_webhooks_library_verifies_our_signature() -> None:
    body = envelope(Told("msg_1", {"type": "payment.funded", "data": {"order": "Käse ✓"}}))
    headers = signed_headers([NEW], "msg_1", int(time.time()), body)
    assert Webhook(NEW).verify(body, headers)["id"] == "msg_1"
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(body + b" ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(body, headers)


def test_a_signature_is_that_of_the_specs_scheme() -> None:
    """The known value of the Standard Webhooks and Svix documentation, so that two wrongs do not make a right."""
    headers = signed_headers(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_during_a_rotation_both_secrets_verify_and_after_it_only_the_new_one() -> None:
    now = int(time.time())
    rotated = EndpointSecrets(OLD).rotated(NEW, now)
    headers = signed_headers(rotated.valid_at(now + OVERLAP_SECONDS - 1), "msg_1", now, b"{}")
    for secret in (OLD, NEW):
        Webhook(secret).verify(b"{}", headers)
    assert rotated.valid_at(now + OVERLAP_SECONDS) == [NEW]
    box = SecretBox(KEY)
    assert EndpointSecrets.unseal(rotated.seal(box), box) == rotated


def test_the_envelope_is_the_payload_with_its_id_and_the_same_bytes_each_time() -> None:
    told = Told("msg_1", {"type": "payment.funded", "timestamp": "2026-01-01T00:00:00Z", "data": {"id": "0xab"}})
    assert envelope(told) == envelope(told)
    assert json.loads(envelope(told)) == represent_notification(told) == {"id": "msg_1", **told.payload}
    assert b" " not in envelope(told)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
    max_leaves=10,
)


@settings(deadline=None)
@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), json_values))
def test_the_envelopes_bytes_are_those_of_the_standard_librarys_compact_json(payload: dict[str, Any]) -> None:
    """What was tried before an upgrade is the same bytes after it."""
    told = Told("msg_1", payload)
    compact = json.dumps({"id": told.id, **payload}, separators=(",", ":"), ensure_ascii=False)
    assert envelope(told) == compact.encode()
