"""HTTP as servers speak it, and as nobody should, over real sockets: what comes is read, bounded, or refused."""

from __future__ import annotations

import gzip
import socket
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Barrier, Semaphore, Thread, Timer

import httpx
import pytest

from earnest.chain.carriers import HttpAnswer, Limits
from earnest.chain.connections import WAITING_AT_MOST, Connections
from earnest.chain.errors import AnswerTooLarge, MalformedAnswer, NodeTimeout, NodeUnavailable

BODY = b'{"jsonrpc":"2.0","id":1,"result":"0x1"}'
LIMIT = 100_000


@dataclass
class Server:
    """Answers each question on a line with the next of these byte strings; an empty one hangs up."""

    answers: list[list[bytes]]
    """For each answer the pieces in which it is sent, a moment apart."""
    lines: int = 0
    questions: list[bytes] = field(default_factory=list)
    pause_seconds: float = 0.01

    def __post_init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()

    def _run(self) -> None:
        while self.answers:
            try:
                line, _ = self._socket.accept()
            except OSError:
                return
            self.lines += 1
            with line, suppress(OSError):
                self._serve(line)

    def _serve(self, line: socket.socket) -> None:
        line.settimeout(10)
        while self.answers:
            asked = b""
            while not asked.endswith(BODY):
                some = line.recv(65_536)
                if not some:
                    return
                asked += some
            self.questions.append(asked)
            for piece in self.answers.pop(0):
                if not piece:
                    return
                line.sendall(piece)
                time.sleep(self.pause_seconds)
        with suppress(TimeoutError):
            line.recv(1)


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    made: list[Server] = []
    yield made
    for each in made:
        each.close()


def asked(servers: list[Server], *answers: list[bytes], timeout_seconds: float = 5.0) -> tuple[Server, Connections]:
    server = Server(list(answers))
    servers.append(server)
    url = httpx.URL(f"http://127.0.0.1:{server.port}/v2/key?token=t")
    headers = {"Content-Type": "application/json"}
    return server, Connections(url, "node.example", headers, Limits(timeout_seconds, LIMIT))


def ok(body: bytes = BODY, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def chunked(*chunks: bytes, trailer: bytes = b"") -> bytes:
    told = b"".join(b"%x;a=b\r\n%b\r\n" % (len(each), each) for each in chunks)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + told + b"0\r\n" + trailer + b"\r\n"


def test_many_questions_go_over_one_line_and_each_is_a_whole_request(servers: list[Server]) -> None:
    server, line = asked(servers, *[[ok()] for _ in range(3)])
    assert [line.post(BODY) for _ in range(3)] == [HttpAnswer(200, None, BODY)] * 3
    assert server.lines == 1
    head = f"POST /v2/key?token=t HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Type: application/json\r\n"
    assert server.questions == [f"{head}Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY] * 3
    line.close()


@pytest.mark.parametrize(
    "answer",
    {
        "in one piece": [ok()],
        "byte by byte": [bytes([each]) for each in ok()],
        "in chunks": [chunked(BODY[:7], BODY[7:])],
        "chunks byte by byte": [bytes([each]) for each in chunked(BODY[:7], BODY[7:], trailer=b"X: y\r\n")],
        "in two pieces": [ok()[:-7], ok()[-7:]],
        "kept by a word": [ok(BODY, "Connection: keep-alive", "Server: x")],
        "as gzip": [ok(gzip.compress(BODY), "Content-Encoding: gzip")],
        "as zlib": [ok(zlib.compress(BODY), "content-encoding:deflate")],
        "as bare deflate": [ok(zlib.compress(BODY)[2:-4], "Content-Encoding: deflate")],
        "after a word on the way": [b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok()],
        "with a strange header": [ok(BODY, "Server: \xff", "No colon")],
        "with a header over lines": [chunked(BODY).replace(b"chunked\r\n", b"\r\n  chunked\r\n")],
        "with bare ends of lines": [ok().replace(b"\r\n", b"\n")],
        "kept by an old server": [ok(BODY, "connection : Keep-Alive").replace(b"1.1", b"1.0")],
    }.values(),
    ids=lambda answer: f"{len(answer)} pieces, {bytes(answer[0][9:60])!r}",
)
def test_what_servers_send_is_read_and_the_line_kept(servers: list[Server], answer: list[bytes]) -> None:
    server, line = asked(servers, answer, [ok()])
    server.pause_seconds = 0.0005
    assert line.post(BODY).body == BODY
    assert line.post(BODY).body == BODY
    assert server.lines == 1
    line.close()


@pytest.mark.parametrize(
    "answer",
    [
        [b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY],
        [ok(BODY, "Connection: close")],
        [b"HTTP/1.1 200 OK\r\n\r\n" + BODY, b""],
        [ok() + b"HTTP/1.1 200 OK\r\n"],
        [chunked(BODY).replace(b"chunked\r\n", b"chunked\r\nContent-Length: 5\r\n")],
    ],
    ids=["HTTP/1.0", "told to close", "ends with the line", "says more than it was asked", "two sorts of length"],
)
def test_a_line_on_which_nothing_may_follow_is_not_used_again(servers: list[Server], answer: list[bytes]) -> None:
    server, line = asked(servers, answer, [ok()])
    assert line.post(BODY).body == BODY
    assert line.post(BODY).body == BODY
    assert server.lines == 2
    line.close()


def test_an_answer_without_a_body_is_over_with_its_head(servers: list[Server]) -> None:
    server, line = asked(servers, [b"HTTP/1.1 204 No Content\r\n\r\n"], [ok()])
    assert line.post(BODY) == HttpAnswer(204, None, b"")
    assert line.post(BODY).body == BODY
    assert server.lines == 1
    line.close()


def test_a_line_that_the_server_closed_meanwhile_is_not_used_again(servers: list[Server]) -> None:
    server, line = asked(servers, [ok(), b""], [ok()])
    assert line.post(BODY).body == BODY
    time.sleep(0.2)
    assert line.post(BODY).body == BODY
    assert server.lines == 2
    line.close()


def test_a_status_of_error_comes_with_its_body_and_its_wish(servers: list[Server]) -> None:
    _, line = asked(servers, [ok(b"slow down", "Retry-After: 7", status="429 Too Many Requests")])
    assert line.post(BODY) == HttpAnswer(429, "7", b"slow down")
    line.close()


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ([b""], NodeUnavailable, "did not answer: it hung up"),
        ([ok()[:-3], b""], NodeUnavailable, "did not answer: it hung up"),
        ([chunked(BODY)[:-2], b""], NodeUnavailable, "did not answer: it hung up"),
        ([b"SSH-2.0-OpenSSH_9.2\r\n\r\n"], NodeUnavailable, "did not answer: no HTTP"),
        ([b"HTTP/1.1 2x0 OK\r\n\r\n"], NodeUnavailable, "did not answer: no HTTP"),
        ([b"HTTP/1.1 099 OK\r\n\r\n"], NodeUnavailable, "did not answer: no HTTP"),
        ([b"HTTP/1.1 2000 OK\r\n\r\n"], NodeUnavailable, "did not answer: no HTTP"),
        ([b"HTTP/1.1\r\n\r\n"], NodeUnavailable, "did not answer: no HTTP"),
        ([b"HTTP/2 200\r\n\r\n"], NodeUnavailable, "did not answer: no HTTP"),
        ([b"\r\n\r\n"], NodeUnavailable, "did not answer: no HTTP"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"], NodeUnavailable, "a length that is none"),
        ([ok(BODY, "Content-Length: 5")], NodeUnavailable, "two lengths"),
        ([chunked(BODY).replace(b"27;a=b", b"many")], NodeUnavailable, "chunks that are none"),
        ([chunked(BODY).replace(b"27;a=b", b"26")], NodeUnavailable, "chunks that are none"),
        ([b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000], NodeUnavailable, "a head without an end"),
        ([b"HTTP/1.1 200 OK\r\nX: " + b"y" * 20_000], NodeUnavailable, "a head without an end"),
        ([b"HTTP/1.1 103 Early Hints\r\n\r\n" * 20_000], NodeUnavailable, "a head without an end"),
        ([b"HTTP/1.1 200 OK\r\n" + b"Content-Type: message/rfc822\r\r" * 500 + b"\n"], NodeUnavailable, "no HTTP"),
        ([ok(b"x" * (LIMIT + 1))], AnswerTooLarge, "more than 100000 bytes"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % 10**17], AnswerTooLarge, "more than 100000 bytes"),
        ([chunked(*[b"x" * 1_000] * 101)], AnswerTooLarge, "more than 100000 bytes"),
        ([ok(gzip.compress(bytes(50 * LIMIT)), "Content-Encoding: gzip")], AnswerTooLarge, "more than 100000 bytes"),
        ([ok(gzip.compress(BODY)[:-9], "Content-Encoding: gzip")], MalformedAnswer, "cannot be decompressed"),
        ([ok(BODY, "Content-Encoding: gzip")], MalformedAnswer, "cannot be decompressed"),
    ],
)
def test_what_no_server_should_send_is_refused_and_the_next_question_goes_over_another_line(
    servers: list[Server], answer: list[bytes], error: type[NodeUnavailable], words: str
) -> None:
    server, line = asked(servers, answer, [ok()])
    with pytest.raises(NodeUnavailable, match=words) as refused:
        line.post(BODY)
    assert type(refused.value) is error
    assert "key" not in str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__cause__ is None
    assert line.post(BODY).body == BODY
    assert server.lines == 2
    line.close()


def test_silence_ends_with_the_timeout(servers: list[Server]) -> None:
    _, line = asked(servers, [b"HTTP/1.1 200 OK\r\n"], timeout_seconds=0.2)
    with pytest.raises(NodeTimeout, match=r"did not answer within 0\.2 s"):
        line.post(BODY)
    line.close()


def test_an_answer_that_drips_ends_after_some_timeouts(servers: list[Server]) -> None:
    server, line = asked(servers, [bytes([each]) for each in ok(b"x" * 1_000)], timeout_seconds=0.05)
    server.pause_seconds = 0.02
    with pytest.raises(NodeTimeout, match=r"did not finish its answer within 0\.3 s"):
        line.post(BODY)
    line.close()


def test_a_body_in_tiny_chunks_takes_hardly_more_memory_than_in_large_ones(servers: list[Server]) -> None:
    body = b"[]" * (LIMIT // 2)
    answer = chunked(*[b"[]"] * (LIMIT // 2))
    _, line = asked(servers, [answer])
    tracemalloc.start()
    try:
        assert line.post(BODY).body == body
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10 * LIMIT
    line.close()


def test_whoever_waits_wakes_up_when_the_lines_are_closed(servers: list[Server]) -> None:
    _, line = asked(servers, [b"HTTP/1.1 200 OK\r\n"], timeout_seconds=60.0)
    Timer(0.2, line.close).start()
    started = time.monotonic()
    with pytest.raises(NodeUnavailable, match="did not answer"):
        line.post(BODY)
    assert time.monotonic() - started < 8  # the server itself hangs up after 10
    with pytest.raises(NodeUnavailable, match="the connections were closed"):
        line.post(BODY)


def test_a_port_at_which_nobody_listens_cannot_be_reached(servers: list[Server]) -> None:
    server, line = asked(servers, [ok()])
    server.answers.clear()
    server.close()
    servers.clear()
    with pytest.raises(NodeUnavailable, match="cannot be reached"):
        line.post(BODY)


class Echo(BaseHTTPRequestHandler):
    """Sends each question back once so many are there side by side."""

    protocol_version = "HTTP/1.1"
    together: Barrier
    hung_up: Semaphore

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.together.wait(10)
        with suppress(OSError):
            self.wfile.write(ok(body))

    def finish(self) -> None:
        with suppress(OSError):
            super().finish()
        self.hung_up.release()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def echo() -> Iterator[tuple[type[Echo], Connections]]:
    class Ours(Echo):
        together, hung_up = Barrier(3), Semaphore(0)

    with ThreadingHTTPServer(("127.0.0.1", 0), Ours) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        line = Connections(httpx.URL(f"http://127.0.0.1:{server.server_port}"), "node.example", {}, Limits(5.0, LIMIT))
        yield Ours, line
        line.close()
        server.shutdown()
        thread.join()


def test_questions_asked_ahead_travel_side_by_side_and_each_answer_is_its_own(
    echo: tuple[type[Echo], Connections],
) -> None:
    _, line = echo
    one, two, three = (line.post_later(body) for body in (b"one", b"two", b"three"))
    assert [three().body, one().body, two().body] == [b"three", b"one", b"two"]
    again = [line.post_later(body) for body in (b"1", b"2", b"3")]
    assert [each().body for each in again] == [b"1", b"2", b"3"]
    with pytest.raises(NodeUnavailable):
        one()  # an answer comes once


def test_an_answer_that_nobody_wants_any_more_is_hung_up_on_and_others_are_not(
    echo: tuple[type[Echo], Connections],
) -> None:
    server, line = echo
    one, two, three = (line.post_later(body) for body in (b"one", b"two", b"three"))
    two.forget()
    assert [one().body, three().body] == [b"one", b"three"]
    assert server.hung_up.acquire(timeout=10)
    one.forget()
    two.forget()
    assert not server.hung_up.acquire(timeout=0.05)  # it was another's line by then
    with pytest.raises(NodeUnavailable):
        two()


def test_no_more_lines_are_held_for_whoever_asks_ahead_than_a_node_should_have_to_bear(
    echo: tuple[type[Echo], Connections],
) -> None:
    server, line = echo
    server.together = Barrier(WAITING_AT_MOST)  # one more would wait there for others, and in vain
    bodies = [b"%d" % number for number in range(WAITING_AT_MOST + 1)]
    *held, wanted = [line.post_later(body) for body in bodies]
    assert [each().body for each in held] == bodies[:-1]
    server.together = Barrier(1)
    assert wanted().body == bodies[-1]


def test_what_is_on_its_way_ends_with_the_connections(echo: tuple[type[Echo], Connections]) -> None:
    server, line = echo
    asked = [line.post_later(body) for body in (b"one", b"two", b"three")]
    line.close()
    assert all(server.hung_up.acquire(timeout=10) for _ in asked)
    for each in asked:
        with pytest.raises(NodeUnavailable):
            each()
    with pytest.raises(NodeUnavailable):
        line.post_later(b"four")
