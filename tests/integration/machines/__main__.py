"""Days of many machines, one for each seed: `python -m tests.integration.machines --seeds 1-50`.

Each line says what a day had; the run ends at the first day that does not end as the chain says, with the processes'
last words. The seed draws who is stopped, killed or ended, when, and for how long.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path

from tests.integration.machines.fleet import SHORT_FLEET, Fleet, running_fleet
from tests.integration.machines.story import Day
from tests.support.anvil import find_anvil, running_anvil
from tests.support.postgres import find_binaries, running_server

BIG_FLEET = {"serve": 2, "follow": 2, "send": 2, "deliver": 2}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.integration.machines", description=__doc__)
    parser.add_argument("--seeds", default="1-10", help="the first and the last, as 1-10 (%(default)s)")
    parser.add_argument("--payments", type=int, default=20, help="in one day (%(default)s)")
    parser.add_argument("--big", action="store_true", help="eight processes instead of five")
    asked = parser.parse_args()
    first, _, last = asked.seeds.partition("-")
    anvil, binaries = find_anvil(), find_binaries()
    if anvil is None or binaries is None:
        print("needs anvil (npm ci in contracts/) and PostgreSQL's binaries")
        return 2
    with ExitStack() as ends:
        node_url = ends.enter_context(running_anvil(anvil))
        server = ends.enter_context(running_server(binaries))
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory()))
        url = server.url(server.create_database())
        fleet = ends.enter_context(running_fleet(folder, node_url, url, BIG_FLEET if asked.big else SHORT_FLEET))
        for seed in range(int(first), int(last or first) + 1):
            _one_day(fleet, seed, asked.payments)
    return 0


def _one_day(fleet: Fleet, seed: int, payments: int) -> None:
    began = time.monotonic()
    fleet.calm()
    with closing(Day(fleet, seed, payments)) as day:
        try:
            day.run()
            day.prove()
        except BaseException:
            print(f"seed {seed}: {day.figures}\n{fleet.tails()}")
            raise
        print(f"seed {seed}, {time.monotonic() - began:.0f} s: {day.figures}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
