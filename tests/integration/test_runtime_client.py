"""The room in which `make check` runs the function: AWS's runtime client tells each end of an invocation apart."""

import pytest

from reliability.figures import Figure
from reliability.runtime.function import LambdaFunction

SOURCE = """
import os, time
def handler(event, context):
    if event["do"] == "raise":
        raise ValueError("no")
    if event["do"] == "hang":
        time.sleep(60)
    if event["do"] == "exit":
        os._exit(3)
    if event["do"] == "fill":
        return len(bytearray(event["bytes"]))
    return {"left_ms": context.get_remaining_time_in_millis(), "pid": os.getpid(), "home": os.listdir(".")}
"""


@pytest.fixture
def function(tmp_path):
    """A function of a few lines, under 100 MB."""
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "small.py").write_text(SOURCE)
    with LambdaFunction(tree, "small.handler", {}, 100 * 1024**2) as function:
        yield function


def test_each_end_of_an_invocation_is_told_apart(function):
    """An answer, an error, time run out, an ended process; the next event finds a process again."""
    first = function.invoke({"do": "answer"}, 30)
    assert (first.kind, first.is_cold, first.value["home"]) == ("response", True, [])
    assert 25_000 < first.value["left_ms"] <= 30_000
    again = function.invoke({"do": "answer"}, 30)
    assert (again.is_cold, again.value["pid"]) == (False, first.value["pid"])
    refused = function.invoke({"do": "raise"}, 30)
    assert (refused.kind, refused.value["errorType"], refused.value["errorMessage"]) == ("error", "ValueError", "no")
    assert function.invoke({"do": "hang"}, 0.3).kind == "timeout"
    ended = function.invoke({"do": "exit"}, 30)
    assert (ended.kind, ended.is_cold) == ("died", True)
    assert function.invoke({"do": "answer"}, 30).kind == "response"


def test_the_memory_is_a_hard_limit(function):
    """What fits is answered; ten times the limit ends the process, or fails where no control group can be made."""
    assert function.invoke({"do": "fill", "bytes": 10 * 1024**2}, 30).value == 10 * 1024**2
    kind = function.invoke({"do": "fill", "bytes": 1000 * 1024**2}, 30).kind
    assert kind == ("died" if function.limit.kind == "control group" else "error")


def test_nothing_of_this_repository_is_within_reach(tmp_path):
    """A function that imports what its artefact lacks does not start, though the tests' own process has it."""
    (tmp_path / "broken.py").write_text("import enricher\ndef handler(event, context): return 1\n")
    with LambdaFunction(tmp_path, "broken.handler", {}, 100 * 1024**2) as function:
        outcome = function.invoke({}, 30)
        log = function.log
    assert outcome.kind in ("init_error", "died")
    assert "No module named 'enricher'" in log + str(outcome.value)


@pytest.mark.parametrize(
    ("relation", "bound", "is_met"),
    [(None, 0, True), ("==", 2, True), ("==", 3, False), ("<=", 2, True), ("<=", 1.9, False), (">=", 2.1, False)],
)
def test_a_figure_knows_whether_its_bound_is_kept(relation, bound, is_met):
    """Bounds are inclusive; a figure without one is told for its own sake."""
    assert Figure("name", 2, "things", "what", relation, bound).is_met == is_met
