"""JSON-RPC over HTTP: one thread for each connection, kept open between requests. The chain itself has one thread.

A page that a browser loads from the internet must not reach the developer's chain: requests that carry an `Origin`
are served for loopback pages and wallet extensions only, and the `Host` must be a loopback name, which stops names
that were rebound to this machine.
"""

import errno
import ipaddress
import socketserver
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from earnest.localnet.errors import ConnectionDropped, LocalnetError, PortInUse
from earnest.localnet.jsonrpc import Request, respond

_MAX_BODY_BYTES = 8 * 1024 * 1024
"""Room for a batch of large contracts; the largest tx that fits a block has under a megabyte."""
_EXTENSION_SCHEMES = ("chrome-extension", "moz-extension", "safari-web-extension")
_IDLE_SECONDS = 120.0


def is_loopback(host: str | None) -> bool:
    """Say whether a host name or address means this machine."""
    if host is None:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def may_ask(origin: str) -> bool:
    """Say whether a browser's page of this origin may use the chain: loopback pages and wallet extensions."""
    parts = urlsplit(origin)
    return parts.scheme in _EXTENSION_SCHEMES or (parts.scheme in ("http", "https") and is_loopback(parts.hostname))


class ChainHttpServer(ThreadingHTTPServer):
    """Listens on `host:port` (0: any free port). Raises `PortInUse`."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, host: str, port: int, request: Request) -> None:
        self.request_chain = request
        self.serves_any_host = not is_loopback(host)
        try:
            super().__init__((host, port), _Handler)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortInUse(host, port) from error
            raise LocalnetError(f"cannot listen on {host}:{port}: {error.strerror}") from error

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self.server_address[0]!s}:{self.server_address[1]}"

    def server_bind(self) -> None:
        """Bind without the base class's look-up of our own name, which can take seconds where DNS is slow."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of callers that hung up; their answer is lost to them alone."""


class _Handler(BaseHTTPRequestHandler):
    server: ChainHttpServer
    protocol_version = "HTTP/1.1"
    server_version = "earnest"
    sys_version = ""
    timeout = _IDLE_SECONDS
    # Headers and body leave in one packet.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        if not self._is_welcome():
            return
        body = self._read_body()
        if body is None:
            return
        try:
            answer = respond(body, self.server.request_chain)
        except (ConnectionDropped, LocalnetError):
            # A fault on order, or the chain is closing: to the caller, a node that went away.
            self.close_connection = True
            return
        self._send(200 if answer is not None else 204, answer or b"")

    def do_OPTIONS(self) -> None:
        if self._is_welcome():
            self._send(204, b"")

    def do_GET(self) -> None:
        if self._is_welcome():
            self._send(405, b'{"error": "this is a JSON-RPC node: POST to it"}')

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Requests are not logged: a follower asks several times a second."""

    def _is_welcome(self) -> bool:
        origin = self.headers.get("Origin")
        if origin is not None and not may_ask(origin):
            self._refuse(403, b'{"error": "this origin may not use the chain"}')
            return False
        host = urlsplit("//" + self.headers.get("Host", "")).hostname
        if not self.server.serves_any_host and not is_loopback(host):
            self._refuse(403, b'{"error": "this host name is not the chain\'s"}')
            return False
        return True

    def _read_body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit():
            self._refuse(411, b'{"error": "Content-Length is required"}')
            return None
        if len(length) > 12 or int(length) > _MAX_BODY_BYTES:
            self._refuse(413, b'{"error": "the request is too large"}')
            return None
        return self.rfile.read(int(length))

    def _refuse(self, status: int, body: bytes) -> None:
        # The body of a refused request is not read, so the connection cannot be used again.
        self.close_connection = True
        self._send(status, body)

    def _send(self, status: int, body: bytes) -> None:
        self.send_response_only(status)
        if status != 204:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self._send_cors()
        self.end_headers()
        self.wfile.write(body)

    def _send_cors(self) -> None:
        origin = self.headers.get("Origin")
        if origin is not None and may_ask(origin):
            self.send_header("Access-Control-Allow-Origin", origin)
            self.send_header("Access-Control-Allow-Methods", "POST, OPTIONS")
            self.send_header("Access-Control-Allow-Headers", "content-type")
            self.send_header("Access-Control-Allow-Private-Network", "true")
            self.send_header("Vary", "Origin")
