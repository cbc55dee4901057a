"""`python -m earnest.localnet`: the embedded chain as a child process, without the cost of loading the command line."""

import argparse
import signal
import sys
import threading
from pathlib import Path

from earnest.localnet.errors import LocalnetError
from earnest.localnet.server import DEFAULT_PORT, ChainServer


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; prints one line once it listens. Returns the exit status."""
    options = _parser().parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    settle_seconds = options.settle_seconds if options.settle_seconds > 0 else None
    try:
        with ChainServer(
            options.data_dir,
            options.host,
            options.port,
            settle_seconds=settle_seconds,
            test_tokens=not options.no_test_tokens,
        ) as server:
            sys.stdout.write(f"listening on {server.url}\n")
            sys.stdout.flush()
            stop.wait()
    except LocalnetError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m earnest.localnet", description="The embedded development chain.")
    parser.add_argument("--data-dir", type=Path, help="where chain.db lies; in memory only if left out")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="0: any free one (default: %(default)s)")
    parser.add_argument(
        "--settle-seconds", type=float, default=1.0, help="pace of blocks towards finality; 0: none (default: 1)"
    )
    parser.add_argument("--no-test-tokens", action="store_true", help="leave a fresh chain without the test tokens")
    return parser


if __name__ == "__main__":
    sys.exit(main())
