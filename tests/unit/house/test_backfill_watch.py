"""Is the memory that the backfill's benchmark tells a run's own?"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.tools.setup import ROOT
from tests.benchmarks.backfill.watch import peak_mib

ASK = "from tests.benchmarks.backfill.watch import peak_mib; print(peak_mib())"
LARGE_MIB = 128


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux says it without the parent's share")
def test_a_large_parent_is_not_counted_as_its_childs_memory() -> None:
    large = b"x" * (LARGE_MIB << 20)
    done = subprocess.run([sys.executable, "-c", ASK], cwd=ROOT, capture_output=True, text=True, check=True)
    assert peak_mib() >= len(large) >> 20
    assert 1 < float(done.stdout) < LARGE_MIB
