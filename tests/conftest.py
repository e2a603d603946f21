"""What all tests share: how long an example takes is the machine's business; calls of AWS are held against roles."""

from hypothesis import settings
from recorded.plugin import (  # noqa: F401 - hooks of pytest
    pytest_configure,
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_testnodedown,
)

settings.register_profile("house", deadline=None)
settings.load_profile("house")


def pytest_make_parametrize_id(val):
    """Bytes that nobody can read are called by their length: gzip's hold the second in which they were made.

    Workers that collect in two different seconds would not collect the same tests.
    """
    is_readable = isinstance(val, bytes) and len(val) < 40 and val.isascii()
    return f"{len(val)} bytes" if isinstance(val, bytes) and not is_readable else None
