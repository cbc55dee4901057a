"""The test token knows both signature ways of real dollar tokens."""

from __future__ import annotations

from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount

from tests.contracts.conftest import Stage

OWNER: LocalAccount = Account.from_key("0x" + "61" * 32)


def _signature(stage: Stage, kind: str, fields: dict[str, str], message: dict[str, Any]) -> tuple[int, bytes, bytes]:
    domain = {
        "name": "Test Dollar",
        "version": "1",
        "chainId": stage.web3.eth.chain_id,
        "verifyingContract": stage.token.address,
    }
    types = {kind: [{"name": name, "type": type_} for name, type_ in fields.items()]}
    signed = OWNER.sign_typed_data(domain, types, message)
    return signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")


def test_token_is_a_dollar_with_six_decimals(stage: Stage) -> None:
    calls = stage.token.functions
    assert (calls.name().call(), calls.symbol().call(), calls.decimals().call()) == ("Test Dollar", "tUSD", 6)


def test_permit_gives_an_allowance_by_signature(stage: Stage) -> None:
    deadline = stage.now() + 100
    fields = {"owner": "address", "spender": "address", "value": "uint256", "nonce": "uint256", "deadline": "uint256"}
    message = {"owner": OWNER.address, "spender": stage.merchant, "value": 7, "nonce": 0, "deadline": deadline}
    signature = _signature(stage, "Permit", fields, message)
    permit = stage.token.functions.permit(OWNER.address, stage.merchant, 7, deadline, *signature)
    permit.transact({"from": stage.stranger})
    assert stage.token.functions.allowance(OWNER.address, stage.merchant).call() == 7


def test_receive_with_authorization_moves_money_by_signature_once(stage: Stage) -> None:
    stage.token.functions.mint(OWNER.address, 10).transact({"from": stage.stranger})
    nonce, until = b"\x07" * 32, stage.now() + 1000
    fields = {
        "from": "address",
        "to": "address",
        "value": "uint256",
        "validAfter": "uint256",
        "validBefore": "uint256",
        "nonce": "bytes32",
    }
    values = {
        "from": OWNER.address,
        "to": stage.merchant,
        "value": 4,
        "validAfter": 0,
        "validBefore": until,
        "nonce": nonce,
    }
    for kind, name in (
        ("ReceiveWithAuthorization", "receiveWithAuthorization"),
        ("TransferWithAuthorization", "transferWithAuthorization"),
    ):
        values["nonce"] = nonce = bytes([nonce[0] + 1]) * 32
        signature = _signature(stage, kind, fields, values)
        call = stage.token.get_function_by_signature(
            f"{name}(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)"
        )
        before = stage.tokens(stage.merchant)
        call(*values.values(), *signature).transact({"from": stage.merchant})
        assert stage.tokens(stage.merchant) - before == 4
        assert stage.token.functions.authorizationState(OWNER.address, nonce).call()
