"""One comparison of the mirror with the contract's state at one block: page by page, then the sums."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from earnest.escrow.views import EscrowState
from earnest.mirror.books import WHOLE_AT_SEQ, TokenBooks, Told, add_up, in_order, owed_to
from earnest.mirror.compare import Difference, id_of, terms_in
from earnest.mirror.contract_state import AT_ONCE, ContractState, StateGone
from earnest.mirror.replay import Progress, Tell
from earnest.payment.errors import InvalidAddress
from earnest.payment.primitives import ZERO_ADDRESS, Address, Hash32, parse_address
from earnest.payment.record import BlockRef
from earnest.payment.status import HOLDING
from earnest.payment.terms import Terms
from earnest.store import Store
from earnest.store.chain_facts import DISMISSALS, NOTHING_TOLD, PAYMENTS, WITHDRAWALS, Facts, FactTable, Key
from earnest.store.reconciliations import Reconciliation

NAMED: Final = 20
"""How many differences are kept in the database as sentences: enough to begin to look."""
CONTRACT, EVENTS_SAY, CHAIN = "in the contract", "by its events", "on the chain"

Pair = tuple[Address, Address]


@dataclass
class Reconciled:
    """What came of it: `block` is whose state was asked, `endpoint` of whom, `payments` how many were compared."""

    block: BlockRef
    payments: int = 0
    differences: list[Difference] = field(default_factory=list)
    tokens: Sequence[TokenBooks] = ()
    endpoint: str = ""

    def record(self, chain_id: int, finished_at: int, duration_ms: int) -> Reconciliation:
        """Return what is kept of it."""
        named = tuple(str(each) for each in self.differences[:NAMED])
        return Reconciliation(
            chain_id, self.block, finished_at, duration_ms, self.payments, len(self.differences), named
        )


@dataclass(slots=True)
class _Payment:
    """One payment: its row, what its events add up to in all and at the block; its terms, if they make up its id."""

    id: Hash32
    facts: dict[str, str | None]
    is_foreign: bool
    now: Told
    then: Told
    terms: Terms | None


class Comparison:
    """Compares all payments of a chain.

    Args:
        state: the contract's state at the block.
        vouched: whether the host stands for a token; what a stranger's token does is no fault of the mirror.
        pause: called between pages.
    """

    def __init__(
        self,
        store: Store,
        chain_id: int,
        escrow: Address,
        state: ContractState,
        vouched: Callable[[Address], bool],
        pause: Callable[[], object],
        progress: Progress,
    ) -> None:
        self._store, self._chain_id, self._escrow, self._state = store, chain_id, escrow, state
        self._vouched, self._pause, self._progress = vouched, pause, progress
        self._block = state.block
        self._found = Reconciled(state.block)
        self._books: dict[Address, TokenBooks] = {}
        self._owed: dict[Pair, int] = defaultdict(int)
        self._operators: set[Pair] = set()
        self._ours: set[Address] = set()

    def run(self) -> Reconciled:
        """Compare everything; raises `StateGone` where the node or the mirror drops the block meanwhile."""
        for page in self._pages():
            self._compare(page)
            self._found.payments += len(page)
            self._progress(Tell("comparing payments", self._found.payments, 0))
            self._pause()
        self._compare_credits()
        self._compare_operators()
        self._compare_balances()
        return self._found

    def _pages(self) -> Iterator[list[_Payment]]:
        after: Key | None = None
        while True:
            with self._store.read() as tx:
                chain = tx.blocks.chain(self._chain_id)
                if chain is None or chain.final is None or chain.final.number < self._block.number:
                    accepted = {each.ref.hash for each in tx.blocks.accepted(self._chain_id)}
                    if self._block.hash not in accepted:
                        raise StateGone(f"block {self._block.number} was dropped by the chain")
                page = tx.facts.page(PAYMENTS, self._chain_id, after, AT_ONCE)
                ids = [Hash32(key[0]) for key in page]
                events, accounts = tx.facts.events_of(self._chain_id, ids), tx.facts.accounts(self._chain_id, ids)
            if not page:
                return
            yield [self._payment(id_, page[id_,], accounts[id_] is None, events[id_]) for id_ in ids]
            after = next(reversed(page))

    def _payment(self, id_: Hash32, facts: Facts, is_foreign: bool, events: list[tuple[Key, Facts]]) -> _Payment:
        try:
            now, then = add_up(events), add_up(events, self._block.number)
        except ValueError as error:
            self._differs("payment", id_, "its events", str(error), "1, 2, 3, … without a gap", CHAIN)
            now = then = Told()
        terms = terms_in(facts)
        hashed = id_of(terms, self._chain_id, self._escrow)
        if hashed != id_:
            self._differs("payment", id_, "the id of its terms", hashed, id_, "by its name")
        named = dict(zip(PAYMENTS.facts, facts, strict=True))
        return _Payment(id_, named, is_foreign, now, then, terms if hashed == id_ else None)

    def _compare(self, page: list[_Payment]) -> None:
        for payment, state in zip(page, self._state.states([each.id for each in page]), strict=True):
            self._compare_row(payment)
            self._compare_state(payment, state)
            self._enter(payment)
        self._compare_held(page)

    def _compare_row(self, payment: _Payment) -> None:
        """The row must be what the events add up to."""
        for name, expected in payment.now.facts().items():
            if payment.facts[name] != expected:
                self._differs("payment", payment.id, name, payment.facts[name], expected, EVENTS_SAY)

    def _compare_state(self, payment: _Payment, state: EscrowState) -> None:
        then = payment.then
        buyer = None if state.buyer == ZERO_ADDRESS else state.buyer
        pairs = {
            "status": (then.status, str(state.status)),
            "since": (str(then.since), str(state.since)),
            "seq": (str(then.seq), str(state.seq)),
            "buyer": (then.buyer, buyer),
        }
        for name, (mirror, contract) in pairs.items():
            if mirror != contract:
                self._differs("payment", payment.id, name, mirror, contract)

    def _compare_held(self, page: Iterable[_Payment]) -> None:
        """Where nothing can have moved yet, the whole amount is held; only of the others the contract is asked."""
        asked: list[tuple[_Payment, Terms]] = []
        for payment in page:
            then, terms = payment.then, payment.terms
            if then.status not in HOLDING:
                if then.held:
                    self._differs("payment", payment.id, "held", str(then.held), "0")
            elif terms is None:
                continue  # told already; of such terms the contract knows nothing
            elif then.seq != WHOLE_AT_SEQ[then.status]:
                asked.append((payment, terms))
            elif then.held != terms.amount:
                self._differs("payment", payment.id, "held", str(then.held), str(terms.amount))
        held = self._state.held([terms for _, terms in asked])
        for (payment, _), contract in zip(asked, held, strict=True):
            if payment.then.held != contract:
                self._differs("payment", payment.id, "held", str(payment.then.held), str(contract))

    def _enter(self, payment: _Payment) -> None:
        """Add a payment to the books of its token."""
        if payment.terms is None:
            return
        token = payment.terms.token
        if not payment.is_foreign:
            self._ours.add(token)
            self._operators.add((payment.terms.merchant, payment.terms.operator))
        self._books.setdefault(token, TokenBooks(token)).held += payment.then.held
        for whose, amount in payment.then.credited:
            self._owe(owed_to(whose, payment.facts, payment.then.buyer), token, amount, payment.id)

    def _owe(self, account: str | None, token: str | None, amount: int, name: str) -> None:
        try:
            pair = parse_address(account or ""), parse_address(token or "")
        except InvalidAddress:
            self._differs("credit", f"by {name}", "account and token", f"{account} and {token}", "two addresses", CHAIN)
        else:
            self._owed[pair] += amount

    def _compare_credits(self) -> None:
        for facts in self._rows_up_to_block(WITHDRAWALS):
            self._owe(
                facts["account"], facts["token"], -_whole(facts["amount"]), f"withdrawal in tx {facts['tx_hash']}"
            )
        known = sorted(pair for pair in self._owed if self._is_ours(pair[1]))
        for start in range(0, len(known), AT_ONCE):
            some = known[start : start + AT_ONCE]
            for (account, token), contract in zip(some, self._state.credits(some), strict=True):
                mirror = self._owed[account, token]
                if mirror != contract:
                    self._differs("credit", f"of {account} in {token}", "amount", str(mirror), str(contract))
        for (_, token), amount in self._owed.items():
            self._books.setdefault(token, TokenBooks(token)).credits += amount

    def _compare_operators(self) -> None:
        gone = {(str(each["merchant"]), str(each["operator"])) for each in self._rows_up_to_block(DISMISSALS)}
        pairs = sorted(pair for pair in self._operators if pair[1] != ZERO_ADDRESS)
        for (merchant, operator), contract in zip(pairs, self._state.dismissed(pairs), strict=True):
            mirror = (merchant, operator) in gone
            if mirror != contract:
                self._differs("operator", f"{operator} of {merchant}", "dismissed", str(mirror), str(contract))

    def _compare_balances(self) -> None:
        books = in_order(each for token, each in self._books.items() if self._is_ours(token))
        for each, balance in zip(books, self._state.balances([each.token for each in books]), strict=True):
            each.balance = balance
            if balance is None or each.held + each.credits > balance:
                needed = f"at least {each.held + each.credits}, held and owed,"
                said = None if balance is None else str(balance)
                self._differs("token", each.token, "the escrow's balance", needed, said, CHAIN)
        self._found.tokens = books

    def _rows_up_to_block(self, kind: FactTable) -> Iterator[dict[str, str | None]]:
        after: Key | None = None
        while True:
            with self._store.read() as tx:
                page = tx.facts.page(kind, self._chain_id, after, AT_ONCE)
            if not page:
                return
            for facts in page.values():
                named = dict(zip(kind.facts, facts, strict=True))
                if _whole(named["block_number"]) <= self._block.number:
                    yield named
            after = next(reversed(page))

    def _is_ours(self, token: Address) -> bool:
        return token in self._ours or self._vouched(token)

    def _differs(
        self, what: str, name: str, field_: str, mirror: str | None, other: str | None, source: str = CONTRACT
    ) -> None:
        self._found.differences.append(Difference(what, name, field_, mirror, other, source=source))


def _whole(text: str | None) -> int:
    """Return a number, -1 where none stands: what a person wrote by hand is found by a rebuild."""
    try:
        return int(text or "")
    except ValueError:
        return -1


assert set(NOTHING_TOLD) <= set(PAYMENTS.facts), "the facts that events tell are columns of a payment"
