"""Opens a WebSocket with bounds on all that can come. The library's own log, which shows whole URLs, is silent."""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

from earnest.chain.errors import SubscriptionLost, SubscriptionRefused
from earnest.chain.listener import Wire

if TYPE_CHECKING:
    from earnest.chain.websocket_line import Line

OPEN_SECONDS: Final = 10.0
PING_SECONDS: Final = 20.0
"""How often a node has to show that it is still there, and how long it may take: most proxies close what is idle for
60 s."""
MAX_MESSAGE_BYTES: Final = 256 * 1024
"""A head is some 2 kB; nodes that add the hashes of a full block's txs send 100 kB."""
_PASSING: Final = frozenset({408, 425, 429})
"""What a server answers that is in trouble, or asked too often: it may do better later."""
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})

_SILENT: Final = logging.getLogger(f"{__name__}.library")
_SILENT.setLevel(logging.CRITICAL + 1)


@contextmanager
def connect(url: str, name: str) -> Generator[Wire]:
    """Open a connection, and close it in the end; see `earnest.chain.listener.Connect`."""
    # Loaded here: most commands never listen.
    from websockets.exceptions import InvalidMessage, InvalidStatus, InvalidUpgrade, WebSocketException  # noqa: PLC0415
    from websockets.sync.client import connect as open_websocket  # noqa: PLC0415

    from earnest.chain.websocket_line import Line  # noqa: PLC0415

    # Causes are not chained, and their words not told: they may hold the URL.
    try:
        opened = open_websocket(
            url,
            compression=None,  # a head is small, and what is not compressed cannot be a bomb
            proxy=None if urlsplit(url).hostname in _LOOPBACK else True,
            open_timeout=OPEN_SECONDS,
            ping_interval=PING_SECONDS,
            ping_timeout=PING_SECONDS,
            max_size=MAX_MESSAGE_BYTES,
            logger=_SILENT,
            create_connection=cast(Any, Line),
        )
    except InvalidStatus as error:
        status = error.response.status_code
        kind = SubscriptionRefused if (status < 500 and status not in _PASSING) or status == 501 else SubscriptionLost
        raise kind(name, f"opens no WebSocket: it answered with HTTP status {status}") from None
    except (InvalidMessage, InvalidUpgrade) as error:
        if isinstance(error.__cause__, EOFError):
            raise SubscriptionLost(name, "hung up instead of opening a WebSocket") from None
        raise SubscriptionRefused(name, "opens no WebSocket at this URL") from None
    except (OSError, EOFError, WebSocketException) as error:
        raise SubscriptionLost(name, f"cannot be reached by WebSocket: {type(error).__name__}") from None
    with opened as connection:
        yield _Wire(cast("Line", connection), name)


class _Wire:
    def __init__(self, line: Line, name: str) -> None:
        self._line, self._name = line, name

    def send(self, message: str) -> None:
        try:
            self._line.send(message)
        except OSError:
            raise SubscriptionLost(self._name, "closed the connection for new heads") from None

    def receive(self, seconds: float) -> bytes | None:
        try:
            return self._line.recv(seconds)
        except (OSError, EOFError) as error:
            told = getattr(error, "told", None) or type(error).__name__
            raise SubscriptionLost(self._name, f"closed the connection for new heads ({told})") from None
