"""The chain as the measured txs find it: everybody has some of everything, and what a first use costs is behind us."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from eth.vm.forks.prague import PragueVM
from eth_keys.datatypes import PrivateKey

from earnest.localnet.facts import DEPLOYMENT_PROXY
from earnest.localnet.genesis import DEPLOYMENT_PROXY_CODE
from tests.benchmarks.gas import compiled, signatures
from tests.benchmarks.gas.calls import Call, call_data
from tests.benchmarks.gas.chain import MeasuringChain, PyEvmChain, Sent
from tests.benchmarks.gas.people import (
    ARBITER,
    BUYER,
    EVERYBODY,
    MERCHANT,
    NEWCOMER,
    RELAYER,
    START,
    address,
    address_of,
    deployer,
)
from tests.support.counterparts import usdc_initialization

PLENTY = 10**15
UNLIMITED = 2**256 - 1
PICKY = bytes.fromhex("a1" * 20)
PICKY_CODE = bytes.fromhex("62030d405a10600a57005b5f5ffd")
"""A receiver of coin that reverts with less than 200,000 gas: no push reaches it, a withdrawal does."""
DEPLOYERS = {
    name: deployer(name)
    for name in ("escrow", "floor", "plain token", "token", "usdc library", "usdc implementation", "usdc")
}
KEYS = [*EVERYBODY, *DEPLOYERS.values()]
"""All who send txs, and so need coin."""
CODE = {bytes.fromhex(DEPLOYMENT_PROXY[2:]): DEPLOYMENT_PROXY_CODE, PICKY: PICKY_CODE}
"""What stands on the chain from the beginning."""


@dataclass
class World:
    """The chain and where everything stands on it."""

    chain: MeasuringChain
    escrow: bytes
    floor: bytes
    plain: bytes
    token: bytes
    usdc: bytes

    def send(self, call: Call, to: bytes) -> Sent:
        """Send a tx; `to` is the escrow that is measured."""
        self.chain.now += call.wait
        return self.chain.send(call.sender, call.to or to, call.data, call.value)

    def ask(self, to: bytes, signature: str, *arguments: object) -> bytes:
        """Return what a view answers, without a trace."""
        return self.chain.ask(to, call_data(signature, *arguments))

    @cached_property
    def domains(self) -> dict[bytes, bytes]:
        """The EIP-712 domain separators of those that check signatures."""
        return {each: self.ask(each, "DOMAIN_SEPARATOR()") for each in (self.token, self.usdc, compiled.PERMIT2)}


def py_evm(vm: type[PragueVM] = PragueVM) -> PyEvmChain:
    """Return a fresh chain for `furnish`, with the rules of `vm`."""
    return PyEvmChain(KEYS, CODE, START, vm)


def furnish(escrow_code: bytes, chain: MeasuringChain) -> World:
    """Deploy the escrow of this creating bytecode and all the others on a chain that has `KEYS` and `CODE`."""
    chain.send(RELAYER, bytes.fromhex(DEPLOYMENT_PROXY[2:]), compiled.PERMIT2_SALT + compiled.permit2())
    world = World(
        chain,
        escrow=_deploy(chain, DEPLOYERS["escrow"], escrow_code),
        floor=_deploy(chain, DEPLOYERS["floor"], compiled.floor()),
        plain=_deploy(chain, DEPLOYERS["plain token"], compiled.plain_token()),
        token=_deploy(chain, DEPLOYERS["token"], compiled.test_token()),
        usdc=_deploy_usdc(chain),
    )
    for holder in [*map(address_of, EVERYBODY), address(world.escrow), address(world.floor)]:
        for token in (world.plain, world.token):
            chain.send(RELAYER, token, call_data("mint(address,uint256)", holder, PLENTY))
        chain.send(ARBITER, world.usdc, call_data("mint(address,uint256)", holder, PLENTY))
    for spender in (world.escrow, world.floor, compiled.PERMIT2):
        for owner in (BUYER, MERCHANT):
            for token in (world.plain, world.token, world.usdc):
                chain.send(owner, token, call_data("approve(address,uint256)", address(spender), UNLIMITED))
    chain.send(BUYER, compiled.PERMIT2, call_data("invalidateUnorderedNonces(uint256,uint256)", 0, 1))
    _use_permit_once(world)
    return world


def _use_permit_once(world: World) -> None:
    owner, spender = address_of(NEWCOMER), address_of(RELAYER)
    signed = signatures.permit(NEWCOMER, world.domains[world.token], spender, 1, 0)
    data = call_data(
        "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)",
        *(owner, spender, 1, signed.deadline, signed.v, signed.r, signed.s),
    )
    world.chain.send(RELAYER, world.token, data)


def _deploy(chain: MeasuringChain, key: PrivateKey, code: bytes) -> bytes:
    return chain.send(key, b"", code).created


def _deploy_usdc(chain: MeasuringChain) -> bytes:
    """Deploy Circle's FiatTokenV2_2 behind its proxy; the arbiter, a stranger to the token, holds its offices."""
    library = _deploy(chain, DEPLOYERS["usdc library"], compiled.usdc("util/SignatureChecker"))
    code = compiled.usdc("v2/FiatTokenV2_2", library)
    implementation = _deploy(chain, DEPLOYERS["usdc implementation"], code)
    argument = bytes(12) + implementation
    usdc = _deploy(chain, DEPLOYERS["usdc"], compiled.usdc("v1/FiatTokenProxy") + argument)
    chain.send(DEPLOYERS["usdc"], usdc, call_data("changeAdmin(address)", "0x" + "ad" * 20))
    for signature, values in usdc_initialization(address_of(ARBITER)):
        chain.send(ARBITER, usdc, call_data(signature, *values))
    return usdc
