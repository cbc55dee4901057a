"""Commands that do one thing, pointed at what is no node or no service: a clear word within seconds."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from earnest.cli.app import EXIT_FAILED, run
from earnest.testing.processes import free_port
from tests.support.ledger import make_payment

PAYMENT = make_payment(1).id
SECONDS = 15.0
"""For a single endpoint 4 seconds, and the rest for a busy machine."""


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("EARNEST_RPC_URL", "EARNEST_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("EARNEST_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "300")


@contextmanager
def answering(status: int, body: bytes, asked: list[str] | None = None) -> Iterator[str]:
    """A web server that answers everything in the same way, and writes down what was `asked`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if asked is not None:
                asked.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 (the library's own name)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def silent() -> Iterator[str]:
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run a command that fails soon, and return what it said."""
    began = time.monotonic()
    assert run(list(arguments)) == EXIT_FAILED
    assert time.monotonic() - began < SECONDS
    spoken = capsys.readouterr()
    assert "Traceback" not in spoken.err
    return " ".join((spoken.err + spoken.out).split())


def test_the_doctor_tells_of_each_node(capsys: pytest.CaptureFixture[str]) -> None:
    with answering(200, b"hello") as one, answering(405, b"") as two:
        words = said(capsys, "doctor", "--rpc-url", one, "--rpc-url", two)
    assert words.count("wrong node") == 2
    assert "HTTP status 405" in words


def test_a_node_that_is_not_there_or_never_answers_is_told_within_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    with silent() as url:
        words = said(capsys, "deploy", "--yes", "--rpc-url", url, "--rpc-url", f"http://127.0.0.1:{free_port()}")
    assert "did not answer within 4 s" in words
    assert "cannot be reached" in words
    assert "does the URL lead to a node's JSON-RPC" in words


def test_a_web_server_that_is_no_node_is_told_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    with answering(405, b"<html>Method Not Allowed</html>") as url:
        words = said(capsys, "deploy", "--yes", "--rpc-url", url)
    assert "HTTP status 405" in words
    assert "does the URL lead to a node's JSON-RPC" in words


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (405, b"<html>", "does not answer as this service does (HTTP 405): give the service's URL (--api-url)"),
        (404, b'{"detail": "Not Found"}', "does not answer as this service does (HTTP 404)"),
        (200, b"<html>", "does not answer as this service does"),
        (200, b'{"jsonrpc": "2.0", "id": null, "error": {"code": -32700}}', "is a chain's node, not this service"),
        (502, b"<html>Bad Gateway</html>", "answers with HTTP 502 and no more: is the service behind it up?"),
        (409, json.dumps({"code": "conflict", "detail": "of ours"}).encode(), "of ours"),
    ],
)
def test_a_server_that_is_not_the_service_is_told_in_words(
    status: int, body: bytes, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with answering(status, body) as url:
        assert says in said(capsys, "payment", "show", PAYMENT, "--api-url", url)


def test_trigger_asks_a_service_that_is_not_up_no_more_than_once(capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[str] = []
    with answering(502, b"<html>Bad Gateway</html>", asked) as url:
        assert "HTTP 502" in said(capsys, "trigger", "funded", "--api-url", url, "--api-key", "ek_test_a")
    assert len(asked) == 1
