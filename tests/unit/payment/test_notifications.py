"""What merchants can be told of."""

from __future__ import annotations

from earnest.payment.events import EventKind
from earnest.payment.notifications import MEANINGS, TYPE_OF_EVENT, NotificationType


def test_every_type_is_glossed_and_every_event_leads_to_one_of_its_own() -> None:
    assert set(MEANINGS) == set(NotificationType)
    assert set(TYPE_OF_EVENT) == set(EventKind)
    assert len(set(TYPE_OF_EVENT.values())) == len(EventKind)
