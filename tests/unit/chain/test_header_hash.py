"""Given headers as nodes tell them, when their hashes are recomputed, then no field can be another than the chain's."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earnest.chain.header_hash import RawHeader, bloom_in, fits_its_hash, sealed
from earnest.chain.proofs import rlp
from earnest.chain.proofs.told import ToldHeader, header_bytes
from earnest.payment.primitives import hash32, keccak
from earnest.testing.sealed_headers import sealed_header

MAINNET = {
    # Block 1 of Ethereum, as any node tells it.
    "difficulty": "0x3ff800000",
    "extraData": "0x476574682f76312e302e302f6c696e75782f676f312e342e32",
    "gasLimit": "0x1388",
    "gasUsed": "0x0",
    "hash": "0x88e96d4537bea4d9c05d12549907b32561d3bf31f45aae734cdc119f13406cb6",
    "logsBloom": "0x" + "0" * 512,
    "miner": "0x05a56e2d52c817161883f50c441c3228cfe54d9f",
    "mixHash": "0x969b900de27b6ac6a67742365dd65f55a0526c41fd18e1b16f1a1215c2e66f59",
    "nonce": "0x539bd4979fef1ec4",
    "number": "0x1",
    "parentHash": "0xd4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3",
    "receiptsRoot": "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421",
    "sha3Uncles": "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347",
    "stateRoot": "0xd67e4d450343046425ae4271474353857ab860dbc0a1dde64b41b5cd3a532bf3",
    "timestamp": "0x55ba4224",
    "transactionsRoot": "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421",
}
ORDER = [
    *("parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom", "difficulty"),
    *("number", "gasLimit", "gasUsed", "timestamp", "extraData", "mixHash", "nonce", "baseFeePerGas"),
    *("withdrawalsRoot", "blobGasUsed", "excessBlobGas", "parentBeaconBlockRoot", "requestsHash"),
]
NUMBERS = {"difficulty", "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas", "blobGasUsed", "excessBlobGas"}
SIZES = {"miner": 20, "logsBloom": 256, "nonce": 8}
FORMS = (15, 16, 17, 19, 20, 21)
"""How many fields headers had: from the first block on, since London, Shanghai, Cancun (two steps), Prague."""

numbers = st.integers(0, 2**64 - 1) | st.sampled_from([0, 1, 0x7F, 0x80, 0xFF, 0x100, 2**256 - 1])


def _value(name: str) -> st.SearchStrategy[bytes]:
    if name in NUMBERS:
        return numbers.map(rlp.encode_int)
    if name == "extraData":
        return st.binary(max_size=32) | st.binary(min_size=50, max_size=300)
    size = SIZES.get(name, 32)
    return st.binary(min_size=size, max_size=size)


@st.composite
def headers(draw: st.DrawFn) -> dict[str, str]:
    """Any header in any of the forms, with its hash by the book."""
    names = ORDER[: draw(st.sampled_from(FORMS))]
    values = {name: draw(_value(name)) for name in names}
    told = {name: hex(int.from_bytes(raw)) if name in NUMBERS else "0x" + raw.hex() for name, raw in values.items()}
    return told | {"hash": hash32(keccak(rlp.encode(list(values.values()))))}


def fits(told: dict[str, Any]) -> bool:
    return fits_its_hash(msgspec.convert(told, RawHeader))


def test_a_block_of_the_main_chain_fits() -> None:
    assert fits(MAINNET)


@given(headers())
def test_every_header_of_every_form_fits(told: dict[str, str]) -> None:
    assert fits(told)


@given(headers())
def test_the_bloom_is_found_among_the_fields_of_every_form(told: dict[str, str]) -> None:
    encoded = sealed(msgspec.convert(told, RawHeader))
    assert encoded is not None
    assert bloom_in(encoded) == int(told["logsBloom"], 16)


@given(headers(), st.data())
def test_one_altered_field_does_not_fit(told: dict[str, str], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([each for each in told if each != "hash"]))
    other = data.draw(_value(name).filter(lambda raw: int.from_bytes(raw) != int(told[name] + "0", 16) >> 4))
    told[name] = hex(int.from_bytes(other)) if name in NUMBERS else "0x" + other.hex()
    assert not fits(told)


@given(headers(), st.data())
def test_a_field_left_out_does_not_fit(told: dict[str, str], data: st.DataObject) -> None:
    del told[data.draw(st.sampled_from([each for each in told if each not in ("hash", *_NEEDED)]))]
    assert not fits(told)


def test_extra_data_left_out_does_not_fit_even_where_it_is_empty() -> None:
    fields = {name: "0x" + "00" * SIZES.get(name, 32) for name in ORDER[:15]}
    fields |= dict.fromkeys(NUMBERS & fields.keys(), "0x0") | {"extraData": "0x"}
    raw = [b"" if each in ("0x0", "0x") else bytes.fromhex(each[2:]) for each in fields.values()]
    told = fields | {"hash": hash32(keccak(rlp.encode(raw)))}
    assert fits(told)
    del told["extraData"]
    assert not fits(told)


_NEEDED = ("number", "parentHash", "timestamp", "logsBloom")


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("number", "0x01"),
        ("gasLimit", "0x001388"),
        ("difficulty", "0x03FF800000"),
        ("stateRoot", "0xD67E4D450343046425AE4271474353857AB860DBC0A1DDE64B41B5CD3A532BF3"),
        ("hash", "0x88E96D4537BEA4D9C05D12549907B32561D3BF31F45AAE734CDC119F13406CB6"),
        ("withdrawalsRoot", None),
        ("baseFeePerGas", "0x7"),  # told by some nodes of blocks that were hashed without it
    ],
)
def test_the_same_field_written_otherwise_fits(field: str, told: str | None) -> None:
    assert fits(MAINNET | {field: told})


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("logsBloom", "0x" + "0" * 510),
        ("logsBloom", "0x" + "0" * 508 + "  00"),
        ("logsBloom", "0x" + "0" * 511 + "_"),
        ("miner", "0x05a56e2d52c817161883f50c441c3228cfe54d9"),
        ("gasUsed", "0x"),
        ("gasUsed", "nothing"),
        ("gasUsed", "0x" + "f" * 65),
        ("extraData", "0x4"),
        ("hash", "0x"),
        ("hash", "0xzz"),
        ("hash", "0x" + "0" * 64),
    ],
)
def test_what_is_no_such_field_does_not_fit(field: str, told: str) -> None:
    assert not fits(MAINNET | {field: told})


def test_a_header_that_is_none_does_not_even_fit_the_hash_of_nothing() -> None:
    nothing = hash32(keccak(b""))
    assert not fits(MAINNET | {"logsBloom": "0x" + "0" * 511 + "_", "hash": nothing})
    assert not fits(MAINNET | {"extraData": "0x" + "00" * 66_000, "hash": nothing})


def test_no_field_can_begin_where_another_ends() -> None:
    """The bloom's last byte and the difficulty's own could be told apart otherwise, with the bytes still the same."""
    told = sealed_header(7, hash32(bytes(32)), 1, bloom=0x80)
    assert fits(told)
    shifted = told | {"logsBloom": told["logsBloom"][:-2], "difficulty": "0x80"}
    assert not fits(shifted)


def test_the_fakes_headers_are_what_the_proofs_take_for_headers() -> None:
    told = sealed_header(7, hash32(b"\x01" * 32), 1_700_000_000, 1 << 9, salt=b"x")
    assert fits(told)
    assert header_bytes(msgspec.convert(told | {"transactions": []}, ToldHeader)).hash == told["hash"]
