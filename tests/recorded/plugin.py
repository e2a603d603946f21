"""Records in every test run; a call that no role allows fails the run, even where all tests passed.

Each xdist worker judges its own calls and tells the controller what was refused: the order of tests does not matter,
and a run of some tests judges what they called. What a role allows and nobody calls is for test_role_policies.py.
"""

from typing import Any

import pytest

from recorded.calls import Recorder

RECORDER = Recorder()
_REFUSED: set[str] = set()


def pytest_configure() -> None:
    """Before any client is made."""
    RECORDER.install()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: Any) -> None:
    """Judge what was called here; in a worker, for the controller."""
    if RECORDER.calls:
        # Templates are read only where there is something to judge.
        from recorded.verdict import refusals  # noqa: PLC0415 - as said above

        _REFUSED.update(refusals(RECORDER.calls))
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["refused calls"] = sorted(_REFUSED)
    elif _REFUSED and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """In the controller: what a worker tells at its end."""
    _REFUSED.update(getattr(node, "workeroutput", {}).get("refused calls", []))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Name the calls that were refused."""
    if _REFUSED:
        terminalreporter.section("calls that no role allows", sep="=", red=True)
        for line in sorted(_REFUSED):
            terminalreporter.line(line)
