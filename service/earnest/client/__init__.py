"""The API's client for Python programs: typed, synchronous, and careful with what must not happen twice.

with Client("http://127.0.0.1:8000", "ek_test_…") as earnest:
    payment = earnest.create_payment("12.50", "USDC", order_reference="A-1")
    print(payment.checkout_url)

It stands on the words of a payment alone, and knows nothing of the service's insides.
"""

from __future__ import annotations

from earnest.client.client import Client
from earnest.client.errors import BadSignature, ClientError, NotEarnest, Problem, Unreachable
from earnest.client.models import (
    Accepted,
    Action,
    Amount,
    AuditEntry,
    Balance,
    BalanceRow,
    Block,
    ChainSync,
    Delivery,
    Endpoint,
    EndpointWithSecret,
    Event,
    Head,
    Key,
    KeyWithSecret,
    LeftOut,
    ManyAccepted,
    Payment,
    PreparedTx,
    PublicPayment,
    Ready,
    SentBatch,
    SentTx,
    Settings,
    Terms,
    TimelineRow,
    ToSign,
    Tried,
)
from earnest.client.webhooks import read_webhook

__all__ = [
    "Accepted",
    "Action",
    "Amount",
    "AuditEntry",
    "BadSignature",
    "Balance",
    "BalanceRow",
    "Block",
    "ChainSync",
    "Client",
    "ClientError",
    "Delivery",
    "Endpoint",
    "EndpointWithSecret",
    "Event",
    "Head",
    "Key",
    "KeyWithSecret",
    "LeftOut",
    "ManyAccepted",
    "NotEarnest",
    "Payment",
    "PreparedTx",
    "Problem",
    "PublicPayment",
    "Ready",
    "SentBatch",
    "SentTx",
    "Settings",
    "Terms",
    "TimelineRow",
    "ToSign",
    "Tried",
    "Unreachable",
    "read_webhook",
]
