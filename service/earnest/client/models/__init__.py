"""What the API answers, as values. Fields that a newer service adds are passed over, so that it may add some.

Amounts in base units are whole numbers, times are aware `datetime`s in UTC. A test holds every field against the
OpenAPI document, both ways.
"""

from __future__ import annotations

from earnest.client.models.account import AuditEntry, Balance, BalanceRow, Key, KeyWithSecret, RevokedKey
from earnest.client.models.base import Amount, Block, Model, Page
from earnest.client.models.notifications import (
    Attempt,
    DeletedEndpoint,
    Delivery,
    Endpoint,
    EndpointWithSecret,
    Event,
    Replayed,
    Tried,
)
from earnest.client.models.operation import (
    ChainEndpoint,
    ChainSync,
    FailingReconciliation,
    FaultsOrdered,
    Head,
    Heads,
    LastReconciliation,
    Leader,
    Live,
    Operator,
    Ready,
    Sync,
)
from earnest.client.models.payments import (
    Accepted,
    Action,
    LeftOut,
    ManyAccepted,
    Payment,
    PlainTx,
    PreparedTx,
    PublicPayment,
    SentBatch,
    SentTx,
    Terms,
    TimelineRow,
    ToSign,
    TxAttempt,
)

__all__ = [
    "Accepted",
    "Action",
    "Amount",
    "Attempt",
    "AuditEntry",
    "Balance",
    "BalanceRow",
    "Block",
    "ChainEndpoint",
    "ChainSync",
    "DeletedEndpoint",
    "Delivery",
    "Endpoint",
    "EndpointWithSecret",
    "Event",
    "FailingReconciliation",
    "FaultsOrdered",
    "Head",
    "Heads",
    "Key",
    "KeyWithSecret",
    "LastReconciliation",
    "Leader",
    "LeftOut",
    "Live",
    "ManyAccepted",
    "Model",
    "Operator",
    "Page",
    "Payment",
    "PlainTx",
    "PreparedTx",
    "PublicPayment",
    "Ready",
    "Replayed",
    "RevokedKey",
    "SentBatch",
    "SentTx",
    "Sync",
    "Terms",
    "TimelineRow",
    "ToSign",
    "Tried",
    "TxAttempt",
]
