"""Parts of `vpcflow query`: Athena's text as values, values as JSON, and the word on what takes long."""

import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from threading import Event
from zoneinfo import ZoneInfo

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, NoRegionError, ProfileNotFound

from workbench.athena.engine import QueryResult
from workbench.athena.errors import QueryError
from workbench.athena.remote_values import literal, type_of, value_of
from workbench.aws import aws_failures
from workbench.errors import UsageError
from workbench.progress import Progress
from workbench.query_print import print_result
from workbench.show import print_table

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("9223372036854775807", "bigint", 9223372036854775807),
        ("-1.5E-7", "double", -1.5e-7),
        ("Infinity", "double", float("inf")),
        ("0.10", "decimal(10,2)", Decimal("0.10")),
        ("false", "boolean", False),
        ("2026-11-01", "date", date(2026, 11, 1)),
        ("2026-11-01 02:03:04.005", "timestamp", datetime(2026, 11, 1, 2, 3, 4, 5000)),  # noqa: DTZ001 - has no zone
        ("2026-11-01 02:03:04.000 UTC", "timestamp with time zone", datetime(2026, 11, 1, 2, 3, 4, tzinfo=UTC)),
        ("2026-11-01 02:03:04.000 Europe/Berlin", "timestamp with time zone",
         datetime(2026, 11, 1, 2, 3, 4, tzinfo=BERLIN)),
        ("{a=b, c=d}", "map", "{a=b, c=d}"),
        ("", "varchar", ""),
        ("12", "varchar", "12"),
        (None, "bigint", None),
    ],
)  # fmt: skip
def test_a_text_is_read_by_its_column_s_type(text, kind, value):
    """Numbers, times and truths as such; a map stays text, because its text does not tell where a value ends."""
    found = value_of(text, kind)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("twelve", "bigint"),
        ("", "bigint"),
        ("yes", "boolean"),
        ("x", "decimal(3,1)"),
        ("2026", "timestamp with time zone"),
        ("2026-11-01 02:03:04.000 Nowhere/None", "timestamp with time zone"),
        ("2026-13-01", "date"),
    ],
)
def test_a_text_that_is_no_value_of_its_type_is_an_error_that_names_both(text, kind):
    """Never a value made up."""
    with pytest.raises(QueryError, match="CAST") as error:
        value_of(text, kind)
    assert repr(text) in str(error.value)


def test_types_are_told_as_duckdb_s_answers_tell_them():
    """A decimal with its places."""
    assert type_of({"Type": "decimal", "Precision": 10, "Scale": 2}) == "decimal(10,2)"
    assert type_of({"Type": "VARCHAR", "Precision": 2147483647, "Scale": 0}) == "varchar"


@pytest.mark.parametrize(("value", "text"), [(20, "20"), ("it's", "'it''s'"), ("2026-11-01", "'2026-11-01'")])
def test_parameters_are_literals(value, text):
    """A text has its quotes, and those inside twice: a bare day would be a subtraction."""
    assert literal(value) == text


def test_json_has_only_what_json_has(capsys):
    """What is no number is null, bytes are Athena's hexadecimal text, times are ISO 8601, nested too."""
    row = (float("nan"), Decimal("1.50"), b"\x0a\xff", {"at": date(2026, 11, 1)}, [float("inf"), True])
    print_result("", QueryResult(tuple("abcde"), ("varchar",) * 5, (row,)), "json")
    assert json.loads(capsys.readouterr().out) == [
        {"a": None, "b": 1.5, "c": "0a ff", "d": {"at": "2026-11-01"}, "e": [None, True]}
    ]


@pytest.mark.parametrize(("no_color", "is_plain"), [("1", True), ("", False)])
def test_no_color_means_no_escape_sequence(no_color, is_plain, monkeypatch, capsys):
    """Not even bold, also where colour is forced; an empty NO_COLOR asks for nothing (no-color.org)."""
    for name, value in (("FORCE_COLOR", "1"), ("TERM", "xterm"), ("NO_COLOR", no_color)):
        monkeypatch.setenv(name, value)
    print_table("Title", ("name",), [("value",)])
    assert ("\x1b" not in capsys.readouterr().out) is is_plain


def test_a_table_into_a_pipe_breaks_no_id(capsys):
    """However wide: what is found in the output can be copied."""
    ids = [f"eni-{number:017x}" for number in range(40)]
    print_table("Ids", [f"column_{number}" for number in range(40)], [ids])
    assert capsys.readouterr().out.splitlines()[4].split() == ids


class Screen(io.StringIO):
    """A terminal that tells when something was written to it."""

    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__()
        self.is_terminal = is_terminal
        self.written = Event()

    def isatty(self) -> bool:
        """As told."""
        return self.is_terminal

    def write(self, text: str) -> int:
        """Remember it."""
        length = super().write(text)
        self.written.set()
        return length


def test_what_takes_long_is_said_and_wiped_away():
    """Once the first wait is over the label stands there; at the end the line is empty again."""
    screen = Screen(is_terminal=True)
    with Progress("query top_talkers", screen, first_s=0.001):
        assert screen.written.wait(10)
    assert "query top_talkers … 0 s" in screen.getvalue()
    assert screen.getvalue().endswith("\r\x1b[K")


def test_what_is_quick_is_not_talked_about():
    """Nothing is written within the first second."""
    screen = Screen(is_terminal=True)
    with Progress("query", screen):
        pass
    assert screen.getvalue() == ""


@pytest.mark.parametrize(("is_terminal", "is_quiet"), [(False, False), (True, True)])
def test_scripts_hear_errors_alone(is_terminal, is_quiet):
    """No word where nobody watches, or nobody wants one."""
    screen = Screen(is_terminal=is_terminal)
    with Progress("query", screen, is_quiet=is_quiet, first_s=0.001):
        assert not screen.written.wait(0.05)


def refusal(code: str) -> ClientError:
    """AWS's refusal of a call."""
    return ClientError({"Error": {"Code": code, "Message": "no."}}, "GetObject")


@pytest.mark.parametrize(
    ("error", "mend"),
    [
        (refusal("AccessDenied"), "allow the caller GetObject there"),
        (refusal("ExpiredToken"), "log in again"),
        (refusal("InvalidAccessKeyId"), "log in again"),
        (NoCredentialsError(), "or set AWS_PROFILE"),
        (NoRegionError(), "set AWS_DEFAULT_REGION"),
        (ProfileNotFound(profile="nobody"), "aws configure list-profiles"),
    ],
)
def test_a_caller_that_aws_does_not_know_or_let_has_something_to_mend(error, mend):
    """Bad input, one line; once something is written it is a failure instead."""
    with pytest.raises(UsageError, match=mend), aws_failures():
        raise error
    with pytest.raises(OSError, match=mend), aws_failures(has_written=lambda: True):
        raise error


@pytest.mark.parametrize("error", [refusal("SlowDown"), EndpointConnectionError(endpoint_url="http://x")])
def test_what_is_not_the_caller_s_to_mend_can_be_tried_again(error):
    """A failure, with the words that the command gives."""
    with pytest.raises(OSError, match="it can be run again"), aws_failures():
        raise error
