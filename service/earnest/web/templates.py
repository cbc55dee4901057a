"""The templates' engine: every value is escaped, and a value that is missing is an error, never an empty spot."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from earnest.web.amounts import breakable, group, size_of
from earnest.web.assets import load_assets
from earnest.web.words import LANGUAGES, NAMES, TAGS, Words


@cache
def _engine() -> Environment:
    engine = Environment(
        loader=PackageLoader("earnest.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    engine.globals.update(asset=load_assets().url, languages=LANGUAGES, language_names=NAMES, language_tags=TAGS)
    engine.filters.update(short=shorten, grouped=group, breakable=breakable, size_of=size_of)
    return engine


def render(template: str, words: Words, **values: Any) -> str:
    """Return a template filled in; inside it `t` says a sentence and `moment` shows a time in the reader's words."""

    def moment(unix_time: int) -> Markup:
        return show_moment(unix_time, words)

    return _engine().get_template(template).render(t=words, moment=moment, duration=words.duration, **values)


def show_moment(unix_time: int, words: Words) -> Markup:
    """Return a time as an element that says it in UTC; a script turns it into the reader's own time zone."""
    at = datetime.fromtimestamp(min(unix_time, 253_402_300_799), UTC)
    months = words("time.months").split(" ")
    text = words(
        "time.utc",
        year=at.year,
        month=months[at.month - 1],
        day=at.day,
        hour=f"{at.hour:02}",
        minute=f"{at.minute:02}",
    )
    return Markup('<time datetime="{}">{}</time>').format(at.strftime("%Y-%m-%dT%H:%M:%SZ"), text)


def show_day(unix_time: int, words: Words) -> str:
    """Return the day of a time in UTC: "22 Nov"."""
    at = datetime.fromtimestamp(min(unix_time, 253_402_300_799), UTC)
    return words("time.day", month=words("time.months").split(" ")[at.month - 1], day=at.day)


def shorten(text: str) -> str:
    """Return an address or an id as people compare them: its first and its last digits."""
    return f"{text[:8]}…{text[-6:]}" if len(text) > 16 else text
