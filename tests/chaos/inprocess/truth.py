"""What the chain says, read without any of the code under test: by the contract's views and the general ABI decoder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from eth_abi.abi import decode

from earnest.chain.updates import Block
from earnest.escrow import views
from earnest.escrow.views import EscrowState
from earnest.payment.events import AMOUNTS, CREDIT_WITHDRAWN_TOPIC, TOPICS, EventKind, data_abi
from earnest.payment.money import Token
from earnest.payment.primitives import Address, Hash32, checksum_address, keccak
from earnest.payment.status import ON_CHAIN, Status

Place = tuple[Hash32, int]


@dataclass(frozen=True)
class TrueEvent:
    """One event of a payment as the chain has it."""

    kind: str
    seq: int
    status: Status
    held: int
    amounts: dict[str, int]
    credited: int
    block_hash: Hash32
    tx_hash: Hash32
    log_index: int

    @property
    def moved(self) -> bool:
        """Whether it led to another status."""
        parts = (EventKind.PAYMENT_RELEASED, EventKind.PAYMENT_REFUNDED, EventKind.PAYMENT_REPAID)
        ends = (Status.RELEASED, Status.REFUNDED, Status.REPAID)
        return self.kind not in parts or self.status is ends[parts.index(EventKind(self.kind))]


@dataclass(frozen=True)
class Truth:
    """All that the escrow has told and holds, at the head."""

    events: dict[Hash32, list[TrueEvent]]
    states: dict[Hash32, EscrowState]
    withdrawn: dict[tuple[Address, Address], int]
    beside: set[Place]
    """Where logs stand that belong to no payment's own history."""


class Readable(Protocol):
    """A chain that can be read directly, at its head."""

    def view(self, to: Address, data: str) -> bytes:
        """Ask a contract; `data` is `0x…`."""

    def logs(self) -> Iterable[dict[str, Any]]:
        """Return all logs of all blocks, in their order, as `eth_getLogs` tells them."""

    def txs_of(self, sender: Address) -> list[tuple[Hash32, int, bool]]:
        """Return the hash and the nonce of each tx of an account, in their order, and whether it succeeded."""

    @property
    def head(self) -> Block:
        """The newest block."""


class Where(Protocol):
    """What is looked at: the chain's id, the escrow on it, and the tokens, the coin first."""

    @property
    def chain_id(self) -> int: ...

    @property
    def escrow(self) -> Address: ...

    @property
    def tokens(self) -> tuple[Token, ...]: ...


def read(chain: Readable, escrow: Address, ids: Sequence[Hash32]) -> Truth:
    """Read everything; `ids` are those that somebody may expect, whether the chain knows them or not."""
    events: dict[Hash32, list[TrueEvent]] = defaultdict(list)
    withdrawn: dict[tuple[Address, Address], int] = defaultdict(int)
    beside: set[Place] = set()
    for log in chain.logs():
        if log["address"].lower() != escrow.lower():
            continue
        kind = TOPICS.get(log["topics"][0])
        if kind is not None:
            events[log["topics"][1]].append(_event(kind, log))
            continue
        beside.add((log["blockHash"], int(log["logIndex"], 16)))
        if log["topics"][0] == CREDIT_WITHDRAWN_TOPIC:
            account, token = (checksum_address("0x" + each[-40:]) for each in log["topics"][1:])
            withdrawn[account, token] += int(log["data"], 16)
    every = sorted({*ids, *events})
    told = views.decode_states_of(chain.view(escrow, views.states_of(every)))
    return Truth(dict(events), dict(zip(every, told, strict=True)), dict(withdrawn), beside)


def balance(chain: Readable, token: Address, account: Address) -> int:
    data = keccak(b"balanceOf(address)")[:4] + bytes(12) + bytes.fromhex(account[2:])
    return int.from_bytes(chain.view(token, "0x" + data.hex()))


def _event(kind: EventKind, log: dict[str, Any]) -> TrueEvent:
    seq, status, held, *rest = decode(data_abi(kind), bytes.fromhex(log["data"][2:]))
    names = () if kind is EventKind.PAYMENT_FUNDED else AMOUNTS[kind]
    amounts = dict(zip(names, rest, strict=False))
    return TrueEvent(
        kind=str(kind),
        seq=seq,
        status=ON_CHAIN[status],
        held=held,
        amounts=amounts,
        credited=rest[-1] if names else 0,
        block_hash=log["blockHash"],
        tx_hash=log["transactionHash"],
        log_index=int(log["logIndex"], 16),
    )
