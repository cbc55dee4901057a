"""Idempotency keys."""

from __future__ import annotations

import threading

from earnest.store import Store
from earnest.store.records import Beginning, Fresh, Mismatch, Replay, Running
from tests.support.ledger import MERCHANT, START


def begin(store: Store, request: str = "request", now: int = START, key: str = "key") -> Beginning:
    with store.transaction() as tx:
        return tx.idempotency.begin(MERCHANT.id, key, request, now, lease_seconds=60)


def finish(store: Store, attempt: int, body: bytes = b"{}") -> bool:
    with store.transaction() as tx:
        return tx.idempotency.finish(
            MERCHANT.id, "key", attempt, status=201, body=body, headers={"content-type": "application/json"}
        )


def test_the_first_goes_ahead_and_the_next_gets_its_answer(store: Store) -> None:
    assert begin(store) == Fresh(1)
    assert begin(store, now=START + 59) == Running()
    assert finish(store, 1, b'{"id": "\xc3\xa9"}')
    expected = Replay(201, b'{"id": "\xc3\xa9"}', {"content-type": "application/json"})
    assert begin(store) == expected
    assert begin(store, now=START + 10_000) == expected


def test_another_request_under_the_same_key_is_told_apart(store: Store) -> None:
    begin(store)
    assert begin(store, "another") == Mismatch()
    finish(store, 1)
    assert begin(store, "another") == Mismatch()
    assert begin(store, "another", key="another key") == Fresh(1)


def test_one_that_died_is_taken_over_once_and_its_late_answer_does_not_count(store: Store) -> None:
    begin(store)
    assert begin(store, now=START + 60) == Fresh(2)
    assert begin(store, now=START + 61) == Running()
    assert not finish(store, 1, b"late")
    assert finish(store, 2, b"right")
    answer = begin(store)
    assert isinstance(answer, Replay)
    assert answer.body == b"right"
    assert not finish(store, 2, b"twice")


def test_what_one_who_died_had_noted_is_told_to_the_one_who_takes_over(store: Store) -> None:
    def note(attempt: int, text: bytes) -> bool:
        with store.transaction() as tx:
            return tx.idempotency.note(MERCHANT.id, "key", attempt, text)

    begin(store)
    assert note(1, b"one")
    assert begin(store, now=START + 60) == Fresh(2, b"one")
    assert not note(1, b"late")
    assert note(2, b"one, two")
    assert begin(store, now=START + 120) == Fresh(3, b"one, two")
    assert finish(store, 3, b"answer")
    assert not note(3, b"after the answer")
    assert begin(store) == Replay(201, b"answer", {"content-type": "application/json"})


def test_a_key_given_back_can_be_used_again_and_only_by_who_had_it(store: Store) -> None:
    begin(store)
    with store.transaction() as tx:
        tx.idempotency.abandon(MERCHANT.id, "key", 9)
    assert begin(store) == Running()
    with store.transaction() as tx:
        tx.idempotency.abandon(MERCHANT.id, "key", 1)
    assert begin(store, "another") == Fresh(1)
    finish(store, 1)
    with store.transaction() as tx:
        tx.idempotency.abandon(MERCHANT.id, "key", 1)
    assert begin(store) == Mismatch(), "an answer is never given back"


def test_old_keys_are_forgotten(store: Store) -> None:
    begin(store)
    begin(store, key="younger", now=START + 1)
    with store.transaction() as tx:
        assert tx.idempotency.forget_older_than(START + 1) == 1
    assert begin(store) == Fresh(1)
    assert begin(store, key="younger") == Running()


def test_of_many_at_once_exactly_one_goes_ahead(store: Store) -> None:
    for round_ in range(5):
        answers: list[Beginning | BaseException] = []
        barrier = threading.Barrier(6)

        def work(key: str, answers: list[Beginning | BaseException], barrier: threading.Barrier) -> None:
            barrier.wait()
            try:
                answers.append(begin(store, key=key))
            except BaseException as error:
                answers.append(error)

        threads = [threading.Thread(target=work, args=(f"key {round_}", answers, barrier)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers.count(Fresh(1)) == 1
        assert answers.count(Running()) == 5
