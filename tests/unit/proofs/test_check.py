"""A proof holds as it was made, and any change to it is found, in the layer in which it was made."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from earnest.api.schemas.proof import PaymentProof
from earnest.chain.proofs import form
from earnest.chain.proofs.check import Proven, check_proof
from earnest.chain.proofs.errors import Layer, ProofBroken
from earnest.payment.status import Status

LAYERS: dict[str, set[Layer]] = {
    "object": {Layer.FORM},
    "format": {Layer.FORM},
    "chain": {Layer.TERMS},
    "escrow": {Layer.TERMS},
    "payment_id": {Layer.TERMS},
    "terms": {Layer.TERMS},
    "blocks": {Layer.HEADER},
    "receipts": {Layer.RECEIPT},
    "events": {Layer.LOG, Layer.EVENT},
    "payment": {Layer.FOLD},
    "state": {Layer.STORAGE},
    "why_no_state": {Layer.FORM},
}
"""Where a change to a part of the document has to be found."""
# The document is the same for all examples, since checking it changes nothing.
SHARED = settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])


def leaves(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths to all strings and numbers of a document."""
    if isinstance(node, dict):
        return [leaf for name, each in node.items() for leaf in leaves(each, (*path, name))]
    if isinstance(node, list):
        return [leaf for place, each in enumerate(node) for leaf in leaves(each, (*path, place))]
    return [] if node is None else [path]


def lists(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths to all lists of a document that are not empty."""
    if isinstance(node, dict):
        return [found for name, each in node.items() for found in lists(each, (*path, name))]
    if not isinstance(node, list) or not node:
        return []
    return [path, *(found for place, each in enumerate(node) for found in lists(each, (*path, place)))]


def changed(content: bytes, path: tuple[Any, ...], change: Callable[[Any], Any]) -> bytes:
    """The document with one part changed."""
    whole = json.loads(content)
    node = whole
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = change(node[path[-1]])
    return json.dumps(whole).encode()


def broken(content: bytes) -> ProofBroken:
    with pytest.raises(ProofBroken) as caught:
        check_proof(content)
    return caught.value


def checked(content: bytes) -> tuple[Proven, list[Layer]]:
    layers: list[Layer] = []
    return check_proof(content, lambda layer, _what: layers.append(layer)), layers


def test_a_whole_life_is_proven_layer_by_layer(life: bytes) -> None:
    proven, layers = checked(life)
    assert (proven.state.status, proven.state.seq, len(proven.blocks)) == (Status.RELEASED, 5, 5)
    assert proven.current_at == proven.blocks[-1]
    assert layers == [
        *(Layer.FORM, Layer.TERMS, *[Layer.HEADER] * 5, *[Layer.RECEIPT] * 5, *[Layer.EVENT] * 5),
        *(Layer.FOLD, Layer.STORAGE),
    ]


def test_two_events_of_one_tx_rest_on_one_receipt(at_once: bytes) -> None:
    proven, layers = checked(at_once)
    assert (proven.state.status, proven.state.seq) == (Status.RELEASED, 3)
    assert (layers.count(Layer.RECEIPT), layers.count(Layer.EVENT)) == (2, 3)


def test_a_proof_is_as_the_api_describes_it_and_names_no_order(life: bytes) -> None:
    whole = json.loads(life)
    assert PaymentProof.model_validate(whole).model_dump(mode="json") == whole
    assert "order_reference" not in life.decode()


@SHARED
@given(st.data())
def test_a_changed_character_anywhere_is_found_in_its_layer(life: bytes, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(leaves(json.loads(life))))

    def change(value: Any) -> Any:
        if isinstance(value, int):
            return value + data.draw(st.integers(-(2**62), 2**62).filter(bool))
        at = data.draw(st.integers(0, len(value) - 1))
        put = data.draw(st.sampled_from("0123456789abcdefABCDEFxX .-_:é\x00").filter(lambda char: char != value[at]))
        return value[:at] + put + value[at + 1 :]

    assert broken(changed(life, path, change)).layer in LAYERS[path[0]], path


@SHARED
@given(st.data())
def test_a_flipped_byte_of_the_file_is_found_or_changes_nothing_that_is_said(life: bytes, data: st.DataObject) -> None:
    at, mask = data.draw(st.integers(0, len(life) - 1)), data.draw(st.integers(1, 255))
    flipped = life[:at] + bytes([life[at] ^ mask]) + life[at + 1 :]
    try:
        check_proof(flipped)
    except ProofBroken:
        return
    assert form.read(flipped) == form.read(life)


@SHARED
@given(st.data())
def test_nothing_may_be_left_out_doubled_or_put_in_another_order(life: bytes, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(lists(json.loads(life))))

    def change(items: list[Any]) -> list[Any]:
        at = data.draw(st.integers(0, len(items) - 1))
        ways = [items[:at] + items[at + 1 :], [*items[: at + 1], *items[at:]], items[::-1], []]
        return data.draw(st.sampled_from([way for way in ways if way != items]))

    broken(changed(life, path, change))


@SHARED
@given(st.data())
def test_a_field_that_is_missing_or_unknown_is_a_broken_form(life: bytes, data: st.DataObject) -> None:
    whole = json.loads(life)
    place = data.draw(st.sampled_from(["", "payment", "state", "blocks", "receipts", "events"]))
    part = whole[place] if place else whole
    part = part[0] if isinstance(part, list) else part
    if data.draw(st.booleans()):
        part["note"] = "trust me"
    else:
        del part[data.draw(st.sampled_from(sorted(part)))]
    assert broken(json.dumps(whole).encode()).layer is Layer.FORM


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b'"proof"',
        b"{",
        b"\xff\xfe{}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"object": "payment_proof", "format": 2}',
        b" " * (form.MAX_PROOF_BYTES + 1),
    ],
    ids=["nothing", "null", "list", "text", "truncated", "no text", "deep", "deeper", "newer", "giant"],
)
def test_what_is_no_proof_is_refused_in_a_sentence(content: bytes) -> None:
    error = broken(content)
    assert error.layer is Layer.FORM
    assert len(str(error)) < 400


@pytest.mark.parametrize("wrong", [None, True, 1.5, {}, [], "x", -1, 10**30])
def test_a_value_of_another_type_is_refused_wherever_it_stands(life: bytes, wrong: Any) -> None:
    for path in leaves(json.loads(life)):
        broken(changed(life, path, lambda _value: wrong))


def test_a_truncated_file_is_refused_wherever_it_ends(life: bytes) -> None:
    for end in range(0, len(life) - 1, 97):
        assert broken(life[:end]).layer is Layer.FORM
