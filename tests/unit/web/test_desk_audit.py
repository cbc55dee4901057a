"""Every deed at the desk is in the audit log, with who did it; looking, and asking whether one is sure, is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from earnest.commands.sessions import sign_in
from earnest.payment.events import EventKind
from earnest.store.audit import Deed
from earnest.web.app import DESK
from earnest.web.desk.route import PUBLIC, DeskRoute
from tests.unit.api.house import House
from tests.unit.web.desk import at_desk

Make = Callable[[House], tuple[str, dict[str, str]]]
LEAVES_NO_ENTRY = {"/desk/webhooks/{id}/test"}
"""It posts something made up, and nothing of it is kept."""


def endpoint(house: House) -> str:
    return str(house.post("/v1/webhook_endpoints", {"url": "https://shop.example/hooks"}).json()["id"])


def funded(house: House) -> str:
    payment = str(house.create()["id"])
    house.happen(payment, EventKind.PAYMENT_FUNDED)
    return payment


def released(house: House) -> str:
    payment = funded(house)
    house.happen(payment, EventKind.DELIVERY_CONFIRMED)
    house.tell(house.chain.mine(seconds=2 * 86_400))
    return payment


def lent_key(house: House) -> str:
    return str(house.post("/v1/keys", {"role": "read_only"}).json()["id"])


def own_session(house: House) -> str:
    with house.store.read() as tx:
        return tx.sessions.list("mer_1")[0].hash[:12]


def another_session(house: House) -> str:
    sign_in(house.store, house.key, house.moment[0])
    return ""


def of_endpoint(house: House) -> tuple[str, dict[str, str]]:
    return endpoint(house), {"sure": "yes"}


DEEDS: Mapping[str, tuple[str, Make]] = {
    "/desk/payments/confirm_delivery_many": (
        "payment.confirm_delivery_many",
        lambda house: ("", {"payment": funded(house), "sure": "yes"}),
    ),
    "/desk/payments/release_many": (
        "payment.release_many",
        lambda house: ("", {"payment": released(house), "sure": "yes"}),
    ),
    "/desk/payments/{id}/confirm_delivery": ("payment.confirm_delivery", lambda house: (funded(house), {})),
    "/desk/payments/{id}/refund": (
        "payment.refund",
        lambda house: (funded(house), {"how_much": "all", "sure": "yes"}),
    ),
    "/desk/webhooks": ("endpoint.create", lambda house: ("", {"url": "https://shop.example/hooks"})),
    "/desk/webhooks/{id}/disable": ("endpoint.update", of_endpoint),
    "/desk/webhooks/{id}/enable": ("endpoint.update", of_endpoint),
    "/desk/webhooks/{id}/rotate_secret": ("endpoint.rotate_secret", of_endpoint),
    "/desk/webhooks/{id}/replay": ("endpoint.replay", of_endpoint),
    "/desk/webhooks/{id}/delete": ("endpoint.delete", of_endpoint),
    "/desk/keys": ("key.create", lambda house: ("", {"role": "support"})),
    "/desk/keys/{id}/revoke": ("key.revoke", lambda house: (lent_key(house), {"sure": "yes"})),
    "/desk/sessions/{id}/end": ("session.end", lambda house: (own_session(house), {})),
    "/desk/sessions/end_others": ("session.end", lambda house: (another_session(house), {})),
    "/desk/settings": ("merchant.tell", lambda house: ("", {"others": "final"})),
}


def deeds(house: House) -> list[Deed]:
    with house.store.read() as tx:
        return [each.deed for each in tx.audit.page("mer_1", limit=100).items]


FORMS = {
    route.path
    for module in DESK
    for route in module.routes.routes
    if isinstance(route, DeskRoute) and "POST" in (route.methods or ()) and route.needs != PUBLIC
}


def test_every_form_of_the_desk_is_one_of_those_above() -> None:
    assert FORMS - DEEDS.keys() - LEAVES_NO_ENTRY == set()


@pytest.mark.parametrize("path", sorted(FORMS & DEEDS.keys()))
def test_a_deed_leaves_an_entry_with_who_did_it(house: House, path: str) -> None:
    action, make = DEEDS[path]
    browser = at_desk(house)
    target, form = make(house)
    before = deeds(house)
    answer = browser.post(path.replace("{id}", target), form, headers={"x-request-id": "req-42"})
    assert answer.status_code in (200, 303), answer.text
    entries = deeds(house)
    new = entries[: len(entries) - len(before)]
    with house.store.read() as tx:
        own = next(each.id for each in tx.keys.list("mer_1") if house.key.startswith(each.prefix))
    assert [(each.action, each.actor, each.request_id) for each in new] == [(action, f"key:{own}", "req-42")]
    if target:
        assert new[0].target == target


@pytest.mark.parametrize("path", ["/desk/webhooks/{id}/delete", "/desk/keys/{id}/revoke", "/desk/payments/{id}/refund"])
def test_asking_whether_one_is_sure_leaves_none(house: House, path: str) -> None:
    browser = at_desk(house)
    target, form = DEEDS[path][1](house)
    before = len(deeds(house))
    assert browser.post(path.replace("{id}", target), form | {"sure": ""}).status_code == 200
    assert len(deeds(house)) == before
