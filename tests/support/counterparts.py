"""The contracts of others that the escrow works with, as npm's packages ship them compiled: Permit2 and USDC.

They come with the packages of `contracts/package.json`; nothing of them is kept here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from eth_abi.abi import decode, encode

from earnest.escrow.create2 import PROXY, create2_address
from earnest.escrow.sources import contracts_dir
from earnest.payment.primitives import Address, Hash32, to_bytes
from earnest.payment.typed_data import PERMIT2, Domain
from tests.support.evm import Evm, Outcome, Signer, call_data

PERMIT2_SALT: Final = Hash32("0x0000000000000000000000000000000000000000d3af2663da51c10215000000")
"""Source: Permit2's authors, who looked for an address with leading zeros."""

_PACKAGES: Final = contracts_dir() / "node_modules"
_USDC: Final = _PACKAGES / "@offchainlabs" / "stablecoin-evm" / "artifacts" / "hardhat" / "contracts"
# Nobody's: whoever is the proxy's admin finds no token there, so it must be an account that no test uses.
_PROXY_ADMIN: Final = Address("0x00000000000000000000000000000000000000aD")
_NO_LIMIT: Final = 2**256 - 1


def permit2_code() -> bytes:
    """Return the creating bytecode of the true Permit2; its address, being the hash of it, proves it."""
    code = (_PACKAGES / "hardhat-predeploy" / "bin" / f"{PERMIT2}.bytecode").read_bytes()
    assert create2_address(code, PERMIT2_SALT) == PERMIT2
    return code


def usdc_code(name: str, library: Address | None = None) -> bytes:
    """Return the creating bytecode of one of USDC's contracts, such as `v2/FiatTokenV2_2`, with its library put in."""
    path = _USDC / f"{name}.sol" / f"{name.rpartition('/')[2]}.json"
    artifact = json.loads(path.read_text("utf-8"))
    code = bytearray.fromhex(artifact["bytecode"].removeprefix("0x").replace("$", "0").replace("_", "0"))
    for libraries in artifact["linkReferences"].values():
        for places in libraries.values():
            for place in places:
                assert library is not None, f"{name} calls a library"
                code[place["start"] : place["start"] + place["length"]] = to_bytes(library)
    return bytes(code)


def deploy_permit2(evm: Evm, sender: Signer) -> Address:
    """Put Permit2 at the address that it has on every chain, once, and return it."""
    if not evm.call(sender.address, PERMIT2, call_data("DOMAIN_SEPARATOR()")).output:
        assert evm.transact(sender, PROXY, to_bytes(PERMIT2_SALT) + permit2_code()).succeeded
    return PERMIT2


@dataclass(frozen=True)
class Usdc:
    """USDC (FiatTokenV2_2 behind its proxy), every office of which is held by `office`."""

    evm: Evm
    address: Address
    office: Signer

    @property
    def domain(self) -> Domain:
        """What its permits and authorizations are signed under."""
        return Domain("USD Coin", "2", self.evm.chain_id, self.address)

    def mint(self, account: Address, amount_base_units: int) -> None:
        self._rule("mint(address,uint256)", account, amount_base_units)

    def block(self, account: Address) -> None:
        self._rule("blacklist(address)", account)

    def unblock(self, account: Address) -> None:
        self._rule("unBlacklist(address)", account)

    def pause(self) -> None:
        self._rule("pause()")

    def unpause(self) -> None:
        self._rule("unpause()")

    def approve(self, owner: Signer, spender: Address, amount_base_units: int) -> None:
        assert self.send(owner, "approve(address,uint256)", spender, amount_base_units).succeeded

    def balance(self, account: Address) -> int:
        return self._number("balanceOf(address)", account)

    def permit_nonce(self, owner: Address) -> int:
        return self._number("nonces(address)", owner)

    def send(self, sender: Signer, signature: str, *values: object) -> Outcome:
        """Call any of its functions by its signature, such as `transfer(address,uint256)`."""
        return self.evm.transact(sender, self.address, call_data(signature, *values))

    def _rule(self, signature: str, *values: object) -> None:
        outcome = self.send(self.office, signature, *values)
        assert outcome.succeeded, outcome

    def _number(self, signature: str, *values: object) -> int:
        outcome = self.evm.call(self.office.address, self.address, call_data(signature, *values))
        assert outcome.succeeded, outcome
        return int(decode(["uint256"], outcome.output)[0])


def usdc_initialization(office: str) -> tuple[tuple[str, list[Any]], ...]:
    """Return the calls that make a fresh USDC what it is on Ethereum, by signature; one account holds all offices."""
    return (
        (
            "initialize(string,string,string,uint8,address,address,address,address)",
            ["USD Coin", "USDC", "USD", 6, *[office] * 4],
        ),
        ("initializeV2(string)", ["USD Coin"]),
        ("initializeV2_1(address)", [office]),
        ("initializeV2_2(address[],string)", [[], "USDC"]),
        ("configureMinter(address,uint256)", [office, _NO_LIMIT]),
    )


def deploy_usdc(evm: Evm, office: Signer) -> Usdc:
    """Deploy USDC as it stands on Ethereum: library, implementation, proxy, and every step of its initialization."""
    library = evm.deploy(office, usdc_code("util/SignatureChecker"))
    implementation = evm.deploy(office, usdc_code("v2/FiatTokenV2_2", library))
    proxy = evm.deploy(office, usdc_code("v1/FiatTokenProxy") + encode(["address"], [implementation]))
    usdc = Usdc(evm, proxy, office)
    for signature, values in (("changeAdmin(address)", [_PROXY_ADMIN]), *usdc_initialization(office.address)):
        outcome = usdc.send(office, signature, *values)
        assert outcome.succeeded, (signature, outcome)
    return usdc
