"""Health, numbers, the test chain's levers, and what is written to the log."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from importlib import import_module

import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families

from deploy.tools.setup import ROOT
from earnest.api.health import Reason
from earnest.api.schemas.operation import Head, Live, Ready, Sync
from earnest.chain.errors import RpcError
from earnest.chain.health import EndpointReport, EndpointState
from earnest.chain.sender import SenderStatus
from earnest.payment.errors import EarnestError
from tests.support.ledger import CHAIN_ID, OPERATOR
from tests.unit.api.house import LOCAL, Down, House, client_of, open_house


def test_alive_is_whoever_answers(house: House) -> None:
    assert Live.model_validate(house.get("/health/live", key=None).json()).version == "1.2.3"


def test_ready_is_who_follows_the_chain_and_reaches_the_database(house: House) -> None:
    house.report.error, house.report.failures = "a single answer was lost", 1
    answer = house.get("/health/ready", key=None)
    assert (answer.status_code, Ready.model_validate(answer.json()).reasons) == (200, [])


def test_not_ready_comes_with_every_reason(house: House) -> None:
    house.report.lag_blocks = 21
    house.report.error, house.report.failures = "the node at http://user:secret@node does not answer", 3
    answer = house.get("/health/ready", key=None)
    reasons = Ready.model_validate(answer.json()).reasons
    assert (answer.status_code, len(reasons)) == (503, 2)
    assert "21 blocks behind" in " ".join(reasons)
    assert "secret" not in answer.text


def test_not_ready_at_once_when_a_final_block_is_gone_or_the_node_was_never_reached(house: House) -> None:
    house.report.error, house.report.failures, house.report.state = "block 5 was final", 1, "frozen"
    assert house.get("/health/ready", key=None).status_code == 503
    house.report.error, house.report.state, house.report.lag_blocks = None, "starting", None
    assert "not reached the node" in house.get("/health/ready", key=None).text


def test_not_ready_without_a_database(house: House) -> None:
    client = client_of(replace(house.services, store=Down()))
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()["reasons"]) == (
        503,
        ["the database does not answer (database_unavailable)"],
    )
    refused = client.get("/v1/payments", headers={"Authorization": f"Bearer {house.key}"})
    assert (refused.status_code, refused.json()["code"], refused.json()["retryable"]) == (
        503,
        "database_unavailable",
        True,
    )
    assert client.get("/health/live").status_code == 200


def test_sync_tells_how_far_each_chain_is(house: House) -> None:
    (chain,) = Sync.model_validate(house.get("/health/sync", key=None).json()).chains
    assert (chain.network, chain.head, chain.lag_blocks) == ("local", house.chain.head.number, 0)


def test_sync_tells_how_new_blocks_are_noticed_and_why(house: House) -> None:
    house.report.heads, house.report.heads_why = "polling", "the node at node.example opens no WebSocket"
    (chain,) = Sync.model_validate(house.get("/health/sync", key=None).json()).chains
    assert chain.heads is not None
    assert (chain.heads.by, chain.heads.why) == ("polling", "the node at node.example opens no WebSocket")
    house.report.heads = house.report.heads_why = None
    assert house.get("/health/sync", key=None).json()["chains"][0]["heads"] is None


def test_sync_tells_whether_headers_are_recomputed(house: House) -> None:
    house.report.headers = "taken"
    (chain,) = Sync.model_validate(house.get("/health/sync", key=None).json()).chains
    assert chain.headers == "taken"


def test_an_altered_header_on_every_endpoint_is_a_reason_of_its_own(house: House) -> None:
    house.report.error, house.report.code = "the header that node.example tells does not hash to 0x01", "header_forged"
    house.report.state, house.report.failures = "waiting", 5
    ready = house.get("/health/ready", key=None)
    assert ready.status_code == 503
    assert ready.json()["reasons"] == ["local: the follower is held up by an error, see /health/sync (header_forged)"]


def test_sync_and_metrics_tell_how_the_operators_txs_fare(house: House) -> None:
    status = SenderStatus(OPERATOR, unsettled=2, balance=15 * 10**17, error="no coin for gas")
    chain = replace(house.services.chains[CHAIN_ID], sender_status=lambda: status)
    with client_of(replace(house.services, chains={CHAIN_ID: chain})) as client:
        (told,) = client.get("/health/sync").json()["chains"]
        numbers = client.get("/metrics").text
    assert told["operator"] == {
        "address": OPERATOR,
        "balance_wei": "1500000000000000000",
        "unsettled_txs": 2,
        "error": "no coin for gas",
    }
    assert f'earnest_operator_balance_coin{{chain="{CHAIN_ID}"}} 1.5' in numbers


def test_the_numbers_have_no_label_of_a_callers(house: House) -> None:
    house.get("/v1/payments/0x" + "ab" * 32)
    house.get("/v1/secret-path-of-a-caller")
    house.call("BREW", "/v1/payments")
    answer = house.get("/metrics", key=None)
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    labels = {tuple(sample.labels.items()) for sample in families["earnest_http_requests"].samples}
    assert (("method", "GET"), ("route", "/v1/payments/{id}"), ("status", "404")) in labels
    for hidden in ("0xabab", "secret-path", "BREW", house.key):
        assert hidden not in answer.text
    assert families["earnest_follower_head_block"].samples[0].value == 10


def test_time_blocks_and_reorgs_of_a_local_chain_can_be_moved(house: House) -> None:
    house.node.answers |= {
        "evm_increaseTime": "0x1",
        "evm_mine": "0x0",
        "anvil_reorg": None,
        "eth_getBlockByNumber": {"number": "0x10", "hash": "0x" + "aa" * 32, "timestamp": "0x60000000"},
    }
    for path, body, methods in (
        ("clock", {"advance_seconds": 60}, ["evm_increaseTime", "evm_mine"]),
        ("mine", {"blocks": 3}, ["evm_mine"] * 3),
        ("mine", None, ["evm_mine"]),
        ("reorg", {"depth": 2}, ["anvil_reorg"]),
    ):
        house.node.calls.clear()
        answer = house.post(f"/v1/test/{path}", body)
        assert (answer.status_code, Head.model_validate(answer.json()).number) == (200, 16)
        assert [method for method, _ in house.node.calls] == [*methods, "eth_getBlockByNumber"]


def test_the_embedded_chain_fails_on_order_and_another_node_says_that_it_cannot(house: House) -> None:
    house.node.answers["earnest_faults"] = {"eth_call": 2}
    answer = house.post("/v1/test/faults", {"method": "eth_call", "kind": "drop", "times": 2})
    assert (answer.status_code, answer.json()) == (200, {"waiting": {"eth_call": 2}})
    assert house.node.calls[-1] == ("earnest_faults", [{"method": "eth_call", "kind": "drop", "times": 2}])
    house.node.answers["earnest_faults"] = {}
    assert house.post("/v1/test/faults", {}).json() == {"waiting": {}}
    assert house.node.calls[-1] == ("earnest_faults", [])
    house.node.answers["earnest_faults"] = RpcError("earnest_faults", -32601, "the method does not exist")
    answer = house.post("/v1/test/faults", {"kind": "error"})
    assert (answer.status_code, answer.json()["code"]) == (409, "not_the_embedded_chain")
    assert house.post("/v1/test/faults", {"kind": "explode"}).status_code == 422


def test_a_real_chain_cannot_be_moved() -> None:
    with open_house(network=replace(LOCAL, name="base", is_local=False)) as house:
        for path, body in (("clock", {"advance_seconds": 60}), ("mine", {}), ("reorg", {}), ("faults", {})):
            answer = house.post(f"/v1/test/{path}", body)
            assert (answer.status_code, answer.json()["code"]) == (409, "not_a_test_chain")
            assert "base" in answer.json()["detail"]
        assert house.node.calls == []


def test_the_log_tells_of_requests_without_secrets(house: House) -> None:
    with structlog.testing.capture_logs() as lines:
        made = house.post("/v1/webhook_endpoints", {"url": "https://shop.example/h?token=query-secret"}).json()
        house.get("/v1/payments?order_reference=private-reference")
        house.get("/v1/payments", key="ek_test_" + "A" * 43)
    requests = [line for line in lines if line["event"] == "request"]
    assert [line["status"] for line in requests] == [201, 200, 401]
    assert all(line["request_id"].startswith("req_") for line in requests)
    written = json.dumps(lines)
    for secret in (house.key, made["secret"], "query-secret", "private-reference", "A" * 43):
        assert secret not in written


def test_whoever_is_behind_a_request_is_named_by_the_keys_id(house: House) -> None:
    with structlog.testing.capture_logs() as lines:
        house.get("/v1/payments")
    assert lines[-1]["key"].startswith("key_")


def test_every_reason_not_to_be_ready_has_its_heading_with_what_to_do() -> None:
    assert list(headings()) == [each.value for each in Reason]


def headings() -> dict[str, str]:
    """Return what `docs/operations.md` says of each reason."""
    page = (ROOT / "docs" / "operations.md").read_text()
    section = page.split("## What to do when `/health/ready` fails")[1].split("\n## ")[0]
    parts = re.split(r"^### `(\w+)`$", section, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_every_heading_says_what_to_do_and_how_to_see_that_it_is_over() -> None:
    for reason, words in headings().items():
        assert len(words.split()) > 25, reason
        assert "Over when" in words, reason


OF_OTHERS = {
    "earnest.chain.errors": {
        # The operator's key and txs: told at the start, to whoever asked, or under `operator`.
        *("key_unusable", "not_a_keystore", "wrong_password", "operator_out_of_gas_money", "tx_would_revert"),
        "too_much_gas",
        # Told at the start, before anything is followed.
        "bad_node_url",
        # Why new blocks are polled for, under `heads`.
        *("subscription_lost", "subscription_refused"),
        "no_contract",  # comparisons
    },
    # Commands, and comparisons with the contract.
    "earnest.mirror.errors": {
        *("nothing_mirrored", "rebuild_under_way", "replay_missed", "mirror_moves", "state_not_kept"),
    },
    # Told at the start; requests; claims of webhooks; who stands by does not follow; the log of deeds is none of his.
    "earnest.store.errors": {
        "payments_changed",  # the mirror reads them again and goes on; nobody is told
        *("bad_database_url", "store_in_use", "already_exists", "claim_lost", "lock_taken", "audit_log_broken"),
    },
}
"""Errors of the rooms below the follower that never hold it up, and where they are told instead."""


@pytest.mark.parametrize("module", OF_OTHERS)
def test_every_error_that_can_hold_the_follower_up_stands_under_a_reason(module: str) -> None:
    told = " ".join(headings().values()) + " ".join(f"`{each}`" for each in headings())
    codes = {
        each.code
        for each in vars(import_module(module)).values()
        if isinstance(each, type) and issubclass(each, EarnestError) and each.__module__ == module
    }
    assert {each for each in codes - OF_OTHERS[module] if f"`{each}`" not in told} == set()


def test_every_error_code_that_the_page_explains_is_one() -> None:
    known = {each.code for each in every_leaf(EarnestError)} | set(Reason) | {"fault"}
    explained = {
        code
        for words in headings().values()
        for line in re.findall(r"^- ((?:`\w+`(?:, )?)+):", words, re.MULTILINE)
        for code in re.findall(r"`(\w+)`", line)
    }
    assert explained - known == set()
    assert len(explained) > 20


def every_leaf(kind: type[EarnestError]) -> set[type[EarnestError]]:
    return {kind}.union(*(every_leaf(each) for each in kind.__subclasses__()))


@pytest.mark.parametrize(
    ("state", "code", "reason"),
    [
        ("waiting", "node_unavailable", Reason.WAITING),
        ("stopped", "chain_mismatch", Reason.STOPPED),
        ("frozen", "reorg_past_finality", Reason.FROZEN),
        ("frozen", "endpoints_disagree", Reason.DISAGREE),
    ],
)
def test_what_holds_the_follower_up_is_named(house: House, state: str, code: str, reason: Reason) -> None:
    house.report.state, house.report.code, house.report.error, house.report.failures = state, code, "words", 3
    (told,) = house.get("/health/ready", key=None).json()["reasons"]
    assert told.endswith(f"({reason})")
    (chain,) = house.get("/health/sync", key=None).json()["chains"]
    assert (chain["error"], chain["error_code"]) == ("words", code)


def test_a_follower_of_this_process_that_does_no_step_is_seen(house: House) -> None:
    chain = replace(house.services.chains[CHAIN_ID], follower_quiet_seconds=lambda: 61)
    with client_of(replace(house.services, chains={CHAIN_ID: chain})) as client:
        (reason,) = client.get("/health/ready").json()["reasons"]
    assert reason.endswith(f"({Reason.HANGS})")


def test_every_reason_ends_with_its_word(house: House) -> None:
    house.report.lag_blocks = None
    chain = replace(house.services.chains[CHAIN_ID], escrow=None)
    with client_of(
        replace(house.services, chains={CHAIN_ID: chain, 5: replace(chain, follower_status=None)})
    ) as client:
        reasons = client.get("/health/ready").json()["reasons"]
    words = {re.search(r"\((\w+)\)$", each).group(1) for each in reasons}  # type: ignore[union-attr]
    assert words == {Reason.NO_ESCROW, Reason.NOT_REACHED, Reason.NOT_MIRRORED, Reason.NO_FOLLOWER}


def test_sync_and_metrics_tell_how_each_endpoint_fares(house: House) -> None:
    reports = [
        EndpointReport("one.example", EndpointState.OK, None, 1_000.0, 12, 1_700_000_000, 8, 0, {}, None),
        EndpointReport(
            "two.example#2", EndpointState.LIES, "a log of another", 2_000.5, 11, None, None, 4, {"lies": 2}, 2_015.5
        ),
    ]
    chain = replace(house.services.chains[CHAIN_ID], endpoints=lambda: reports)
    with client_of(replace(house.services, chains={CHAIN_ID: chain})) as client:
        (told,) = Sync.model_validate(client.get("/health/sync").json()).chains
        numbers = client.get("/metrics").text
    first, second = told.endpoints
    assert (first.name, first.state, first.head, first.final) == ("one.example", "ok", 12, 8)
    assert (second.state, second.reason, second.alarms) == ("lies", "a log of another", {"lies": 2})
    named = f'chain="{CHAIN_ID}",endpoint='
    assert f'earnest_endpoint_in_use{{{named}"one.example"}} 1.0' in numbers
    assert f'earnest_endpoint_in_use{{{named}"two.example#2"}} 0.0' in numbers
    assert f'earnest_endpoint_alarms_total{{{named}"two.example#2",kind="lies"}} 2.0' in numbers
    assert f'earnest_endpoint_state{{{named}"two.example#2",state="lies"}} 1.0' in numbers
