"""The block's own propagation: a bare subscription or a bare poll that does nothing but note when it saw each block.

A process of its own; runs until its standard input ends, and prints {block number: wall time in seconds} as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from http.client import HTTPConnection
from threading import Event, Thread
from urllib.parse import urlsplit

from websockets.sync.client import connect


def subscribe(url: str, seen: dict[int, float], stop: Event) -> None:
    with connect(url.replace("http", "ws"), compression=None) as socket:
        socket.send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]}))
        socket.recv()
        while not stop.is_set():
            try:
                message = socket.recv(0.5)
            except TimeoutError:
                continue
            at = time.time()
            seen.setdefault(int(json.loads(message)["params"]["result"]["number"], 16), at)


def poll(url: str, seconds: float, seen: dict[int, float], stop: Event) -> None:
    connection = HTTPConnection(urlsplit(url).netloc)
    question = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []})
    while not stop.wait(seconds):
        connection.request("POST", "/", question, {"Content-Type": "application/json"})
        answer = connection.getresponse().read()
        seen.setdefault(int(json.loads(answer)["result"], 16), time.time())


def main() -> None:
    how, url, poll_seconds = sys.argv[1:]
    seen: dict[int, float] = {}
    stop = Event()
    work = (subscribe, (url, seen, stop)) if how == "subscription" else (poll, (url, float(poll_seconds), seen, stop))
    thread = Thread(target=work[0], args=work[1])
    thread.start()
    print("ready", flush=True)
    sys.stdin.read()
    stop.set()
    thread.join()
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
