"""Who takes part, and how each acts: an account by its key, a contract by its owner's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from earnest.payment.primitives import ZERO_ADDRESS, Address, Hash32
from tests.support.evm import PLENTY_OF_GAS, Evm, Outcome, Signer, call_data


@dataclass(frozen=True)
class Party:
    """Someone with an address. Where it is a contract, `signer` owns it, and is nobody else."""

    name: str
    signer: Signer
    address: Address

    @property
    def is_wallet(self) -> bool:
        return self.address != self.signer.address

    def sign(self, digest: Hash32) -> bytes:
        return self.signer.sign(digest)

    def act(self, evm: Evm, to: Address, data: bytes, value: int = 0, gas: int = PLENTY_OF_GAS) -> Outcome:
        """Send a tx in the party's name; `gas` is the whole tx's."""
        return evm.transact(self.signer, *self._sent(to, data, value), gas)

    def would(self, evm: Evm, to: Address, data: bytes, value: int = 0) -> Outcome:
        """Try the same without leaving a trace."""
        return evm.call(self.signer.address, *self._sent(to, data, value))

    def _sent(self, to: Address, data: bytes, value: int) -> tuple[Address, bytes, int]:
        if not self.is_wallet:
            return to, data, value
        padding = bytes(-len(data) % 32)
        words = call_data("run(address,uint256,uint256,uint256)", to, value, 96, len(data))[4:]
        return self.address, _RUN + words + data + padding, 0


_RUN: Final = call_data("run(address,uint256,bytes)", ZERO_ADDRESS, 0, b"")[:4]

KEYS: Final = ("buyer", "merchant", "friend", "operator", "arbiter", "fees", "stranger")
"""Accounts with a key. The friend pays for others and has given no allowance; the stranger has money and allowances."""
WALLETS: Final = ("buyer wallet", "merchant wallet", "fees wallet")
"""Contracts that may close their door to coin."""
HOST: Final = Signer(0)
"""Deploys everything, and owns the tokens."""


@dataclass(frozen=True)
class Cast:
    """Every party by name, and by address."""

    parties: dict[str, Party]

    def __getitem__(self, name: str) -> Party:
        return self.parties[name]

    def __iter__(self) -> Iterator[Party]:
        return iter(self.parties.values())

    def at(self, address: Address) -> Party:
        return next(each for each in self if each.address == address)

    @property
    def wallets(self) -> list[Party]:
        return [each for each in self if each.is_wallet]


def gather(evm: Evm, wallet_code: bytes) -> Cast:
    """Return the whole cast, its wallets deployed and everyone rich in coin."""
    parties = {}
    for number, name in enumerate(KEYS, start=1):
        signer = Signer(number)
        parties[name] = Party(name, signer, signer.address)
    for number, name in enumerate(WALLETS, start=len(KEYS) + 1):
        owner = Signer(number)
        arguments = bytes(12) + bytes.fromhex(owner.address[2:])
        parties[name] = Party(name, owner, evm.deploy(HOST, wallet_code + arguments))
        evm.give_coin(owner.address, 10**24)
    for party in parties.values():
        evm.give_coin(party.address, 10**30)
    return Cast(parties)
