"""Who and what is there when a story begins: the contracts, tokens, and people with money and allowances."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files

from earnest.chain.signer import LocalSigner
from earnest.escrow.artifact import from_json, load
from earnest.payment.money import Token
from earnest.payment.primitives import ZERO_ADDRESS, Address
from earnest.settings import FinalityRule, Network
from tests.support.evm import Signer, call_data
from tests.support.evm_revm import RevmChain

START = 1_800_000_000
RICHES = 2**120
INFINITE = 2**256 - 1
COIN = Token(ZERO_ADDRESS, "ETH", 18)

HOST, OPERATOR, ARBITER, FEES, STRANGER = (Signer(number) for number in range(5))
MERCHANTS = tuple(Signer(number) for number in range(10, 13))
BUYERS = tuple(Signer(number) for number in range(20, 24))
EVERYBODY = (OPERATOR, ARBITER, FEES, STRANGER, *MERCHANTS, *BUYERS)


@dataclass(frozen=True)
class World:
    """An EVM with the escrow and two tokens on it; the second one has a blocklist that anyone may write."""

    evm: RevmChain
    escrow: Address
    dollar: Address
    listed: Address

    @property
    def chain_id(self) -> int:
        return self.evm.chain_id

    @cached_property
    def tokens(self) -> tuple[Token, ...]:
        return COIN, Token(self.dollar, "tUSD", 6), Token(self.listed, "bUSD", 6)

    def network(self, finality: FinalityRule) -> Network:
        return Network(
            "memory", self.evm.chain_id, ("http://memory",), finality, 2, 0.1, COIN, self.tokens[1:], is_local=True
        )


def new_world() -> World:
    """Return a world of a story's own: this EVM bears a thousand snapshots, and each block takes one."""
    evm = RevmChain(START)
    evm.give_coin(HOST.address, 10**30)
    escrow, dollar, listed = (evm.deploy(HOST, code) for code in _codes())
    made = World(evm, escrow, dollar, listed)
    for person in EVERYBODY:
        evm.give_coin(person.address, 10**30)
        for token in (made.dollar, made.listed):
            minted = evm.transact(HOST, token, call_data("mint(address,uint256)", person.address, RICHES))
            allowed = evm.transact(person, token, call_data("approve(address,uint256)", made.escrow, INFINITE))
            assert minted.succeeded, minted
            assert allowed.succeeded, allowed
    evm.time = START
    return made


@cache
def _codes() -> tuple[bytes, ...]:
    folder = files("earnest.localnet") / "artifacts"
    tokens = (from_json((folder / f"{name}.json").read_text("utf-8")) for name in ("TestToken", "BlocklistToken"))
    return load("Escrow").bytecode, *(each.bytecode for each in tokens)


@cache
def operator_key() -> LocalSigner:
    return LocalSigner.from_key(OPERATOR.key.to_hex())
