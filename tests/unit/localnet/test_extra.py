from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import earnest
from earnest.localnet.extra import require_local_extra

PACKAGE_FOLDER = Path(earnest.__file__).parents[1]


def test_nothing_is_said_while_the_packages_are_there() -> None:
    require_local_extra()


def test_missing_packages_are_named_with_what_to_install() -> None:
    # Without site-packages nothing is installed, as in an environment that lacks the extra.
    program = (
        f"import sys; sys.path.insert(0, {str(PACKAGE_FOLDER)!r})\n"
        "from earnest.localnet.errors import LocalExtraMissing\n"
        "from earnest.localnet.extra import require_local_extra\n"
        "try:\n    require_local_extra()\nexcept LocalExtraMissing as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "the embedded chain needs py-evm and eth-tester: pip install 'earnest[local]'"
