"""What the escrow told and what it answered, read as the service reads it."""

from __future__ import annotations

from typing import Any

from eth_abi.abi import decode

from earnest.chain.logs import decode_log
from earnest.chain.node import RawLog
from earnest.escrow.artifact import Artifact
from earnest.escrow.txs import selector
from earnest.payment.events import EscrowEvent
from earnest.payment.primitives import ZERO_HASH, Address
from tests.properties.escrow_machine.facts import Refusal
from tests.support.evm import Log, Outcome

Errors = dict[bytes, tuple[str, list[str]]]


def events_in(outcome: Outcome, escrow: Address) -> list[EscrowEvent]:
    """Return the escrow's events of a tx, decoded by the follower's own decoder."""
    return [decode_log(_raw(log)).event for log in outcome.logs if log.address == escrow]


def errors_of(artifact: Artifact) -> Errors:
    """Return the names and argument types of a contract's errors by their selectors."""
    found = {}
    for entry in artifact.abi:
        if entry["type"] == "error":
            types = [each["type"] for each in entry["inputs"]]
            found[selector(f"{entry['name']}({','.join(types)})")] = (entry["name"], types)
    return found


def refusal_in(outcome: Outcome, errors: Errors) -> Refusal:
    """Return the escrow's error with its values; one without a name if the data is nobody's or somebody else's."""
    known = errors.get(outcome.output[:4])
    if known is None:
        return Refusal()
    name, types = known
    values = decode(types, outcome.output[4:])
    return Refusal(name, *(_plain(value) for value in values))


def is_same(expected: Refusal, told: Refusal) -> bool:
    """Whether a refusal is the expected one; addresses may be written in any case."""
    return (expected.name, _lower(expected)) == (told.name, _lower(told))


def _lower(refusal: Refusal) -> list[Any]:
    return [value.lower() if isinstance(value, str) else value for value in refusal.values]


def _plain(value: Any) -> Any:
    return "0x" + value.hex() if isinstance(value, bytes) else value


def _raw(log: Log) -> RawLog:
    return RawLog(
        address=log.address,
        topics=["0x" + topic.hex() for topic in log.topics],
        data="0x" + log.data.hex(),
        block_number="0x1",
        block_hash=ZERO_HASH,
        transaction_hash=ZERO_HASH,
        log_index="0x0",
    )
