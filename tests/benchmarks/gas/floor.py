"""The verbs of `Floor.yul`, as txs; each does what Earnest's verb of the same name does, and less."""

from __future__ import annotations

from dataclasses import dataclass

from eth_abi.abi import encode
from eth_keys.datatypes import PrivateKey

from earnest.payment.primitives import ZERO_ADDRESS, keccak, to_bytes
from earnest.payment.terms import Terms
from tests.benchmarks.gas import compiled, signatures
from tests.benchmarks.gas.calls import Call
from tests.benchmarks.gas.chain import CHAIN_ID
from tests.benchmarks.gas.people import BUYER, MERCHANT, RELAYER, START, address
from tests.benchmarks.gas.world import World

FUNDING = b"Funding(bytes32 id,address payer)"
WITNESS_TYPE = b"Funding witness)" + FUNDING + b"TokenPermissions(address token,uint256 amount)"
TERMS = ["address", "address", "address", "uint256", "uint40", "bytes32"]


@dataclass(frozen=True)
class Floor:
    """Each method returns the tx of the verb that it is named after."""

    world: World

    @property
    def where(self) -> bytes:
        return self.world.floor

    def id(self, terms: Terms) -> bytes:
        return keccak(_words(terms) + encode(["uint256", "address"], [CHAIN_ID, address(self.where)]))

    def fund(self, terms: Terms) -> Call:
        return Call(BUYER, _data(0xF1F1F101, terms), terms.amount if terms.token == ZERO_ADDRESS else 0)

    def fund_with_authorization(self, terms: Terms) -> Call:
        domain = self.world.domains[to_bytes(terms.token)]
        signed = signatures.authorization(BUYER, domain, address(self.where), terms.amount, self.id(terms))
        types = ["uint256", "uint8", "bytes32", "bytes32"]
        return Call(RELAYER, _data(0xF1F1F102, terms, types, signed.deadline, signed.v, signed.r, signed.s))

    def fund_with_permit(self, terms: Terms, payer: PrivateKey) -> Call:
        domain = self.world.domains[to_bytes(terms.token)]
        signed = signatures.permit(payer, domain, address(self.where), terms.amount, 1)
        types = ["uint256", "uint8", "bytes32", "bytes32"]
        return Call(payer, _data(0xF1F1F103, terms, types, signed.deadline, signed.v, signed.r, signed.s))

    def fund_with_permit2(self, terms: Terms, nonce: int | None = None) -> Call:
        """By default with the id as nonce, as the design's floor has it."""
        nonce = int.from_bytes(self.id(terms), "big") if nonce is None else nonce
        witness = keccak(encode(["bytes32", "bytes32", "address"], [keccak(FUNDING), self.id(terms), terms.buyer]))
        signed = signatures.permit2(
            BUYER,
            self.world.domains[compiled.PERMIT2],
            *(terms.token, terms.amount, address(self.where), nonce, (witness, WITNESS_TYPE)),
        )
        return Call(RELAYER, _data(0xF1F1F104, terms, ["uint256", "uint256"], nonce, signed.deadline) + signed.packed)

    def release(self, terms: Terms) -> Call:
        return Call(BUYER, _data(0xF1F1F105, terms))

    def refund(self, terms: Terms) -> Call:
        return Call(MERCHANT, _data(0xF1F1F106, terms))

    def reclaim(self, terms: Terms) -> Call:
        return Call(BUYER, _data(0xF1F1F107, terms), 0, terms.pay_by - START)

    def repay(self, terms: Terms) -> Call:
        return Call(MERCHANT, _data(0xF1F1F108, terms))

    def release_many(self, terms: list[Terms]) -> Call:
        items = [(each.buyer, each.amount, to_bytes(each.order_hash)) for each in terms]
        return Call(BUYER, _data(0xF1F1F109, terms[0], ["(address,uint256,bytes32)"] * len(items), *items))


def _words(terms: Terms) -> bytes:
    order = to_bytes(terms.order_hash)
    return encode(TERMS, [terms.buyer, terms.merchant, terms.token, terms.amount, terms.pay_by, order])


def _data(selector: int, terms: Terms, types: list[str] | None = None, *arguments: object) -> bytes:
    return selector.to_bytes(4, "big") + _words(terms) + encode(types or [], arguments)
