"""The books: what came in equals what went out and what is held, by the chain's logs and by the mirror."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from eth_abi.abi import decode, encode

from earnest.chain.logs import decode_log
from earnest.chain.node import Node
from earnest.client import Client
from earnest.payment.events import Credited, CreditWithdrawn, EventKind, PaymentEvent
from earnest.payment.money import Token, format_value
from earnest.payment.primitives import ZERO_ADDRESS, Address, Hash32, keccak


@dataclass
class Account:
    """One token's sums in base units. `came_in` must equal all that went out plus `held`.

    What became a credit counts as gone to its owner: it is his, wherever it lies. `repaid` never was the escrow's.
    """

    came_in: int = 0
    to_merchants: int = 0
    fees: int = 0
    to_buyers: int = 0
    held: int = 0
    repaid: int = 0

    @property
    def went_out(self) -> int:
        """What left the escrow, fees included."""
        return self.to_merchants + self.fees + self.to_buyers

    @property
    def balanced(self) -> bool:
        """Whether what came in is what went out and what is held."""
        return self.came_in == self.went_out + self.held


Books = dict[Address, Account]


def books_of_chain(node: Node, escrow: Address, first_block: int) -> Books:
    """Add up the escrow's raw logs; the held amount is the escrow's own balance in each token, asked of the token.

    Out of that balance the escrow owes the credits that were not withdrawn yet.
    """
    owed: dict[Address, int] = defaultdict(int)
    books: Books = defaultdict(Account)
    tokens: dict[Hash32, Address] = {}
    head = node.header("latest")
    for raw in node.logs_in_range(escrow, first_block, head.block.number if head else first_block):
        event = decode_log(raw).event
        if isinstance(event, CreditWithdrawn):
            owed[event.token] -= event.amount
        if not isinstance(event, PaymentEvent):
            continue
        if event.funding:
            tokens[event.payment_id] = event.funding.terms.token
            books[event.funding.terms.token].came_in += event.funding.terms.amount
        token = tokens[event.payment_id]
        account = books[token]
        if event.kind is EventKind.PAYMENT_REPAID:
            account.repaid += event.to_buyer
            owed[token] += event.to_buyer if Credited.BUYER in event.credited else 0
            continue
        owed[token] += _credited(event)
        account.to_merchants += event.to_merchant
        account.fees += event.to_fee_recipient
        account.to_buyers += event.to_buyer
    for token, account in books.items():
        account.held = balance_of(node, token, escrow) - owed[token]
    return dict(books)


def books_of_mirror(api: Client) -> Books:
    """Add up the merchant's payments as the service tells them."""
    books: Books = defaultdict(Account)
    for payment in api.payments():
        if payment.block is None:
            continue
        account = books[Address(payment.amount.token)]
        account.came_in += payment.amount.base_units
        account.to_merchants += payment.to_merchant.base_units
        account.fees += payment.to_fee_recipient.base_units
        account.to_buyers += payment.to_buyer.base_units
        account.held += payment.held.base_units
        account.repaid += payment.repaid.base_units
    return dict(books)


def balance_of(node: Node, token: Address, account: Address) -> int:
    """Return an account's balance in a token (the zero address: coin), as the chain tells it."""
    if token == ZERO_ADDRESS:
        return node.balance(account)
    data = keccak(b"balanceOf(address)")[:4] + encode(["address"], [account])
    answer = node.call("eth_call", [{"to": token, "data": "0x" + data.hex()}, "latest"], str)
    return int(decode(["uint256"], bytes.fromhex(answer[2:]))[0])


def rows(chain: Books, mirror: Books, tokens: dict[Address, Token]) -> list[list[str]]:
    """Return the table's rows: a line for the chain and one for the mirror, for each token."""
    table = []
    for address in chain:
        token = tokens[address]
        for source, books in (("chain", chain), ("mirror", mirror)):
            account = books.get(address, Account())
            sums = (
                account.came_in,
                account.to_merchants,
                account.fees,
                account.to_buyers,
                account.held,
                account.repaid,
            )
            table.append([f"{token.symbol}, by the {source}", *(format_value(each, token.decimals) for each in sums)])
    return table


HEAD = ["", "came in", "merchants", "fees", "buyers", "held", "repaid"]


def _credited(event: PaymentEvent) -> int:
    """Return what of an event was not pushed but became credits."""
    parts = {
        Credited.MERCHANT: event.to_merchant,
        Credited.FEE_RECIPIENT: event.to_fee_recipient,
        Credited.BUYER: event.to_buyer,
    }
    return sum(amount for who, amount in parts.items() if who in event.credited)
