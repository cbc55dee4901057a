"""What the service logs, on a terminal as in a file: never what a variable held when something broke."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterator

import pytest
import structlog

from earnest.cli.logs import set_up_logs


class Terminal(io.StringIO):
    """A standard error that a person looks at, or not."""

    def __init__(self, *, person: bool) -> None:
        super().__init__()
        self._person = person

    def isatty(self) -> bool:
        return self._person


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """Give the other tests their logging back."""
    root = logging.getLogger()
    handlers, level, before = root.handlers[:], root.level, structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**before)


def break_with(api_key: str) -> None:
    raise KeyError(len(api_key))


@pytest.mark.parametrize("person", [True, False])
def test_a_traceback_shows_no_variables(monkeypatch: pytest.MonkeyPatch, person: bool) -> None:
    terminal = Terminal(person=person)
    monkeypatch.setattr(sys, "stderr", terminal)
    set_up_logs()
    secret = "-".join(("ek", "test", "nobodymayseethis"))
    for log in (structlog.get_logger("ours"), logging.getLogger("theirs")):
        try:
            break_with(secret)
        except KeyError:
            log.exception("a loop fell over")
    assert terminal.getvalue().count("KeyError") >= 2
    assert secret not in terminal.getvalue()


def test_the_libraries_below_tell_of_trouble_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal(person=False)
    monkeypatch.setattr(sys, "stderr", terminal)
    set_up_logs()
    for name in ("alembic.runtime.migration", "httpx"):
        logging.getLogger(name).info("about myself")
        logging.getLogger(name).warning("of trouble")
    assert (terminal.getvalue().count("about myself"), terminal.getvalue().count("of trouble")) == (0, 2)
