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
