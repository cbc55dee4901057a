"""Balances as the API shows them: sums by token, each with the rows that it is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from earnest.api.services import Services
from earnest.api.show import PaymentView
from earnest.payment.actions import status_at
from earnest.payment.errors import InvalidInput, NotFound
from earnest.payment.money import Token
from earnest.payment.primitives import Address, Hash32
from earnest.payment.record import Payment
from earnest.payment.representation import caip2, represent_amount, represent_block
from earnest.store import Transaction
from earnest.store.balances import CreditRow, Figure
from earnest.store.records import Merchant, Page


class Named(StrEnum):
    """The sums by their names in answers and paths."""

    HELD = "held"
    RELEASABLE = "releasable"
    RELEASED = "released"
    FEES = "fees"
    REFUNDED = "refunded"
    REPAID = "repaid"
    CREDITS = "credits"


class BalanceView:
    """Shows one merchant's balances as one transaction sees them."""

    def __init__(self, services: Services, tx: Transaction, merchant_id: str) -> None:
        self._services, self._tx = services, tx
        self._view = PaymentView(services, tx)
        merchant = self._view.merchant(merchant_id)
        if merchant is None:
            raise NotFound(f"no merchant {merchant_id}")
        self._merchant: Merchant = merchant

    def sums(self) -> list[dict[str, Any]]:
        """Return the sums of every token of every chain that is served here."""
        now = {chain_id: self._now(chain_id) for chain_id in self._services.chains}
        found = {(each.chain_id, each.token): each.sums for each in self._tx.balances.sums(self._merchant.id, now)}
        owed = {
            (chain_id, token): amount
            for chain_id in self._services.chains
            for token, amount in self._owed(chain_id, {token for chain, token in found if chain == chain_id}).items()
        }
        shown = sorted(key for key in {*found, *owed} if key[0] in self._services.chains)
        return [self._sums(*key, found.get(key, {}), owed.get(key, 0)) for key in shown]

    def rows(
        self, named: Named, chain_id: int, token: Address, *, cursor: str | None, limit: int
    ) -> Page[dict[str, Any]]:
        """Return a piece of the rows whose amounts add up to a sum, newest first."""
        shown_as = self._token(chain_id, token)
        if named is Named.CREDITS:
            rows = self._tx.balances.credits(self._merchant.id, chain_id, self._merchant.payout, token)
            return self._credit_rows(rows, chain_id, shown_as, cursor, limit)
        figure = Figure(named.value)
        now = self._now(chain_id)
        page = self._tx.balances.rows(self._merchant.id, figure, (chain_id, token), now, cursor=cursor, limit=limit)
        return Page([_payment_row(each, amount, shown_as, now) for each, amount in page.items], page.next_cursor)

    def _sums(self, chain_id: int, token: Address, sums: Any, owed: int) -> dict[str, Any]:
        shown_as, view = self._token(chain_id, token), self._view.view(chain_id)
        return {
            "object": "balance",
            "chain": caip2(chain_id),
            "token": token,
            "symbol": shown_as.symbol,
            "as_of": represent_block(view.head) if view else None,
            **{str(figure): represent_amount(sums.get(figure, 0), shown_as) for figure in Figure},
            "credits": represent_amount(owed, shown_as),
        }

    def _credit_rows(
        self, rows: Sequence[CreditRow], chain_id: int, token: Token, cursor: str | None, limit: int
    ) -> Page[dict[str, Any]]:
        # Rows are only ever added at the newest end, so the number of those before a row is a place that stays.
        end = len(rows) if cursor is None else _read_place(cursor)
        piece = rows[max(0, end - limit) : end]
        own = self._tx.payments.many(chain_id, {each.payment_id for each in piece if each.payment_id})
        left = max(0, end - limit)
        return Page(
            [_credit_row(each, own, token, self._now(chain_id)) for each in reversed(piece)],
            str(left) if left else None,
        )

    def _owed(self, chain_id: int, paid_in: set[Address]) -> Mapping[Address, int]:
        """Return what the escrow owes the merchant, in the tokens that he was paid in and those that are vouched for.

        Anyone can make a token and let it fail to be pushed to a merchant: nobody's list is to be filled with those.
        """
        network = self._services.chain(chain_id).network
        tokens = paid_in | {each.address for each in (network.coin, *network.tokens)}
        return self._tx.balances.owed(chain_id, self._merchant.payout, tokens)

    def _now(self, chain_id: int) -> int:
        view = self._view.view(chain_id)
        return view.head.timestamp if view else 0

    def _token(self, chain_id: int, token: Address) -> Token:
        return self._services.chain(chain_id).network.token_at(token) or Token(token, "unknown", 0)


def _payment_row(payment: Payment, amount: int, token: Token, now: int) -> dict[str, Any]:
    return {
        "payment": payment.id,
        "order_reference": payment.order_reference,
        "status": str(status_at(payment.terms, payment.state, now)),
        "amount": represent_amount(amount, token),
        "direction": "in",
        "block": represent_block(payment.block),
        "tx_hash": None,
    }


def _credit_row(row: CreditRow, own: dict[Hash32, Payment], token: Token, now: int) -> dict[str, Any]:
    payment = own.get(row.payment_id) if row.payment_id else None
    return {
        "payment": payment.id if payment else None,
        "order_reference": payment.order_reference if payment else None,
        "status": str(status_at(payment.terms, payment.state, now)) if payment else None,
        "amount": represent_amount(row.amount, token),
        "direction": "out" if row.is_withdrawal else "in",
        "block": represent_block(row.block),
        "tx_hash": row.tx_hash,
    }


def _read_place(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 16):
        raise InvalidInput("this is no cursor of ours: give the `next_cursor` of a list unchanged", param="cursor")
    return int(cursor)
