"""What a key is called, in the API: said when it is made, told wherever the key is."""

from __future__ import annotations

import pytest

from tests.unit.api.house import House


def test_a_key_tells_its_name_from_making_to_revoking(house: House) -> None:
    made = house.post("/v1/keys", {"role": "support", "name": "  Ann, packing "})
    assert (made.status_code, made.json()["name"]) == (201, "Ann, packing"), made.text
    house.call("DELETE", f"/v1/keys/{made.json()['id']}")
    listed = {each["id"]: each for each in house.get("/v1/keys").json()["data"]}
    assert listed[made.json()["id"]]["name"] == "Ann, packing"
    assert listed[made.json()["id"]]["revoked_at"] is not None


@pytest.mark.parametrize("body", [{}, {"name": None}])
def test_a_key_that_nobody_named_has_none(house: House, body: dict[str, None]) -> None:
    made = house.post("/v1/keys", {"role": "support", **body})
    assert (made.status_code, made.json()["name"]) == (201, None)


@pytest.mark.parametrize("name", ["", "   ", "n" * 65, "An\x1b[31mn", "An\nn", "An\u202en", 7, ["Ann"]])
def test_what_is_no_name_is_refused_and_makes_no_key(house: House, name: object) -> None:
    before = house.get("/v1/keys").json()["data"]
    answer = house.post("/v1/keys", {"role": "support", "name": name})
    assert (answer.status_code, answer.json()["param"]) == (422, "name"), answer.text
    assert house.get("/v1/keys").json()["data"] == before


def test_two_keys_may_have_one_name(house: House) -> None:
    made = [house.post("/v1/keys", {"role": "support", "name": "Ann"}).json() for _ in range(2)]
    assert len({each["id"] for each in made}) == 2


def test_the_audit_log_tells_the_name_with_the_key_that_it_names_from_then_on(house: House) -> None:
    made = house.post("/v1/keys", {"role": "support", "name": "Ann"}).json()
    entry = house.get("/v1/audit_log").json()["data"][0]
    assert (entry["action"], entry["target"], entry["detail"]["name"]) == ("key.create", made["id"], "Ann")
