"""The catalogues: the same sentences in every language, and nothing in them but sentences."""

from __future__ import annotations

import json
import re
from importlib import resources

import pytest

from earnest.web.words import LANGUAGES, choose_language, words_of

GAP = re.compile(r"\{(\w+)\}")
OTHERS = LANGUAGES[1:]


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_has_the_same_keys(language: str) -> None:
    assert words_of(language).sentences.keys() == words_of("en").sentences.keys()


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_has_the_same_gaps_in_every_language(language: str) -> None:
    for key, sentence in words_of("en").sentences.items():
        assert set(GAP.findall(words_of(language).sentences[key])) == set(GAP.findall(sentence)), key


@pytest.mark.parametrize("folder", ["words", "words/desk", "words/console"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_key_stands_twice_and_no_sentence_holds_markup(language: str, folder: str) -> None:
    text = resources.files("earnest.web").joinpath(folder, f"{language}.json").read_text("utf-8")
    pairs: list[tuple[str, str]] = json.loads(text, object_pairs_hook=list)
    assert len({key for key, _ in pairs}) == len(pairs)
    for key, sentence in pairs:
        assert sentence.strip() == sentence or key == "duration.join", key
        assert not set("<>&") & set(sentence), key


@pytest.mark.parametrize(
    ("asked", "accepts", "expected"),
    [
        (None, None, "en"),
        (None, "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        (None, "en;q=0.5, zh;q=0.501", "zh"),
        (None, "de-DE,de;q=0.9", "en"),
        (None, "fr, zh;q=0", "en"),
        (None, ";;,\u4e2d,zh;q=9," + "x" * 10_000, "en"),
        ("zh", "en", "zh"),
        ("xx", "zh", "zh"),
    ],
)
def test_the_address_is_asked_first_and_then_the_browser(asked: str | None, accepts: str | None, expected: str) -> None:
    assert choose_language(asked, accepts) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (3_600, "1 hour"),
        (7 * 86_400, "7 days"),
        (86_400 + 2 * 3_600 + 59, "1 day 2 hours"),
        (86_400 + 59, "1 day"),  # the minute that is not full is left out, and no smaller unit stands in its place
        (3_599, "59 minutes 59 seconds"),
    ],
)
def test_durations_are_told_in_two_units_and_never_too_long(seconds: int, expected: str) -> None:
    assert words_of("en").duration(seconds) == expected
