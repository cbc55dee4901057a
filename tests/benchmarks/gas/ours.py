"""The verbs of Earnest's escrow, as txs."""

from __future__ import annotations

from dataclasses import dataclass

from eth_abi.abi import encode
from eth_keys.datatypes import PrivateKey

from earnest.payment.primitives import ZERO_ADDRESS, keccak, to_bytes
from earnest.payment.terms import TERMS_ABI as TERMS
from earnest.payment.terms import Terms, payment_id
from tests.benchmarks.gas import compiled, signatures
from tests.benchmarks.gas.calls import Call, call_data
from tests.benchmarks.gas.chain import CHAIN_ID
from tests.benchmarks.gas.people import ARBITER, BUYER, MERCHANT, OPERATOR, RELAYER, address, address_of
from tests.benchmarks.gas.world import World

ALL = 2**256 - 1
FUNDING = b"Funding(bytes32 id,address payer,address buyer)"
WITNESS_TYPE = b"Funding witness)" + FUNDING + b"TokenPermissions(address token,uint256 amount)"
DOMAIN = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")


@dataclass(frozen=True)
class Ours:
    """Each method returns the tx of the verb that it is named after."""

    world: World

    @property
    def where(self) -> bytes:
        return self.world.escrow

    def id(self, terms: Terms) -> bytes:
        return to_bytes(payment_id(terms, CHAIN_ID, address(self.where)))

    def fund(self, terms: Terms, payer: PrivateKey = BUYER) -> Call:
        value = terms.amount if terms.token == ZERO_ADDRESS else 0
        return Call(payer, call_data(f"fund({TERMS},address)", terms.as_tuple(), address_of(payer)), value)

    def fund_with_permit(self, terms: Terms, payer: PrivateKey) -> Call:
        domain = self.world.domains[to_bytes(terms.token)]
        signed = signatures.permit(payer, domain, address(self.where), terms.amount, 1)
        arguments = (terms.as_tuple(), terms.buyer, signed.deadline, signed.v, signed.r, signed.s)
        return Call(payer, call_data(f"fundWithPermit({TERMS},address,uint256,uint8,bytes32,bytes32)", *arguments))

    def fund_with_authorization(self, terms: Terms, payer: PrivateKey = BUYER) -> Call:
        domain = self.world.domains[to_bytes(terms.token)]
        signed = signatures.authorization(payer, domain, address(self.where), terms.amount, self.id(terms))
        arguments = (terms.as_tuple(), terms.buyer, 0, signed.deadline, signed.packed)
        return Call(RELAYER, call_data(f"fundWithAuthorization({TERMS},address,uint256,uint256,bytes)", *arguments))

    def fund_with_permit2(self, terms: Terms, nonce: int = 1, payer: PrivateKey = BUYER) -> Call:
        struct = ["bytes32", "bytes32", "address", "address"]
        witness = keccak(encode(struct, [keccak(FUNDING), self.id(terms), terms.buyer, terms.buyer]))
        signed = signatures.permit2(
            payer,
            self.world.domains[compiled.PERMIT2],
            *(terms.token, terms.amount, address(self.where), nonce, (witness, WITNESS_TYPE)),
        )
        arguments = (terms.as_tuple(), terms.buyer, nonce, signed.deadline, signed.packed)
        return Call(RELAYER, call_data(f"fundWithPermit2({TERMS},address,uint256,uint256,bytes)", *arguments))

    def id_number(self, terms: Terms) -> int:
        return int.from_bytes(self.id(terms), "big")

    def pay_deposit(self, terms: Terms) -> Call:
        """Pay a payment's deposit address, as an exchange would."""
        deposit = self.world.ask(self.where, "depositAddressOf(bytes32)", self.id(terms))
        return Call(
            BUYER, call_data("transfer(address,uint256)", address(deposit[12:]), terms.amount), to=to_bytes(terms.token)
        )

    def collect(self, terms: Terms) -> Call:
        return Call(RELAYER, call_data(f"collect({TERMS},address)", terms.as_tuple(), terms.token))

    def confirm_delivery(self, terms: Terms) -> Call:
        return Call(OPERATOR, call_data(f"confirmDelivery({TERMS})", terms.as_tuple()))

    def release(self, terms: Terms, amount: int | None = None, sender: PrivateKey = BUYER, wait: int = 0) -> Call:
        part = terms.amount if amount is None else amount
        return Call(sender, call_data(f"release({TERMS},uint256)", terms.as_tuple(), part), 0, wait)

    def release_with_receipt(self, terms: Terms) -> Call:
        fields = [DOMAIN, keccak(b"Earnest Escrow"), keccak(b"1"), CHAIN_ID, address(self.where)]
        domain = keccak(encode(["bytes32", "bytes32", "bytes32", "uint256", "address"], fields))
        signature = signatures.receipt(BUYER, domain, self.id(terms))
        return Call(RELAYER, call_data(f"releaseWithReceipt({TERMS},bytes)", terms.as_tuple(), signature))

    def refund(self, terms: Terms, amount: int | None = None, sender: PrivateKey = MERCHANT) -> Call:
        part = terms.amount if amount is None else amount
        return Call(sender, call_data(f"refund({TERMS},uint256)", terms.as_tuple(), part))

    def reclaim(self, terms: Terms) -> Call:
        return Call(BUYER, call_data(f"reclaim({TERMS})", terms.as_tuple()), 0, terms.delivery_period)

    def dispute(self, terms: Terms) -> Call:
        return Call(BUYER, call_data(f"dispute({TERMS})", terms.as_tuple()))

    def resolve(self, terms: Terms) -> Call:
        half = terms.amount // 2
        arguments = (terms.as_tuple(), half, terms.amount - half)
        return Call(ARBITER, call_data(f"resolve({TERMS},uint256,uint256)", *arguments))

    def repay(self, terms: Terms, amount: int | None = None) -> Call:
        part = terms.amount if amount is None else amount
        value = terms.amount if terms.token == ZERO_ADDRESS else 0
        return Call(MERCHANT, call_data(f"repay({TERMS},uint256)", terms.as_tuple(), part), value)

    def release_many(self, terms: list[Terms], sender: PrivateKey = MERCHANT, wait: int | None = None) -> Call:
        waited = terms[0].dispute_window if wait is None else wait
        return Call(sender, self._many("releaseMany", terms), 0, waited)

    def confirm_delivery_many(self, terms: list[Terms]) -> Call:
        return Call(OPERATOR, self._many("confirmDeliveryMany", terms))

    def withdraw(self, account: str, token: str) -> Call:
        return Call(RELAYER, call_data("withdraw(address,address,uint256)", account, token, ALL))

    def _many(self, verb: str, terms: list[Terms]) -> bytes:
        items = [(each.buyer, each.amount, each.pay_by, to_bytes(each.order_hash)) for each in terms]
        return call_data(f"{verb}({TERMS},(address,uint256,uint40,bytes32)[])", terms[0].as_tuple(), items)
