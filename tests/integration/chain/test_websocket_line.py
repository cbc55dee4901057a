"""A WebSocket that is read by whoever waits for a message, and what a server can do on it."""

from __future__ import annotations

import socket
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Thread

import pytest
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from earnest.chain.websocket_line import Line, LineLost

OFTEN = 0.05
"""Seconds between pings where a test is about them."""


class Door:
    """The server's side, which does nothing by itself once it is open."""

    def __init__(self, line: socket.socket) -> None:
        self.socket, self.protocol = line, ServerProtocol()

    def open(self) -> None:
        while not (events := self.heard()):
            pass
        (request,) = events
        assert isinstance(request, Request)
        self.protocol.send_response(self.protocol.accept(request))
        self.say()

    def heard(self) -> list[object]:
        self.protocol.receive_data(self.socket.recv(4096))
        return list(self.protocol.events_received())

    def say(self) -> None:
        for data in self.protocol.data_to_send():
            self.socket.sendall(data)

    def say_raw(self, *frames: Frame) -> None:
        self.socket.sendall(b"".join(each.serialize(mask=False) for each in frames))


@contextmanager
def opened(*, ping_interval: float = 60.0) -> Iterator[tuple[Line, Door]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        door = Door(theirs)
        opening = Thread(target=door.open)
        opening.start()
        line = Line(ours, ClientProtocol(parse_uri("ws://a/")), ping_interval=ping_interval, ping_timeout=OFTEN)
        line.handshake(timeout=5.0)
        opening.join()
        yield line, door


def test_a_message_in_pieces_comes_whole() -> None:
    with opened() as (line, door):
        door.say_raw(
            Frame(Opcode.TEXT, b"one, ", fin=False),
            Frame(Opcode.CONT, b"", fin=False),
            Frame(Opcode.PING, b"are you there?"),
            Frame(Opcode.CONT, b"two", fin=True),
            Frame(Opcode.TEXT, b"three"),
        )
        assert [line.recv(5.0), line.recv(5.0)] == [b"one, two", b"three"]
        (pong,) = door.heard()
        assert isinstance(pong, Frame)
        assert (pong.opcode, pong.data) == (Opcode.PONG, b"are you there?")


def test_pieces_without_anything_in_them_take_no_memory_however_many_a_server_likes() -> None:
    pieces = Frame(Opcode.CONT, b"", fin=False).serialize(mask=False) * 5_000
    with opened() as (line, door):
        door.say_raw(Frame(Opcode.TEXT, b"the ", fin=False))
        assert line.recv(0.01) is None
        tracemalloc.start()
        try:
            for _ in range(4):
                door.socket.sendall(pieces)
                assert line.recv(0.01) is None
            kept, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert kept < 4 * len(pieces), "a place in a list takes eight bytes, and a piece two"
        door.say_raw(Frame(Opcode.CONT, b"end", fin=True))
        assert line.recv(5.0) == b"the end"


def test_bytes_that_drip_hold_nobody_for_longer_than_he_waits() -> None:
    with opened() as (line, door), ExitStack() as ends:
        whole = Frame(Opcode.TEXT, b"x" * 100).serialize(mask=False)

        def drip() -> None:
            for place in range(40):
                door.socket.sendall(whole[place : place + 1])
                time.sleep(0.01)

        dripping = Thread(target=drip)
        dripping.start()
        ends.callback(dripping.join)
        began = time.monotonic()
        assert line.recv(0.1) is None
        assert time.monotonic() - began < 0.3


def test_a_server_that_answers_no_ping_is_left() -> None:
    with opened(ping_interval=OFTEN) as (line, _), pytest.raises(LineLost):
        for _ in range(20):
            line.recv(OFTEN)


def test_a_server_that_answers_pings_is_kept() -> None:
    with opened(ping_interval=OFTEN) as (line, door):
        pings = 0
        while pings < 3:
            assert line.recv(1.5 * OFTEN) is None
            line.recv(0.001)
            pings += sum(isinstance(each, Frame) and each.opcode is Opcode.PING for each in door.heard())
            door.say()


def test_an_old_pong_is_no_answer_to_a_ping() -> None:
    with opened(ping_interval=OFTEN) as (line, door), pytest.raises(LineLost):
        for _ in range(20):
            door.say_raw(Frame(Opcode.PONG, b"old"))
            line.recv(OFTEN / 4)
            time.sleep(OFTEN / 4)


def test_why_a_server_closed_is_told_after_all_that_it_said() -> None:
    with opened() as (line, door):
        door.protocol.send_text(b"last words")
        door.protocol.send_close(1001, "going away")
        door.say()
        assert line.recv(5.0) == b"last words"
        with pytest.raises(LineLost) as lost:
            line.recv(5.0)
        assert lost.value.told == 1001


def test_a_server_that_hangs_up_is_noticed() -> None:
    with opened() as (line, door):
        door.socket.close()
        with pytest.raises(LineLost) as lost:
            line.recv(5.0)
        assert lost.value.told is None
        with pytest.raises(LineLost):
            line.send("are you there?")


def test_leaving_says_so() -> None:
    with opened() as (line, door):
        with line:
            pass
        (close,) = door.heard()
        assert isinstance(close, Frame)
        assert close.opcode is Opcode.CLOSE
