"""Compaction as a process over HTTP, ended by SIGKILL; `make check` does this before every request."""

import pytest
from killed_compactor import Killing, Outcome

from workbench.cloud import LocalCloud

pytestmark = pytest.mark.slow


def test_a_process_killed_between_commit_and_switch_loses_nothing():
    """The manifest is put, the catalog still shows what was before; the next process leads readers on."""
    with LocalCloud() as cloud:
        assert Killing(cloud).at(4) == Outcome("PutObject", was_killed=True, lost=0, doubled=0)
