"""`eth_getProof` of the embedded chain, checked by the library that its own tries are made with."""

from __future__ import annotations

from typing import Any

import rlp  # type: ignore[import-untyped]
from eth_utils.crypto import keccak
from trie.hexary import HexaryTrie

from earnest.localnet.tokens import TEST_TOKEN_ADDRESS
from tests.unit.localnet.calls import ChainCalls, address_of


def raw(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def proven(root: str, key: bytes, nodes: list[str]) -> bytes:
    """What a list of nodes proves under a root."""
    found = HexaryTrie.get_from_proof(raw(root), keccak(key), [rlp.decode(raw(each)) for each in nodes])  # type: ignore[no-untyped-call]
    return bytes(found)


def proof(chain: ChainCalls, address: str, keys: list[str], at: str = "latest") -> dict[str, Any]:
    return dict(chain("eth_getProof", address, keys, at))


def test_an_account_is_proven_under_its_blocks_state_root(chain: ChainCalls) -> None:
    chain.send_coin()
    told = proof(chain, address_of(1), [])
    nonce, balance, storage, code = rlp.decode(
        proven(chain.block()["stateRoot"], raw(told["address"]), told["accountProof"])
    )
    assert int.from_bytes(nonce, "big") == int(told["nonce"], 16) == 1
    assert int.from_bytes(balance, "big") == int(told["balance"], 16) == chain.balance(address_of(1))
    assert ("0x" + storage.hex(), "0x" + code.hex()) == (told["storageHash"], told["codeHash"])


def test_a_slot_is_proven_under_its_accounts_storage_root(chain: ChainCalls) -> None:
    slots = [f"0x{number:064x}" for number in range(4)]
    told = proof(chain, TEST_TOKEN_ADDRESS, slots)
    for key, each in zip(slots, told["storageProof"], strict=True):
        value = proven(told["storageHash"], raw(key), each["proof"])
        assert each["key"] == key
        assert int(each["value"], 16) == int(chain("eth_getStorageAt", TEST_TOKEN_ADDRESS, key, "latest"), 16)
        assert (int.from_bytes(rlp.decode(value), "big") if value else 0) == int(each["value"], 16)
    assert any(int(each["value"], 16) for each in told["storageProof"])


def test_a_proof_of_an_older_block_stays_what_it_was(chain: ChainCalls) -> None:
    before, height = proof(chain, address_of(1), []), hex(chain.height())
    chain.send_coin()
    assert proof(chain, address_of(1), []) != before
    assert proof(chain, address_of(1), [], height) == before


def test_what_is_empty_is_proven_to_be_so(chain: ChainCalls) -> None:
    nobody = "0x" + "77" * 20
    told = proof(chain, nobody, ["0x1"])
    assert proven(chain.block()["stateRoot"], raw(nobody), told["accountProof"]) == b""
    assert (told["balance"], told["nonce"], told["storageProof"]) == (
        "0x0",
        "0x0",
        [{"key": "0x1", "value": "0x0", "proof": []}],
    )


def test_what_cannot_be_a_question_is_refused(chain: ChainCalls) -> None:
    for bad in ([], ["0x12", []], [TEST_TOKEN_ADDRESS], [TEST_TOKEN_ADDRESS, "0x0"], [TEST_TOKEN_ADDRESS, ["x"]]):
        assert chain.error("eth_getProof", *bad).code == -32602
    assert chain.error("eth_getProof", TEST_TOKEN_ADDRESS, ["0x0"] * 1_025).code == -32602
