"""The real escrow in an EVM inside this process, shops that sell, and people with money."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Final

from eth_abi.abi import encode

from earnest.escrow.artifact import from_json, load
from earnest.escrow.txs import selector
from earnest.payment.primitives import ZERO_ADDRESS, ZERO_HASH, Address, Hash32, to_bytes
from earnest.payment.terms import DAY, HOUR, TERMS_ABI, Terms
from tests.support.evm import Log, Outcome, Signer, call_data
from tests.support.evm_revm import RevmChain

CHAIN_ID: Final = 31_337
GENESIS_TIME: Final = 1_700_000_000
HOST: Final = Signer(0)
PAYERS: Final = 200
SHOPS: Final = 20
OWN_SHOP: Final = 0
"""The one shop that has an account here; a tenth of the payments are its."""
DOOR: Final = bytes.fromhex("60148060095f395ff3" + "36600e575f54600c575f5ffd5b005b5f355f5500")
"""A contract that refuses coin until it is called with a word: what is owed to it meanwhile becomes a credit."""
_RICHES: Final = 2**140
_EVERYTHING: Final = 2**256 - 1


@dataclass(frozen=True)
class Shop:
    """Who sells, and the terms that all his payments share."""

    terms: Terms
    merchant: Signer
    operator: Signer
    arbiter: Signer


class World:
    """One method for each verb: it acts at `now` and returns what came of it."""

    def __init__(self) -> None:
        self.evm = RevmChain(GENESIS_TIME, CHAIN_ID)
        self.evm.give_coin(HOST.address, 10**30)
        dollar = from_json((files("earnest.localnet") / "artifacts" / "TestToken.json").read_text("utf-8"))
        self.escrow = self.evm.deploy(HOST, load().bytecode)
        self.dollar = self.evm.deploy(HOST, dollar.bytecode)
        self.door = self.evm.deploy(HOST, DOOR)
        self.payers = [Signer(1_000_000 + number) for number in range(PAYERS)]
        self.shops = [self._shop(number) for number in range(SHOPS)]
        for each in (*self.payers, *(shop.merchant for shop in self.shops)):
            self.evm.give_coin(each.address, 10**30)
            for data in (
                call_data("mint(address,uint256)", each.address, _RICHES),
                call_data("approve(address,uint256)", self.escrow, _EVERYTHING),
            ):
                assert self.evm.transact(each, self.dollar, data).succeeded
        self.now = self.evm.time

    def fund(self, terms: Terms, payer: Signer, buyer: Address) -> Outcome:
        value = terms.amount if terms.token == ZERO_ADDRESS else 0
        return self._act(payer, "fund", terms, buyer, value=value)

    def confirm_delivery(self, shop: Shop, terms: Terms) -> Outcome:
        return self._act(shop.operator, "confirmDelivery", terms)

    def confirm_delivery_many(self, shop: Shop, many: Sequence[Terms]) -> Outcome:
        items = [(each.buyer, each.amount, each.pay_by, to_bytes(each.order_hash)) for each in many]
        types = (TERMS_ABI, "(address,uint256,uint40,bytes32)[]")
        data = selector(f"confirmDeliveryMany({','.join(types)})") + encode(types, [many[0].as_tuple(), items])
        return self._send(shop.operator, self.escrow, data)

    def release(self, by: Signer, terms: Terms, amount: int = _EVERYTHING) -> Outcome:
        return self._act(by, "release", terms, amount)

    def refund(self, shop: Shop, terms: Terms, amount: int = _EVERYTHING) -> Outcome:
        return self._act(shop.operator, "refund", terms, amount)

    def reclaim(self, terms: Terms) -> Outcome:
        return self._act(HOST, "reclaim", terms)

    def dispute(self, buyer: Signer, terms: Terms) -> Outcome:
        return self._act(buyer, "dispute", terms)

    def resolve(self, shop: Shop, terms: Terms, to_merchant: int, to_buyer: int) -> Outcome:
        return self._act(shop.arbiter, "resolve", terms, to_merchant, to_buyer)

    def repay(self, shop: Shop, terms: Terms, amount: int) -> Outcome:
        return self._act(shop.merchant, "repay", terms, amount, value=amount if terms.token == ZERO_ADDRESS else 0)

    def deposit_twice(self, terms: Terms, payment_id: Hash32, payer: Signer) -> Outcome:
        """Send a paid payment's amount to its deposit address, too late to be of use, and have it collected."""
        asked = self.evm.call(HOST.address, self.escrow, call_data("depositAddressOf(bytes32)", to_bytes(payment_id)))
        to = "0x" + asked.output[12:].hex()
        self._send(payer, self.dollar, call_data("transfer(address,uint256)", to, terms.amount))
        return self._act(HOST, "collect", terms, self.dollar)

    def withdraw(self, token: Address) -> Outcome:
        """Open the door, take out what is owed behind it, and shut it again."""
        for is_open in (1, 0):
            if not is_open:
                outcome = self._send(HOST, self.escrow, call_data("withdraw(address,address)", self.door, token))
            self._send(HOST, self.door, is_open.to_bytes(32))
        return outcome

    def dismiss_operator(self, shop: Shop) -> Outcome:
        return self._send(shop.merchant, self.escrow, call_data("dismissOperator(address)", shop.operator.address))

    def _shop(self, number: int) -> Shop:
        merchant, operator, arbiter = (Signer(1_000 * kind + number) for kind in (1, 2, 3))
        has_window, has_fee = number % 3 != 2, number % 2 == 0
        terms = Terms(
            buyer=ZERO_ADDRESS,
            merchant=self.door if number == 5 else merchant.address,
            operator=operator.address,
            arbiter=arbiter.address if has_window else ZERO_ADDRESS,
            token=ZERO_ADDRESS if number % 5 == 0 and number else self.dollar,
            amount=1,
            fee_recipient=HOST.address if has_fee else ZERO_ADDRESS,
            fee_bps=100 if has_fee else 0,
            pay_by=GENESIS_TIME,
            delivery_period=2 * HOUR if number % 4 == 1 else 7 * DAY,
            dispute_window=(HOUR if number % 4 else DAY) if has_window else 0,
            arbitration_period=DAY if has_window else 0,
            order_hash=ZERO_HASH,
        )
        return Shop(terms, merchant, operator, arbiter)

    def _act(self, by: Signer, verb: str, terms: Terms, *more: int | Address, value: int = 0) -> Outcome:
        types = ",".join("address" if isinstance(each, str) else "uint256" for each in more)
        words = b"".join(bytes(12) + to_bytes(each) if isinstance(each, str) else each.to_bytes(32) for each in more)
        data = _selector(f"{verb}({TERMS_ABI}{',' if types else ''}{types})") + words_of(terms) + words
        return self._send(by, self.escrow, data, value)

    def _send(self, by: Signer, to: Address | str, data: bytes, value: int = 0) -> Outcome:
        self.evm.time = self.now
        return self.evm.transact(by, Address(to), data, value)


def words_of(terms: Terms) -> bytes:
    """Return the terms as the ABI has them: each field one word."""
    return b"".join(
        value if isinstance(value, bytes) else value.to_bytes(32) if isinstance(value, int) else _padded(value)
        for value in terms.as_tuple()
    )


def sold(shop: Shop, number: int, amount: int, pay_by: int, buyer: Address = ZERO_ADDRESS) -> Terms:
    """Return the terms of one of a shop's payments."""
    order_hash = Hash32(f"0x{number + 1:064x}")
    return replace(shop.terms, amount=amount, pay_by=pay_by, buyer=buyer, order_hash=order_hash)


def logs_of(outcome: Outcome, escrow: Address) -> Iterator[Log]:
    """Return the escrow's own logs."""
    return (log for log in outcome.logs if log.address == escrow)


def _padded(address: str) -> bytes:
    return bytes(12) + bytes.fromhex(address[2:])


@cache
def _selector(signature: str) -> bytes:
    return selector(signature)
