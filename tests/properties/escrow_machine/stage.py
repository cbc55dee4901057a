"""The escrow with everything around it: tokens of three kinds, Permit2, and parties with money and allowances."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import Final

import pytest
from eth_abi.abi import decode

from earnest.escrow.artifact import Artifact, from_json
from earnest.payment.primitives import ZERO_ADDRESS, Address
from earnest.payment.typed_data import PERMIT2, Domain
from tests.properties.escrow_machine.cast import HOST, Cast, gather
from tests.support.counterparts import deploy_permit2
from tests.support.evm import Evm, call_data
from tests.support.solidity import creation_codes

START: Final = 1_800_000_000
RICHES: Final = 2**140
"""Base units of every token for each party at the beginning: more than any payment's amount."""
INFINITE: Final = 2**256 - 1
COIN: Final = ZERO_ADDRESS

_OF_TESTS: Final = (
    "test/support/BadTokens.sol:BlocklistToken",
    "test/support/counterparts/UsdtLikeToken.sol:UsdtLikeToken",
    "test/support/PartyWallet.sol:PartyWallet",
)


@dataclass(frozen=True)
class Stage:
    """What is deployed, and where.

    `dollar` takes signatures (EIP-2612, EIP-3009); `mute` returns nothing and looks at senders alone; `listed` has a
    blocklist for both ends of a transfer.
    """

    evm: Evm
    artifact: Artifact
    escrow: Address
    cast: Cast
    dollar: Address
    mute: Address
    listed: Address

    @cached_property
    def tokens(self) -> tuple[Address, ...]:
        return COIN, self.dollar, self.mute, self.listed

    @cached_property
    def dollar_domain(self) -> Domain:
        return Domain("Test Dollar", "1", self.evm.chain_id, self.dollar)

    def balance(self, token: Address, account: Address) -> int:
        if token == COIN:
            return self.evm.coin_of(account)
        return int(self.ask(token, call_data("balanceOf(address)", account), "uint256")[0])

    def ask(self, to: Address, data: bytes, *types: str) -> tuple[int, ...]:
        outcome = self.evm.call(HOST.address, to, data)
        assert outcome.succeeded, outcome
        return decode(types, outcome.output)


def build(evm: Evm, artifact: Artifact) -> Stage:
    """Deploy everything; `artifact` is the escrow that is looked at."""
    evm.give_coin(HOST.address, 10**30)
    listed_code, mute_code, wallet_code = creation_codes(*_OF_TESTS)
    dollar = from_json((files("earnest.localnet") / "artifacts" / "TestToken.json").read_text("utf-8"))
    try:
        deploy_permit2(evm, HOST)
    except FileNotFoundError:
        pytest.skip("MISSING: Permit2's code, which npm's packages of contracts/ bring")
    stage = Stage(
        evm=evm,
        artifact=artifact,
        escrow=evm.deploy(HOST, artifact.bytecode),
        cast=gather(evm, wallet_code),
        dollar=evm.deploy(HOST, dollar.bytecode),
        mute=evm.deploy(HOST, mute_code),
        listed=evm.deploy(HOST, listed_code),
    )
    for token, mint in ((stage.dollar, "mint"), (stage.mute, "issue"), (stage.listed, "mint")):
        for party in stage.cast:
            assert evm.transact(HOST, token, call_data(f"{mint}(address,uint256)", party.address, RICHES)).succeeded
            if party.name != "friend":
                for spender in (stage.escrow, PERMIT2):
                    approval = call_data("approve(address,uint256)", spender, INFINITE)
                    assert party.act(evm, token, approval).succeeded
    return stage
