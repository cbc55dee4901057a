"""One HTTP try against real servers: TLS, redirects, slow answers, and what must not be connected to."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from earnest.testing.webhook_receiver import WebhookReceiver
from earnest.webhooks.post import Poster
from earnest.webhooks.retry import Answer
from earnest.webhooks.signature import format_secret, signed_headers

SECRET = format_secret(b"s" * 32)
NAME = "shop.test"
GIVEN_UP_SECONDS = 20.0
"""Less than these servers take by themselves, and more than a busy machine adds to half a second."""


def to_loopback(_host: str, _port: int) -> list[str]:
    return ["127.0.0.1"]


def post(url: str, **options: Any) -> Answer:
    poster = Poster(**{"allow_private": True, "resolve": to_loopback, "timeout_seconds": 5.0, **options})
    now = int(time.time())
    return poster.post(url, signed_headers([SECRET], "msg_1", now, b'{"type":"x"}'), b'{"type":"x"}', now)


@contextmanager
def raw_server(talk: Callable[[socket.socket], None], context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Serve one connection at a time with `talk`; yields the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)
    open_ = [True]

    def serve() -> None:
        while open_[0]:
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            connection.settimeout(30)
            try:
                with context.wrap_socket(connection, server_side=True) if context else connection as stream:
                    talk(stream)
            except OSError:
                continue
            finally:
                connection.close()

    thread = Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        open_[0] = False
        thread.join(10)
        listener.close()


def read_request(stream: socket.socket) -> bytes:
    got = b""
    while b'{"type":"x"}' not in got and (piece := stream.recv(65_536)):
        got += piece
    return got


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for `shop.test` and its key."""
    folder = tmp_path_factory.mktemp("tls")
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"


def test_the_receiver_verifies_what_we_post() -> None:
    with WebhookReceiver(SECRET) as shop:
        assert post(shop.url).status_code == 200
        (came,) = shop.received
        assert (came.verified, came.id, came.type, came.answered) == (True, "msg_1", "x", 200)
        assert came.headers["content-type"] == "application/json"


def test_the_receiver_tells_a_forgery() -> None:
    with WebhookReceiver(format_secret(b"t" * 32)) as shop:
        assert post(shop.url).status_code == 401
        assert not shop.received[0].verified


def test_tls_and_host_keep_the_name_while_the_connection_goes_to_the_checked_address(
    certificate: tuple[Path, Path],
) -> None:
    names: list[str | None] = []
    requests: list[bytes] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    context.sni_callback = lambda _socket, name, _context: names.append(name)

    def talk(stream: socket.socket) -> None:
        requests.append(read_request(stream))
        stream.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    trusted = ssl.create_default_context(cafile=str(certificate[0]))
    with raw_server(talk, context) as port:
        assert post(f"https://{NAME}:{port}/hooks?a=b", ssl_context=trusted) == Answer(204)
        untrusted = post(f"https://{NAME}:{port}/")
        another = post(f"https://other.test:{port}/", ssl_context=trusted)
    assert names[0] == NAME
    assert requests[0].startswith(b"POST /hooks?a=b HTTP/1.1\r\n")
    assert f"host: {NAME}:{port}".encode() in requests[0].lower()
    assert "CERTIFICATE_VERIFY_FAILED" in (untrusted.error or "")
    assert "CERTIFICATE_VERIFY_FAILED" in (another.error or "")
    assert len(requests) == 1


def test_the_name_is_resolved_once_so_that_it_cannot_lead_elsewhere_after_the_check() -> None:
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.99"]

    with WebhookReceiver(SECRET) as shop:
        assert post(shop.url.replace("127.0.0.1", NAME), resolve=rebinding).status_code == 200
    assert asked == [NAME]


def test_where_a_name_leads_is_asked_and_checked_anew_for_each_try() -> None:
    found = iter([["127.0.0.1"], ["127.0.0.1"], ["no address at all"]])
    with WebhookReceiver(SECRET) as shop:
        url = shop.url.replace("127.0.0.1", NAME)
        answers = [post(url, resolve=lambda _host, _port: next(found)) for _ in range(3)]
        assert [each.status_code for each in answers] == [200, 200, None]
        assert len(shop.received) == 2
    assert "leads to no address at all" in (answers[2].error or "")


def test_a_private_address_is_never_connected_to() -> None:
    with WebhookReceiver(SECRET) as shop:
        url = shop.url.replace("http://127.0.0.1", f"https://{NAME}")
        answer = post(url, allow_private=False)
        assert answer.status_code is None
        assert "not a public address" in (answer.error or "")
        assert "https" in (post(shop.url, allow_private=False).error or "")
        assert shop.received == []


def test_redirects_are_not_followed() -> None:
    with WebhookReceiver(SECRET) as elsewhere:

        def talk(stream: socket.socket) -> None:
            read_request(stream)
            stream.sendall(
                f"HTTP/1.1 307 Temporary Redirect\r\nLocation: {elsewhere.url}\r\nContent-Length: 0\r\n\r\n".encode()
            )

        with raw_server(talk) as port:
            assert post(f"http://{NAME}:{port}/").status_code == 307
        assert elsewhere.received == []


def test_the_environments_proxies_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with WebhookReceiver(SECRET) as shop:
        assert post(shop.url).status_code == 200


def test_a_silent_endpoint_is_given_up_at_the_deadline() -> None:
    def talk(stream: socket.socket) -> None:
        read_request(stream)
        stream.recv(1)

    with raw_server(talk) as port:
        started = time.monotonic()
        answer = post(f"http://{NAME}:{port}/", timeout_seconds=0.5)
    assert "no answer within 0.5 seconds" in (answer.error or "")
    assert time.monotonic() - started < GIVEN_UP_SECONDS


def test_a_dripping_endpoint_is_given_up_at_the_same_deadline() -> None:
    """Each byte comes in time, so only a deadline for the whole try ends it."""

    def talk(stream: socket.socket) -> None:
        read_request(stream)
        for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 1_000:
            stream.sendall(bytes([byte]))
            time.sleep(0.05)

    with raw_server(talk) as port:
        started = time.monotonic()
        answer = post(f"http://{NAME}:{port}/", timeout_seconds=0.6)
    assert answer.status_code is None
    assert time.monotonic() - started < GIVEN_UP_SECONDS


def test_an_endless_answer_is_read_only_a_little() -> None:
    sent = 0

    def talk(stream: socket.socket) -> None:
        nonlocal sent
        read_request(stream)
        stream.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for sent in range(100_000):  # noqa: B007
            stream.sendall(b"1000\r\n" + b"x" * 4_096 + b"\r\n")

    with raw_server(talk) as port:
        assert post(f"http://{NAME}:{port}/") == Answer(200)
    assert sent < 10_000  # of which most lie in the sockets' buffers


def test_retry_after_is_read_from_the_answer() -> None:
    with WebhookReceiver(SECRET) as shop:
        shop.fail(status=503, retry_after=77)
        assert post(shop.url) == Answer(503, retry_after_seconds=77)
        shop.be_gone()
        assert post(shop.url).status_code == 410


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 999999\r\n\r\n", b"\x00" * 500])
def test_what_is_no_http_is_an_error_and_not_an_exception(said: bytes) -> None:
    def talk(stream: socket.socket) -> None:
        read_request(stream)
        stream.sendall(said)

    with raw_server(talk) as port:
        answer = post(f"http://{NAME}:{port}/")
    assert answer.status_code is None or answer.status_code >= 300
    assert answer.error or answer.status_code


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (
            b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
            204,
        ),
        (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n\x81\x00", None),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", 200),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nno chunk\r\n", 200),
        (b"HTTP/1.0 500 Oh\r\n\r\nwhatever follows", 500),
        (b"HTTP/1.1 100 Continue\r\n\r\n", None),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000, None),
    ],
)
def test_the_status_is_the_answer_whatever_comes_before_and_after_it(said: bytes, status: int | None) -> None:
    def talk(stream: socket.socket) -> None:
        read_request(stream)
        stream.sendall(said)

    with raw_server(talk) as port:
        answer = post(f"http://{NAME}:{port}/")
    assert answer.status_code == status
    assert bool(answer.error) == (status is None)


@pytest.mark.parametrize(
    ("url", "line", "host"),
    [
        ("http://shop.test:{port}", b"POST / HTTP/1.1", "shop.test:{port}"),
        ("http://SHOP.test:{port}?a=b&c", b"POST /?a=b&c HTTP/1.1", "shop.test:{port}"),
        ("http://[::ffff:7f00:1]:{port}/%20x", b"POST /%20x HTTP/1.1", "[::ffff:7f00:1]:{port}"),
    ],
)
def test_the_request_names_the_path_and_the_host_of_the_url(url: str, line: bytes, host: str) -> None:
    requests: list[bytes] = []

    def talk(stream: socket.socket) -> None:
        requests.append(read_request(stream))
        stream.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with raw_server(talk) as port:
        assert post(url.format(port=port)) == Answer(204)
    first, *headers = requests[0].partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert first == line
    assert [each for each in headers if each.lower().startswith(b"host:")] == [
        f"host: {host.format(port=port)}".encode()
    ]


def test_nobody_listening_is_an_error_and_every_address_is_tried() -> None:
    with WebhookReceiver(SECRET) as shop:
        port = int(shop.url.split(":")[2].split("/")[0])
        two = post(f"http://{NAME}:{port}/", resolve=lambda _host, _port: ["127.0.0.77", "127.0.0.1"])
        assert two.status_code == 200
    assert "ConnectionRefusedError" in (post(f"http://{NAME}:{port}/").error or "")


def test_the_receiver_waits_for_what_it_is_asked_for_and_says_what_came_instead() -> None:
    with WebhookReceiver(SECRET) as shop:
        shop.fail(times=1)
        assert post(shop.url).status_code == 500
        with pytest.raises(TimeoutError, match="no x for any payment"):
            shop.wait_for("x", timeout=0.05)
        shop.be_slow(0.05)
        assert post(shop.url).status_code == 200
        assert shop.wait_for("x", timeout=5).verified


def test_what_is_no_longer_ours_is_not_sent() -> None:
    """The process was stopped after it had connected; when it wakes up, another one has sent this and what follows."""
    with WebhookReceiver(SECRET) as shop:
        answer = post(shop.url, may_send=lambda: False)
        assert (answer.withheld, answer.status_code, shop.received) == (True, None, [])
        assert post(shop.url, may_send=lambda: True).status_code == 200
