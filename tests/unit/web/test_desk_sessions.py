"""Who is signed in at the desk, as he sees it, and signing out from afar."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from earnest.commands.create_key import hash_secret
from earnest.commands.scopes import SCOPES
from earnest.commands.sessions import IDLE_SECONDS
from tests.support.ledger import MERCHANT
from tests.unit.api.house import House
from tests.unit.web.desk import Browser, at_desk

ENDS = re.compile(r"/desk/sessions/([0-9a-f]{12})/end\"")
COOKIE = "__Host-earnest_desk"


class Laptops:
    """Several browsers that are signed in at once, though the tests' client is one."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._kept: dict[str, tuple[str, str]] = {}

    def sign_in(self, name: str, key: str) -> str:
        """Sign in at a laptop; returns the session's name."""
        self._house.client.cookies.clear()
        browser = at_desk(self._house, key)
        self._kept[name] = (self._house.client.cookies[COOKIE], browser.token)
        return hash_secret(self._kept[name][0])[:12]

    def at(self, name: str) -> Browser:
        secret, token = self._kept[name]
        self._house.client.cookies.clear()
        self._house.client.cookies.set(COOKIE, secret, domain="pay.example", path="/")
        return Browser(self._house, token)

    def is_in(self, name: str) -> bool:
        return bool(self.at(name).get("/desk").status_code == 200)


@pytest.fixture
def laptops(house: House) -> Laptops:
    return Laptops(house)


def test_one_sees_his_own_sessions_and_an_owner_all_of_them(house: House, laptops: Laptops) -> None:
    reader = house.new_key("payments:read")
    own = laptops.sign_in("shop", house.key)
    house.moment[0] += 400
    lent = laptops.sign_in("lent", reader)
    other = laptops.sign_in("other", house.new_key("payments:read"))
    assert ENDS.findall(laptops.at("lent").get("/desk/sessions").text) == [lent]
    seen = laptops.at("shop").get("/desk/sessions").text
    assert set(ENDS.findall(seen)) == {own, lent, other}
    assert "this session" in seen
    assert reader[:12] in seen, "what everybody signed in with is shown by its beginning"
    assert reader not in seen


def test_signing_out_of_one_from_afar_leaves_the_others(house: House, laptops: Laptops) -> None:
    key = house.new_key("payments:read")
    laptops.sign_in("shop", key)
    lost = laptops.sign_in("lost", key)
    browser = laptops.at("shop")
    assert browser.post(f"/desk/sessions/{lost}/end").headers["location"] == "/desk/sessions?ended=1"
    assert (laptops.is_in("shop"), laptops.is_in("lost")) == (True, False)
    assert laptops.at("shop").post(f"/desk/sessions/{lost}/end").status_code == 404


def test_signing_out_of_ones_own_leads_to_the_door(house: House, laptops: Laptops) -> None:
    own = laptops.sign_in("shop", house.key)
    answer = laptops.at("shop").post(f"/desk/sessions/{own}/end")
    assert answer.headers["location"] == "/desk/sign_in"
    assert f'{COOKIE}=""' in answer.headers["set-cookie"]
    assert not laptops.is_in("shop")


def test_signing_out_of_all_others_leaves_this_one(house: House, laptops: Laptops) -> None:
    key = house.new_key("payments:read")
    for name in ("one", "two", "three"):
        laptops.sign_in(name, key)
    laptops.sign_in("owner", house.key)
    assert laptops.at("two").post("/desk/sessions/end_others").headers["location"] == "/desk/sessions?ended=2"
    assert [laptops.is_in(name) for name in ("one", "two", "three", "owner")] == [False, True, False, True]
    laptops.at("owner").post("/desk/sessions/end_others")
    assert [laptops.is_in(name) for name in ("two", "owner")] == [False, True]


def test_nobody_ends_what_he_does_not_see(house: House, laptops: Laptops) -> None:
    owner = laptops.sign_in("owner", house.key)
    laptops.sign_in("reader", house.new_key("payments:read", "keys:read"))
    with house.store.transaction() as tx:
        tx.merchants.add(replace(MERCHANT, id="mer_2"))
    laptops.sign_in("stranger", house.new_key(*SCOPES, merchant="mer_2"))
    for name in ("reader", "stranger"):
        assert owner not in laptops.at(name).get("/desk/sessions").text
        assert laptops.at(name).post(f"/desk/sessions/{owner}/end").status_code == 404
        assert laptops.at(name).post("/desk/sessions/end_others").headers["location"] == "/desk/sessions?ended=0"
    assert laptops.is_in("owner")


def test_what_is_over_is_not_listed(house: House, laptops: Laptops) -> None:
    old = laptops.sign_in("old", house.key)
    house.moment[0] += IDLE_SECONDS
    new = laptops.sign_in("new", house.key)
    seen = laptops.at("new").get("/desk/sessions").text
    assert ENDS.findall(seen) == [new]
    assert old not in seen


def test_revoking_a_key_ends_its_sessions_and_every_end_is_audited(house: House, laptops: Laptops) -> None:
    made = house.post("/v1/keys", {"scopes": ["payments:read"]}).json()
    lent = laptops.sign_in("lent", made["secret"])
    laptops.sign_in("owner", house.key)
    house.call("DELETE", f"/v1/keys/{made['id']}")
    assert not laptops.is_in("lent")
    with house.store.read() as tx:
        assert made["id"] not in {each.key_id for each in tx.sessions.list("mer_1")}
        ended = [each.deed for each in tx.audit.page("mer_1").items if each.deed.action == "session.end"]
    assert [(each.target, (each.detail or {})["of"]) for each in ended] == [(lent, f"key:{made['id']}")]
    assert ended[0].actor.startswith("key:")
    assert ended[0].actor != f"key:{made['id']}"
