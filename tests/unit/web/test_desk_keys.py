"""What keys are called, at the desk: who is who in the lists, and nothing of a name is markup."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.unit.api.house import House
from tests.unit.web.desk import at_desk

ODD = "<script>alert('Ann')</script> \"&"
ESCAPED = "&lt;script&gt;alert(&#39;Ann&#39;)&lt;/script&gt; &#34;&amp;"
YOURS = "you are signed in with it"
ROW = re.compile(r"<tr.*?</tr>", re.DOTALL)


def row_of(page: str, text: str) -> str:
    rows: list[str] = ROW.findall(page)
    (row,) = [each for each in rows if text in each]
    return row


def named(house: House, name: str, role: str = "owner") -> dict[str, Any]:
    return dict(house.post("/v1/keys", {"role": role, "name": name}).json())


def test_a_name_stands_wherever_its_key_does_and_is_never_markup(house: House) -> None:
    browser = at_desk(house)
    pages = [browser.post("/desk/keys", {"role": "support", "name": f" {ODD} "}).text, browser.get("/desk/keys").text]
    (made,) = [each for each in house.get("/v1/keys").json()["data"] if each["name"] is not None]
    assert made["name"] == ODD
    pages.append(browser.post(f"/desk/keys/{made['id']}/revoke").text)
    pages.append(at_desk(house, named(house, ODD)["secret"]).get("/desk/sessions").text)
    for page in pages:
        assert ESCAPED in page
        assert ODD not in page


def test_the_list_says_which_key_one_is_signed_in_with(house: House) -> None:
    named(house, "Ann")
    browser = at_desk(house, named(house, "Bea")["secret"])
    for _ in range(2):
        page = browser.get("/desk/keys").text
        assert page.count(YOURS) == 1
        assert YOURS in row_of(page, "Bea")
        named(house, "Cyd")


def test_the_sessions_are_told_apart_by_the_names_of_their_keys(house: House) -> None:
    at_desk(house, named(house, "Ann", "read_only")["secret"])
    house.client.cookies.clear()
    page = at_desk(house, named(house, "Bea")["secret"]).get("/desk/sessions").text
    assert "this session" in row_of(page, "Bea")
    assert "this session" not in row_of(page, "Ann")


def test_a_key_may_stay_without_a_name(house: House) -> None:
    before = len(house.get("/v1/keys").json()["data"])
    assert at_desk(house).post("/desk/keys", {"role": "support", "name": "  "}).status_code == 200
    assert [each["name"] for each in house.get("/v1/keys").json()["data"]] == [None] * (before + 1)


@pytest.mark.parametrize("name", ["n" * 65, "An\x1b[31mn", "An\u202en"])
def test_what_is_no_name_makes_no_key_and_is_not_lost(house: House, name: str) -> None:
    browser = at_desk(house)
    before = house.get("/v1/keys").json()["data"]
    answer = browser.post("/desk/keys", {"role": "support", "name": name})
    assert answer.status_code == 422
    assert "a key&#39;s name has" in answer.text
    assert f'value="{name}"' in answer.text
    assert house.get("/v1/keys").json()["data"] == before
