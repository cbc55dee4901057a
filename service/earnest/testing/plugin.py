"""The pytest plugin: `earnest`, a shop on a chain of its own, and `earnest_stack`, what it stands on.

It is loaded by every pytest where Earnest is installed, so it imports nothing before a test asks for a fixture, and
all its names begin with `earnest`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from earnest.testing.shop import Shop
    from earnest.testing.shops import Shops
    from earnest.testing.stack import LocalStack


@pytest.fixture
def earnest(_earnest_shops: Shops) -> Iterator[Shop]:
    """Give a test a merchant of his own with a webhook receiver, funded buyers, and the chain's clock and blocks."""
    with _earnest_shops.open() as shop:
        yield shop


@pytest.fixture(scope="session")
def earnest_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """Run the chain, the escrow on it and the service as processes, once for all tests; they end with them."""
    from earnest.localnet.extra import require_local_extra  # noqa: PLC0415 (see above)
    from earnest.testing.shops import stack_for_tests  # noqa: PLC0415

    require_local_extra()
    with stack_for_tests(tmp_path_factory.mktemp("earnest")) as stack:
        yield stack


@pytest.fixture(scope="session")
def _earnest_shops(earnest_stack: LocalStack) -> Iterator[Shops]:
    from earnest.testing.shops import Shops  # noqa: PLC0415

    with Shops(earnest_stack) as shops:
        yield shops
