"""What the pages say, in each language: `words/<language>.json`, and the desk's own in `words/desk`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from markupsafe import Markup

LANGUAGES: Final = ("en", "zh")
"""The first one is spoken to whoever asks for none of them."""
NAMES: Final = {"en": "English", "zh": "中文"}
"""Each language's own name for itself."""
TAGS: Final = {"en": "en", "zh": "zh-Hans"}
"""What stands in `lang=`. Source: BCP 47."""
_WANTED: Final = re.compile(r"\s*([A-Za-z*]{1,8})(?:-[A-Za-z0-9-]*)?\s*(?:;\s*q\s*=\s*([01](?:\.[0-9]{0,3})?))?\s*")
_UNITS: Final = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


@dataclass(frozen=True, slots=True)
class Words:
    """One language's sentences by their keys."""

    language: str
    sentences: Mapping[str, str]

    @property
    def tag(self) -> str:
        """The language for `lang=`."""
        return TAGS[self.language]

    def __call__(self, key: str, **values: object) -> str:
        """Return a sentence with its gaps `{name}` filled; raises `KeyError` for a key or a value that is missing."""
        return self.sentences[key].format_map({name: str(value) for name, value in values.items()})

    def rich(self, key: str, **values: object) -> Markup:
        """Return a sentence whose gaps may hold markup (a time's element); other values are escaped."""
        return Markup(self.sentences[key]).format(**values)  # noqa: S704 (our own catalogue; a test finds markup in it)

    def under(self, prefix: str) -> dict[str, str]:
        """Return all sentences whose keys begin with a prefix, by what follows it: what a script may say."""
        return {key.removeprefix(prefix): text for key, text in self.sentences.items() if key.startswith(prefix)}

    def duration(self, seconds: int) -> str:
        """Return a time span in whole units, the largest first, and no more than two of them: "1 day 6 hours".

        It is rounded down, so that nobody is promised more time than he has.
        """
        parts: list[str] = []
        for unit, size in _UNITS:
            count, seconds = divmod(seconds, size)
            if count and len(parts) < 2:
                parts.append(self(f"duration.{unit}.{'one' if count == 1 else 'many'}", count=count))
            elif parts:
                break
        return self("duration.join").join(parts) if parts else self("duration.second.many", count=0)


@cache
def words_of(language: str) -> Words:
    """Return the catalogue of one of `LANGUAGES`."""
    sentences: dict[str, str] = {}
    folder = resources.files("earnest.web").joinpath("words")
    for part in ((), ("desk",), ("console",)):
        sentences |= json.loads(folder.joinpath(*part, f"{language}.json").read_text("utf-8"))
    return Words(language, sentences)


def choose_language(asked: str | None, accepts: str | None) -> str:
    """Return the language to speak.

    Args:
        asked: the address' own `lang`, which goes first if we speak it.
        accepts: the header Accept-Language.
    """
    if asked in LANGUAGES:
        return str(asked)
    wanted: list[tuple[int, int, str]] = []
    for place, part in enumerate((accepts or "")[:500].split(",")):
        match = _WANTED.fullmatch(part)
        if match is None:
            continue
        # Weights have three decimals at most (RFC 9110), so they compare as thousandths.
        thousandths = int((match[2] or "1").replace(".", "").ljust(4, "0"))
        if thousandths and match[1].lower() in LANGUAGES:
            wanted.append((-thousandths, place, match[1].lower()))
    return min(wanted)[2] if wanted else LANGUAGES[0]
