"""The codes of errors in `docs/api.md`: all that an answer can carry, with their status and what they say."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Final

from earnest.api.problems import problem_of, status_of, title_of
from earnest.payment.errors import EarnestError
from tests.unit.api.test_operation import every_leaf, headings

PAGE = Path(__file__).parents[3] / "docs" / "api.md"
ROOMS: Final = (
    *("earnest.api.errors", "earnest.api.services", "earnest.payment.errors", "earnest.commands.errors"),
    *("earnest.web.errors", "earnest.webhooks.errors", "earnest.chain.errors", "earnest.chain.proofs.errors"),
    "earnest.store.errors",
)
"""Where what a request runs into is raised."""
OF_THE_HOST: Final = frozenset(
    {
        # Told at the start, or by a command at the machine.
        *("key_unusable", "not_a_keystore", "wrong_password", "bad_node_url", "bad_database_url", "not_a_database"),
        *("store_in_use", "database_missing", "schema_not_there", "schema_too_new", "schema_too_old"),
        *("invalid_secret_key", "wrong_secret_key", "audit_log_broken", "misconfigured"),
        # Of a delivery's attempts, told with them; of leaders and workers among themselves.
        *("webhook_target_refused", "webhook_target_unresolved", "claim_lost", "lead_lost", "lock_taken"),
        *("subscription_lost", "subscription_refused", "payments_changed"),
        # Of what the follower makes of logs.
        *("forbidden_transition", "sequence_gap"),
    }
)


def told() -> dict[str, tuple[int, str]]:
    """Return the table's codes, each with its status and its words."""
    section = PAGE.read_text("utf-8").split("### Codes")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (\d{3}) \| (.+) \|$", section, re.MULTILINE)
    assert len(rows) == len({code for code, _, _ in rows}), "a code stands twice"
    return {code: (int(status), words) for code, status, words in rows}


def known() -> dict[str, tuple[int, str]]:
    """Return the codes that an answer can carry: those of the rooms, without what only the host is told."""
    for room in ROOMS:
        import_module(room)
    of_the_follower = " ".join(headings().values())
    leaves = [each for each in every_leaf(EarnestError) if each.__module__ in ROOMS]
    codes = {
        each.code: (status_of(each), title_of(each))
        for each in sorted(leaves, key=lambda each: ROOMS.index(each.__module__), reverse=True)
        if each.code not in OF_THE_HOST and f"`{each.code}`" not in of_the_follower
    }
    fault = problem_of(RuntimeError())
    return {**codes, fault.code: (fault.status, fault.title)}


def table() -> str:
    """Return the table as it has to stand on the page."""
    rows = sorted(known().items(), key=lambda row: (row[1][0], row[0]))
    return "\n".join(f"| `{code}` | {status} | {words} |" for code, (status, words) in rows)


def test_every_code_that_an_answer_can_carry_stands_on_the_page_with_its_status_and_words() -> None:
    assert told() == known(), f"the table should be:\n{table()}"


def test_every_code_that_only_the_host_is_told_is_one() -> None:
    assert {each.code for each in every_leaf(EarnestError)} >= OF_THE_HOST
    assert told().keys() & OF_THE_HOST == set()
