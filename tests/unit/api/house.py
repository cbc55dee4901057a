"""A whole house without sockets: a store in a file, the real mirror over a made-up chain, fakes for node and sender."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from anyio.from_thread import start_blocking_portal

with warnings.catch_warnings():
    # Starlette would rather have another HTTP client than the one that is locked; what it does with ours is the same.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

from earnest.api import ChainService, Limits, Services, create_app
from earnest.chain.sending import OutgoingTx, SignedTx, TxIntent
from earnest.commands.create_key import create_key
from earnest.commands.journal import StoreJournal
from earnest.commands.scopes import SCOPES
from earnest.mirror import ChainMirror
from earnest.payment.events import EventKind
from earnest.payment.money import Token
from earnest.payment.primitives import ZERO_ADDRESS, Address, Hash32
from earnest.payment.record import Payment
from earnest.payment.status import Status
from earnest.settings import FinalityRule, Network
from earnest.store import Store, Transaction, open_store
from earnest.store.errors import DatabaseUnavailable
from earnest.testing.crashes import CrashPoints
from earnest.webhooks.secretbox import SecretBox, new_key
from tests.support.applications import share_routes
from tests.support.ledger import CHAIN_ID, ESCROW, MERCHANT, OPERATOR, START, TOKEN, FakeChain, digest
from tests.support.stores import make_mirror

LOCAL = Network(
    name="local",
    chain_id=CHAIN_ID,
    rpc_urls=(),
    finality=FinalityRule(depth_blocks=4),
    safe_depth_blocks=2,
    poll_seconds=1.0,
    coin=Token(ZERO_ADDRESS, "ETH", 18),
    tokens=(Token(TOKEN, "USDX", 6),),
    is_local=True,
)


class Refusal(AbstractContextManager[Transaction]):
    """A transaction that cannot begin."""

    def __enter__(self) -> Transaction:
        raise DatabaseUnavailable("connection refused")

    def __exit__(self, *_: object) -> None:
        """Undo nothing: nothing was begun."""


class Down(Store):
    """A database that does not answer."""

    def __init__(self) -> None:
        """Open nothing."""

    def read(self) -> AbstractContextManager[Transaction]:
        return Refusal()


class ScriptedNode:
    """A node that answers as it was told to: a value, an exception to raise, or a function of the params."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {"eth_getCode": "0x6001", "eth_estimateGas": "0x10000", "eth_call": "0x00"}
        self.calls: list[tuple[str, list[Any]]] = []

    def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        self.calls.append((method, list(params)))
        answer = self.answers.get(method)
        if isinstance(answer, Exception):
            raise answer
        return answer(*params) if callable(answer) else answer


@dataclass
class FakeSender:
    """Stores what it is given, as the real one does, and broadcasts nothing. `refusal` is raised instead.

    `unheard` is raised after it was stored: the database went away before it could say so. At the points `asked` and
    `sent` its process may end.
    """

    journal: StoreJournal
    address: Address = OPERATOR
    refusal: Exception | None = None
    unheard: Exception | None = None
    submitted: list[TxIntent] = field(default_factory=list)
    points: CrashPoints = field(default_factory=CrashPoints)

    def status(self) -> FakeSender:
        return self

    def submit(self, intent: TxIntent) -> OutgoingTx:
        if self.refusal:
            raise self.refusal
        self.points.reach("asked")
        self.submitted.append(intent)
        sent = self.journal.enqueue(intent, 0, _sign)
        self.points.reach("sent")
        if self.unheard:
            raise self.unheard
        return sent


def _sign(nonce: int) -> SignedTx:
    return SignedTx(digest(f"signed {nonce}"), bytes([2, nonce]), nonce, 90_000, 10**9, 10**8, START)


@dataclass
class FollowerReport:
    """What a follower says of itself."""

    head: int | None = 10
    final: int | None = 6
    node_head: int | None = 10
    lag_blocks: int | None = 0
    heads: str | None = "subscription"
    heads_why: str | None = None
    receipts: str | None = None
    headers: str | None = "recomputed"
    error: str | None = None
    code: str | None = None
    endpoint: str | None = "node.example"
    state: str = "following"
    failures: int = 0


@dataclass
class House:
    """Everything around the API. `now` is wall time; chain time is `chain.head.timestamp`."""

    store: Store
    node: ScriptedNode
    sender: FakeSender
    services: Services
    mirror: ChainMirror
    chain: FakeChain
    report: FollowerReport
    moment: list[int]
    client: TestClient = field(init=False)
    key: str = field(init=False)

    def __post_init__(self) -> None:
        self.client = client_of(self.services, raise_server_exceptions=False)
        self.key = self.new_key(*SCOPES)
        self.tell(self.chain.mine())

    def new_key(self, *scopes: str, merchant: str = "mer_1", expires_at: int | None = None) -> str:
        made = create_key(self.store, merchant, now=self.moment[0], scopes=scopes, expires_at=expires_at)
        return made.secret

    def call(self, method: str, path: str, *, key: str | None = "own", **how: Any) -> Any:
        """Make a request with the merchant's all-mighty key, with another one, or with none."""
        headers = dict(how.pop("headers", {}))
        if key is not None:
            headers["Authorization"] = f"Bearer {self.key if key == 'own' else key}"
        return self.client.request(method, path, headers=headers, **how)

    def get(self, path: str, **how: Any) -> Any:
        return self.call("GET", path, **how)

    def post(self, path: str, body: Any = None, **how: Any) -> Any:
        return self.call("POST", path, **({} if body is None else {"json": body}), **how)

    def tell(self, *updates: Any) -> None:
        """Let the mirror believe something."""
        self.mirror.take(list(updates))

    def create(self, **body: Any) -> dict[str, Any]:
        answer = self.post("/v1/payments", {"amount": {"value": "1.00", "token": "USDX"}, **body})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def happen(self, payment_id: str, kind: EventKind, status: Status | None = None) -> None:
        """Let the payment's next event be mined and mirrored."""
        self.tell(self.chain.mine(self.chain.next(self.payment(payment_id), kind, status)))

    def payment(self, payment_id: str) -> Payment:
        with self.store.read() as tx:
            payment = tx.payments.get(CHAIN_ID, Hash32(payment_id))
        assert payment is not None
        return payment


def client_of(services: Services, *, raise_server_exceptions: bool = True) -> TestClient:
    """Return a client of an application over services; what the application does not catch is raised, or is a 500."""
    app = create_app(services)
    share_routes(app)
    return TestClient(app, raise_server_exceptions=raise_server_exceptions)


def make_services(store: Store, node: ScriptedNode, clock: Callable[[], int], **changes: Any) -> Services:
    """Return services over a store; `changes` replace fields."""
    chain = changes.pop("chain", None) or ChainService(LOCAL, ESCROW, node)
    fields: dict[str, Any] = {
        "store": store,
        "chains": {CHAIN_ID: chain},
        "default_chain_id": CHAIN_ID,
        "secrets": SecretBox(new_key(bytes(32))),
        "clock": clock,
        "public_url": "https://pay.example",
        "version": "1.2.3",
        "limits": Limits(key_burst=10_000, public_burst=10_000),
        **changes,
    }
    return Services(**fields)


@cache
def _template() -> tuple[TemporaryDirectory[str], Path]:
    """Return a database with today's schema and one merchant, made once and copied: migrating takes half a second."""
    folder = TemporaryDirectory()
    path = Path(folder.name) / "template.db"
    with closing(open_store(f"sqlite:///{path}")) as store:
        store.upgrade()
        with store.transaction() as tx:
            tx.merchants.add(MERCHANT)
    return folder, path


@contextmanager
def opened(folder: Path) -> Iterator[Store]:
    """Open a copy of the template in a folder."""
    path = shutil.copy(_template()[1], folder / "earnest.db")
    with closing(open_store(f"sqlite:///{path}")) as store:
        yield store


@contextmanager
def open_house(folder: Path | None = None, network: Network = LOCAL, **changes: Any) -> Iterator[House]:
    """Open a house, with its database in a folder; `changes` replace fields of the services."""
    with TemporaryDirectory() as fresh, opened(folder or Path(fresh)) as store, start_blocking_portal() as loop:
        house = house_on(store, network, **changes)
        house.client.portal = loop  # as a server has it; by itself the client makes a loop for each request
        yield house


def house_on(store: Store, network: Network = LOCAL, **changes: Any) -> House:
    """Return a house on a store that has the merchant `mer_1` and nothing else."""
    moment, node, report = [START + 50], ScriptedNode(), FollowerReport()

    def clock() -> int:
        return moment[0]

    sender = FakeSender(StoreJournal(store, CHAIN_ID, OPERATOR, clock))
    chain = ChainService(network, ESCROW, node, sender, lambda: report)
    services = make_services(store, node, clock, chain=chain, **changes)
    return House(store, node, sender, services, make_mirror(store), FakeChain(), report, moment)
