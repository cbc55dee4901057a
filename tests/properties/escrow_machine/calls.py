"""The escrow's call data, without the checks that keep users from nonsense: nonsense must be refused by the escrow."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

from eth_abi.abi import encode

from earnest.escrow.txs import selector
from earnest.payment.primitives import Address, to_bytes
from earnest.payment.terms import TERMS_ABI, Terms
from tests.support.evm import call_data, encoded

_ITEMS_ABI = "(address,uint256,uint40,bytes32)[]"


def of_terms(name: str, terms: Terms, *more: tuple[str, Any]) -> bytes:
    """Return the call data of a verb whose first argument is the terms; `more` are types with values."""
    types, values = [type_ for type_, _ in more], [value for _, value in more]
    if _is_dynamic(types):
        return _selector(name, *types) + encode([TERMS_ABI, *types], [terms.as_tuple(), *values])
    return _selector(name, *types) + _words_of(terms) + encoded(types, values)


def of_items(name: str, common: Terms, items: Sequence[Terms]) -> bytes:
    """Return the call data of a batch."""
    own = [(each.buyer, each.amount, each.pay_by, to_bytes(each.order_hash)) for each in items]
    return of_terms(name, common, (_ITEMS_ABI, own))


def withdraw(account: Address, token: Address, amount: int) -> bytes:
    return call_data("withdraw(address,address,uint256)", account, token, amount)


def dismiss_operator(operator: Address) -> bytes:
    return call_data("dismissOperator(address)", operator)


def _is_dynamic(types: Sequence[str]) -> bool:
    return any(type_ == "bytes" or type_.endswith("[]") for type_ in types)


@lru_cache(maxsize=64)
def _words_of(terms: Terms) -> bytes:
    return encode([TERMS_ABI], [terms.as_tuple()])


@cache
def _selector(name: str, *types: str) -> bytes:
    return selector(f"{name}({','.join([TERMS_ABI, *types])})")
