"""What every test can use: a real PostgreSQL, and the rule that nothing is skipped silently."""

pytest_plugins = ["tests.support.no_silent_skips", "tests.support.postgres", "tests.support.anvil"]
