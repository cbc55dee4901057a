"""What every test can use: a real PostgreSQL, and the rule that nothing is skipped silently."""

import hypothesis
import structlog

pytest_plugins = ["tests.support.no_silent_skips", "tests.support.postgres", "tests.support.anvil"]

# As the service sets it up. By default an exception is logged with the local variables of every frame, which takes
# seconds where the frames hold an application or a database.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)

# Speed is measured by the benchmarks; a busy machine must not fail a property.
hypothesis.settings.register_profile("earnest", deadline=None)
hypothesis.settings.load_profile("earnest")
