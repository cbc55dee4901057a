"""A key's name: what a person calls it, so that one of many is known again. It decides nothing."""

from __future__ import annotations

from typing import Final, NewType, overload

from earnest.payment.errors import InvalidInput

KeyName = NewType("KeyName", str)
"""From 1 to 64 printable characters, without blanks around them."""

MAX_KEY_NAME_LENGTH: Final = 64
"""A person and a purpose; more would push the rest of a list off the page."""


@overload
def parse_key_name(text: None) -> None: ...
@overload
def parse_key_name(text: str) -> KeyName: ...
def parse_key_name(text: str | None) -> KeyName | None:
    """Return a key's name without the blanks around it; None stands for a key without one.

    Raises:
        InvalidInput: it is empty, longer than 64 characters, or one of them cannot be seen, such as a line break or a
            mark that turns the direction of what follows.
    """
    if text is None:
        return None
    name = text.strip()
    if not 1 <= len(name) <= MAX_KEY_NAME_LENGTH:
        raise InvalidInput(f"a key's name has 1 to {MAX_KEY_NAME_LENGTH} characters", param="name")
    if not name.isprintable():
        raise InvalidInput("a key's name has only printable characters", param="name")
    return KeyName(name)
