"""The messages that wallets sign: their hashes are another implementation's too, and each binds its payment."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak as reference_keccak
from hypothesis import given
from hypothesis import strategies as st

from earnest.payment import typed_data
from earnest.payment.primitives import checksum_address, hash32
from earnest.payment.typed_data import Domain, TypedData
from tests.support.ledger import BUYER, ESCROW, PAYOUT, TOKEN

addresses = st.binary(min_size=20, max_size=20).map(lambda raw: checksum_address("0x" + raw.hex()))
hashes = st.binary(min_size=32, max_size=32).map(hash32)
uints = st.integers(0, 2**256 - 1)
chains = st.integers(1, 2**63)
domains = st.builds(
    Domain,
    name=st.text(max_size=40),
    version=st.none() | st.text(max_size=5),
    chain_id=chains,
    verifying_contract=addresses,
)

receipts = st.builds(typed_data.receipt, escrow=addresses, chain_id=chains, payment_id=hashes, buyer=addresses)
permits = st.builds(
    typed_data.permit, token=domains, owner=addresses, spender=addresses, amount=uints, nonce=uints, deadline=uints
)
authorizations = st.builds(
    typed_data.receive_with_authorization,
    token=domains,
    payer=addresses,
    escrow=addresses,
    amount=uints,
    payment_id=hashes,
    valid_after=uints,
    valid_before=uints,
)
transfers = st.builds(
    typed_data.permit_witness_transfer_from,
    chain_id=chains,
    escrow=addresses,
    token=addresses,
    amount=uints,
    payment_id=hashes,
    payer=addresses,
    buyer=addresses,
    nonce=uints,
    deadline=uints,
)


@given(st.one_of(receipts, permits, authorizations, transfers))
def test_the_digest_is_the_one_that_wallets_compute(message: TypedData) -> None:
    data = json.loads(json.dumps(message.as_json()))
    assert set(data) == {"domain", "types", "primaryType", "message"}
    signable = encode_typed_data(full_message=data)
    assert message.digest == hash32(reference_keccak(b"\x19" + signable.version + signable.header + signable.body))
    assert message.domain.separator == hash32(signable.header)


@pytest.mark.parametrize(
    ("message", "type_"),
    [
        (
            typed_data.receipt(ESCROW, 1, hash32(bytes(32)), BUYER),
            "Receipt(bytes32 id,address buyer)",
        ),
        (
            typed_data.permit(Domain("T", "1", 1, TOKEN), BUYER, ESCROW, 1, 2, 3),
            "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)",
        ),
        (
            typed_data.receive_with_authorization(
                Domain("T", "1", 1, TOKEN), BUYER, ESCROW, 1, hash32(bytes(32)), valid_after=0, valid_before=9
            ),
            "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,"
            "bytes32 nonce)",
        ),
        (
            typed_data.permit_witness_transfer_from(
                1, ESCROW, TOKEN, 1, hash32(bytes(32)), PAYOUT, BUYER, nonce=0, deadline=9
            ),
            "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,"
            "Funding witness)Funding(bytes32 id,address payer,address buyer)"
            "TokenPermissions(address token,uint256 amount)",
        ),
    ],
)
def test_the_types_are_those_of_the_contracts_that_check_them(message: TypedData, type_: str) -> None:
    """As EIP-2612, EIP-3009, Permit2's `PermitHash` and the escrow have them."""
    assert typed_data.encode_type(message.primary_type, message.types) == type_


def test_another_payment_buyer_chain_or_escrow_gives_another_receipt() -> None:
    one = typed_data.receipt(ESCROW, 1, hash32(bytes(32)), BUYER)
    others = [
        typed_data.receipt(ESCROW, 1, hash32(b"\x01" * 32), BUYER),
        typed_data.receipt(ESCROW, 1, hash32(bytes(32)), PAYOUT),
        typed_data.receipt(ESCROW, 2, hash32(bytes(32)), BUYER),
        typed_data.receipt(TOKEN, 1, hash32(bytes(32)), BUYER),
        replace(one, domain=replace(one.domain, version="2")),
    ]
    assert len({each.digest for each in [one, *others]}) == 6
