"""Of an answer that came whole, the body at once; of all others it is found out step by step what they are."""

from __future__ import annotations

import pytest

from earnest.chain.bounded import plain_body


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (b"HTTP/1.1 200", b"HTTP/1.0 200"),
        (b"HTTP/1.1 200", b"HTTP/1.1 201"),
        (b"Date: now", b"Connection: close"),
        (b"Date: now", b"Connection: keep-alive, close"),
        (b"Date: now", b"Content-Encoding: gzip"),
        (b"Date: now", b"Transfer-Encoding: chunked"),
        (b"Date: now", b"Content-Length: 27"),
        (b"Date: now", b"Date: now\r\n and then"),
        (b"Date: now", b"Date: now\rContent-Length: 1"),
        (b"Date: now", b"Date: now\nContent-Length: 1"),
        (b"Date: now", b"no colon"),
        (b"Date: now", b"nocolon"),
        (b"Date: now", b"content-LENGTH : 27"),
        (b"Date: now", b"a:" + b" " * 1000 + b"\r"),
        (b"Length: 27", b"Length: 26"),
        (b"Length: 27", b"Length: 28"),
        (b"Length: 27", b"Length: +27"),
        (b"Length: 27", b"Length: 27,27"),
        (b"Content-Length: 27\r\n", b""),
        (b"\r\n\r\n", b"\r\n"),
    ],
)
def test_an_answer_with_anything_special_about_it_is_read_step_by_step(before: bytes, now: bytes) -> None:
    body = b'{"jsonrpc":"2.0","id":"12"}'
    plain = b"HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 27\r\nServer: x\r\n\r\n" + body
    assert plain_body(plain, 27) == body
    assert plain_body(plain, 26) is None
    assert plain_body(plain.replace(before, now, 1), 100) is None
