"""Tries beside the library that the embedded chain builds its own with, and proofs that do not hold."""

from __future__ import annotations

from contextlib import suppress

import pytest
import rlp as library  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st
from trie.hexary import HexaryTrie

from earnest.chain.proofs import rlp
from earnest.chain.proofs.told import trie_key
from earnest.chain.proofs.trie import EMPTY_ROOT, NotInTrie, Trie, check_nodes, used_nodes
from earnest.payment.primitives import keccak

VALUES = st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=300)
HASHED = st.dictionaries(st.binary(min_size=2, max_size=2), st.binary(min_size=1, max_size=40), min_size=1, max_size=80)


def receipts(values: list[bytes]) -> dict[bytes, bytes]:
    """Values under the keys of a receipts trie."""
    return {trie_key(index): value for index, value in enumerate(values)}


@given(st.one_of(VALUES.map(receipts), HASHED))
def test_the_root_is_the_librarys_and_every_value_is_proven(values: dict[bytes, bytes]) -> None:
    theirs = HexaryTrie({})
    for key, value in values.items():
        theirs[key] = value
    ours = Trie(values)
    assert ours.root == theirs.root_hash
    for key, value in values.items():
        nodes = ours.prove(key)
        assert check_nodes(ours.root, key, nodes) == value
        decoded = [library.decode(each) for each in nodes]
        assert HexaryTrie.get_from_proof(ours.root, key, decoded) == value  # type: ignore[no-untyped-call]


def test_an_empty_trie_has_the_well_known_root() -> None:
    assert Trie({}).root == EMPTY_ROOT
    assert EMPTY_ROOT.hex() == "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
    with pytest.raises(NotInTrie):
        Trie({}).prove(b"\x80")


@given(VALUES, st.data())
def test_a_changed_node_proves_nothing(values: list[bytes], data: st.DataObject) -> None:
    trie = Trie(receipts(values))
    key = trie_key(data.draw(st.integers(0, len(values) - 1)))
    nodes = trie.prove(key)
    place = data.draw(st.integers(0, len(nodes) - 1))
    at = data.draw(st.integers(0, len(nodes[place]) - 1))
    changed = bytearray(nodes[place])
    changed[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(NotInTrie):
        check_nodes(trie.root, key, [*nodes[:place], bytes(changed), *nodes[place + 1 :]])


@given(VALUES, st.integers(0, 1_000))
def test_anothers_nodes_prove_nothing_but_a_value_that_lies_in_them(values: list[bytes], other: int) -> None:
    trie = Trie(receipts(values))
    nodes = trie.prove(trie_key(0))
    try:
        proven = check_nodes(trie.root, trie_key(other), nodes)
    except NotInTrie:
        assert other > 0
    else:
        # Values of a few bytes stand in their parent's node itself, and so in the proofs of their neighbours.
        assert proven == values[other]
        assert other == 0 or len(values[other]) < 32


@given(VALUES, st.integers(0, 1_000))
def test_a_value_that_is_not_there_is_not_proven_by_anothers_nodes(values: list[bytes], beyond: int) -> None:
    trie = Trie(receipts(values))
    with pytest.raises(NotInTrie):
        check_nodes(trie.root, trie_key(len(values) + beyond), trie.prove(trie_key(0)))


def test_nodes_too_many_too_few_twice_or_in_another_order_prove_nothing() -> None:
    trie = Trie(receipts([bytes([number % 250 + 1]) * 40 for number in range(200)]))
    key = trie_key(150)
    nodes = trie.prove(key)
    assert len(nodes) > 2
    for wrong in ([], nodes[1:], nodes[:-1], nodes[::-1], [*nodes, nodes[-1]], [*nodes, rlp.encode([b"\x20", b"x"])]):
        with pytest.raises(NotInTrie):
            check_nodes(trie.root, key, wrong)
    superfluous = {keccak(each): each for each in [*nodes, b"\xc0"]}
    assert used_nodes(trie.root, key, superfluous) == nodes


@given(st.recursive(st.binary(max_size=40), lambda inner: st.lists(inner, max_size=17), max_leaves=60))
def test_whatever_hashes_to_the_root_is_read_or_refused_and_nothing_else_happens(item: rlp.Item) -> None:
    node = rlp.encode(item)
    for key in (b"", b"\x80", b"\x12\x34"):
        with suppress(NotInTrie):
            check_nodes(keccak(node), key, [node])
