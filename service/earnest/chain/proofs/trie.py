"""Merkle-Patricia tries: the root of a set of values, the nodes that prove one of them, and the check of such nodes.

A node is RLP: a leaf or an extension (two items: path, then value or child) or a branch (seventeen: sixteen children,
then a value). A child shorter than 32 bytes stands in its parent whole, any other by its hash. Source: Ethereum's
yellow paper, appendix D.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from earnest.chain.proofs import rlp
from earnest.payment.primitives import keccak

EMPTY_ROOT: Final = keccak(rlp.encode(b""))

_Leaf = tuple[str, bytes]
"""A path, in hexadecimal digits, and the value at its end."""
_NOTHING: Final = rlp.encode(b"")


class NotInTrie(ValueError):
    """The nodes do not lead from the root to a value under the key."""


class Trie:
    """A trie over all its values at once.

    Args:
        values: by key; no key may be the beginning of another one, and no value may be empty.
    """

    def __init__(self, values: Mapping[bytes, bytes]) -> None:
        self._nodes: dict[bytes, bytes] = {}
        leaves = sorted((key.hex(), value) for key, value in values.items())
        root = self._node(leaves, 0) if leaves else _NOTHING
        self.root = keccak(root)
        self._nodes[self.root] = root

    def prove(self, key: bytes) -> list[bytes]:
        """Return the nodes from the root to the key's value; raises `NotInTrie` if it has none."""
        return used_nodes(self.root, key, self._nodes)

    def _node(self, leaves: Sequence[_Leaf], depth: int) -> bytes:
        """Return the encoding of the node above these leaves, which share their paths up to `depth`."""
        first, value = leaves[0]
        if len(leaves) == 1:
            return rlp.encode([_packed(first[depth:], is_leaf=True), value])
        # Sorted, so what the first and the last share, all share.
        shared = _shared(first, leaves[-1][0], depth)
        if shared > depth:
            path = rlp.encode(_packed(first[depth:shared], is_leaf=False))
            return rlp.encode_list(path + self._child(leaves, shared))
        children = [_NOTHING] * 17
        start = 0
        for end in range(1, len(leaves) + 1):
            if end == len(leaves) or leaves[end][0][depth] != leaves[start][0][depth]:
                children[int(leaves[start][0][depth], 16)] = self._child(leaves[start:end], depth + 1)
                start = end
        return rlp.encode_list(b"".join(children))

    def _child(self, leaves: Sequence[_Leaf], depth: int) -> bytes:
        """Return what stands for a node in the one above it, encoded."""
        encoded = self._node(leaves, depth)
        if len(encoded) < 32:
            return encoded
        digest = keccak(encoded)
        self._nodes[digest] = encoded
        return rlp.encode(digest)


def used_nodes(root: bytes, key: bytes, nodes: Mapping[bytes, bytes]) -> list[bytes]:
    """Return, out of nodes by their hashes, those on the way from the root to the key's value, in order.

    Raises:
        NotInTrie: one is missing, or the way ends elsewhere.
    """
    used: list[bytes] = []
    _walk(root, key, nodes, used)
    return used


def check_nodes(root: bytes, key: bytes, nodes: Sequence[bytes]) -> bytes:
    """Return the value under the key, which these nodes, from the root on and no others, prove.

    Raises:
        NotInTrie: they do not, or some of them are not needed, or stand in another order.
    """
    used: list[bytes] = []
    value = _walk(root, key, {keccak(each): each for each in nodes}, used)
    if used != list(nodes):
        raise NotInTrie("there are nodes that do not belong to the proof")
    return value


def _walk(root: bytes, key: bytes, nodes: Mapping[bytes, bytes], used: list[bytes]) -> bytes:
    path = _nibbles(key)
    child: rlp.Item = root
    while child != b"":
        if isinstance(child, bytes):
            if child not in nodes:
                raise NotInTrie(f"node {len(used)} of the proof does not hash to 0x{child.hex()}")
            used.append(nodes[child])
            child = _decoded(nodes[child], len(used) - 1)
        node: Sequence[rlp.Item] = child
        if len(node) == 17:
            if not path:
                return _value(node[16])
            child, path = node[path[0]], path[1:]
        elif len(node) == 2:
            part, is_leaf = _unpacked(node[0])
            if path[: len(part)] != part or (is_leaf and len(path) != len(part)):
                raise NotInTrie("the key leads elsewhere: the trie has no such value")
            if is_leaf:
                return _value(node[1])
            child, path = node[1], path[len(part) :]
        else:
            raise NotInTrie(f"node {len(used) - 1} of the proof is no node of a trie")
    raise NotInTrie("the key leads nowhere: the trie has no such value")


def _decoded(encoded: bytes, place: int) -> Sequence[rlp.Item]:
    try:
        node = rlp.decode(encoded)
    except rlp.NotRlp as error:
        raise NotInTrie(f"node {place} of the proof is no RLP: {error}") from error
    if isinstance(node, bytes):
        raise NotInTrie(f"node {place} of the proof is no node of a trie")
    return node


def _value(item: rlp.Item) -> bytes:
    if not isinstance(item, bytes) or not item:
        raise NotInTrie("there is no value at the end of the proof")
    return item


def _nibbles(key: bytes) -> bytes:
    return bytes(nibble for byte in key for nibble in (byte >> 4, byte & 15))


def _shared(one: str, other: str, start: int) -> int:
    """Return up to which digit two paths are the same."""
    at = start
    while at < min(len(one), len(other)) and one[at] == other[at]:
        at += 1
    return at


def _packed(path: str, *, is_leaf: bool) -> bytes:
    """Return a path as it stands in a node: a flag for leaves, another for odd lengths."""
    odd = len(path) % 2
    return bytes.fromhex(f"{2 * is_leaf + odd}{'' if odd else '0'}{path}")


def _unpacked(item: rlp.Item) -> tuple[bytes, bool]:
    if not isinstance(item, bytes) or not item or item[0] >> 4 > 3 or (not item[0] & 16 and item[0] & 15):
        raise NotInTrie("a node's path is not in its one form")
    nibbles = _nibbles(item)
    return nibbles[1 if nibbles[0] & 1 else 2 :], nibbles[0] >= 2
