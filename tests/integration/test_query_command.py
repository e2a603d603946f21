"""`vpcflow query`: lists, answers in three shapes, and refuses in one line what it cannot answer."""

import csv
import io
import json
from pathlib import Path

import pytest

from workbench.athena.saved import GROUPS, get, list_queries
from workbench.cli import main

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
CASE = GOLDEN / "cases" / "001-egress-to-another-zone"


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """A lake of one flow that crosses zones."""
    out = tmp_path_factory.mktemp("query") / "lake"
    inventory = str(GOLDEN / "inventories" / "shop")
    argv = ["enrich", str(CASE / "flows.log"), "--inventory", inventory, "--region", "us-east-1", "--out", str(out)]
    assert main(argv) == 0
    return out


def printed(capsys, *argv: object):
    """Exit code, standard output and standard error of one run."""
    capsys.readouterr()
    code = main(["query", *map(str, argv)])
    streams = capsys.readouterr()
    return code, streams.out, streams.err


def test_without_a_name_the_saved_queries_are_listed(capsys):
    """Names, questions and parameters with their defaults."""
    code, out, _ = printed(capsys, "--output", "json")
    names = {query["name"] for query in json.loads(out)}
    assert code == 0
    assert {"cross_az_traffic", "project_traffic", "unresolved_share", "top_talkers"} <= names


def test_the_list_is_by_what_queries_are_about(capsys):
    """A table for each group, each query in one, with its title; `list` is the same as no name."""
    code, out, _ = printed(capsys, "list")
    assert (code, out) == printed(capsys)[:2]
    first = [line.split()[0] for line in out.splitlines() if line.strip()]
    assert sorted(set(first) & {query.name for query in list_queries()}) == [query.name for query in list_queries()]
    assert len([word for word in first if word == "query"]) == len(GROUPS)
    assert [line for line in out.splitlines() if line.strip() in GROUPS][-1].strip() == "What is not known"
    assert "Cross-AZ traffic by pair of Availability Zones" in out


def test_a_description_is_all_that_the_file_says(capsys):
    """Question, parameters with defaults, columns, what it reads, the filter on partitions, the SQL without header."""
    told = json.loads(printed(capsys, "describe", "top_talkers", "--output", "json")[1])
    code, out, _ = printed(capsys, "describe", "top_talkers")
    query = get("top_talkers")
    assert code == 0
    assert told["parameters"][-1] == {
        "name": "top", "type": "bigint", "default": "20", "meaning": query.parameters[-1].meaning,
    }  # fmt: skip
    assert [column["name"] for column in told["columns"]] == [name for name, _ in query.columns]
    assert (told["reads"], told["group"]) == (["flow_costs"], "Who talks to whom")
    assert query.sql.rstrip().endswith(told["sql"])
    assert not told["sql"].startswith("--")
    assert query.question in " ".join(out.split())
    for each in ("top=20", "bigint: ", "estimated_usd", query.partitions, "  flow_costs"):
        assert each in out
    assert all(f"  {line}".rstrip() in out for line in told["sql"].splitlines())


def test_a_description_s_columns_as_csv(capsys):
    """For who wants a data dictionary."""
    out = printed(capsys, "describe", "unresolved_share", "--output", "csv")[1]
    rows = list(csv.reader(io.StringIO(out)))
    assert rows[0] == ["column", "meaning"]
    assert [row[0] for row in rows[1:]] == [name for name, _ in get("unresolved_share").columns]


def test_the_commands_own_words_are_no_queries():
    """`list` and `describe` would hide a saved query of that name."""
    assert not {"list", "describe"} & {query.name for query in list_queries()}


def test_a_saved_query_answers_as_json(lake, capsys):
    """One array on one line; bytes and cents of the one flow (8,400 bytes, two cents a gigabyte)."""
    code, out, _ = printed(capsys, "cross_az_traffic", "--lake", lake, "--output", "json")
    (row,) = json.loads(out)
    assert code == 0
    assert row["src_az_id"] == "use1-az4"
    assert row["bytes"] == 8400
    assert out.count("\n") == 1


def test_a_parameter_narrows_the_answer(lake, capsys):
    """A first day after the flow leaves nothing."""
    argv = ("cross_az_traffic", "--lake", lake, "--param", "first_day=2027-01-01", "--output", "json")
    assert printed(capsys, *argv)[:2] == (0, "[]\n")


def test_csv_cells_are_safe_for_spreadsheets(lake, capsys):
    """A text that a spreadsheet would run as a formula is quoted, also behind blanks; numbers are left alone."""
    sql = "SELECT '=1+1' AS formula, ' @x' AS blank, -5 AS number, 'plain' AS text"
    code, out, _ = printed(capsys, "--sql", sql, "--lake", lake, "--output", "csv")
    assert code == 0
    assert list(csv.reader(io.StringIO(out))) == [
        ["formula", "blank", "number", "text"],
        ["'=1+1", "' @x", "-5", "plain"],
    ]


def test_a_csv_cell_ends_nowhere_but_at_its_end(lake, capsys):
    """Readers take a lone CR for the end of a row, and what follows for a formula; what does not show hides none."""
    texts = ["a;=1+1", "a\t=1+1", "a\r=1+1", "a|=1+1", 'a";=1+1;"', "a\n=1+1", "\u200b=1+1", "\uff1d1+1", "a\x1b[2J"]
    sql = "SELECT " + ", ".join(f"'{text}'" for text in texts)
    code, out, _ = printed(capsys, "--sql", sql, "--lake", lake, "--output", "csv")
    assert code == 0
    answer = out.split("\n", 1)[1]
    assert next(csv.reader(io.StringIO(answer, newline=""))) == [*texts[:6], "'\u200b=1+1", "'\uff1d1+1", "a\\x1b[2J"]
    assert all(f'"{text}"' in out for text in texts[:4])


@pytest.mark.parametrize("output", ["table", "json"])
def test_no_value_reaches_the_terminal_as_an_order(output, lake, capsys):
    """A tag may hold escape sequences: they are shown, and obeyed by nobody."""
    sql = "SELECT 'a\x1b]0;title\x07\u202eb' AS name"
    code, out, _ = printed(capsys, "--sql", sql, "--lake", lake, "--output", output)
    assert code == 0
    assert not set(out) & set("\x1b\x07\u202e")
    assert ("\\x1b]0;title" if output == "table" else "\\u001b]0;title") in out


def test_an_error_is_one_printable_line(lake, capsys):
    """What was typed, or stands in a file, is named without being obeyed."""
    code, _, err = printed(capsys, "no\x1b[31m\nquery", "--lake", lake)
    assert code == 2
    assert err.removesuffix("\n").isprintable()


def test_a_table_is_for_people(lake, capsys):
    """The title and the columns' names stand above the rows."""
    code, out, _ = printed(capsys, "cross_az_traffic", "--lake", lake)
    assert code == 0
    assert "Cross-AZ traffic" in out
    assert "use1-az4" in out


@pytest.mark.parametrize(
    ("argv", "culprit"),
    [
        (("no_such_query", "--lake", "LAKE"), "no_such_query"),
        (("cross_az_traffic", "--lake", "LAKE", "--param", "first_day=yesterday"), "first_day"),
        (("cross_az_traffic", "--lake", "LAKE", "--param", "colour=red"), "colour"),
        (("cross_az_traffic", "--lake", "LAKE", "--param", "first_day"), "first_day"),
        (("cross_az_traffic",), "--lake"),
        (("describe",), "vpcflow query list"),
        (("describe", "cross_az_trafic"), "did you mean cross_az_traffic?"),
        (("cross_az_traffic", "top_talkers", "--lake", "LAKE"), "give one name"),
        (("cross_az_traffic", "--lake", "NOWHERE"), "nowhere"),
        (("--sql", "SELEC 1", "--lake", "LAKE"), "SELEC"),
        (("--sql", "SELECT no_such_column FROM flow_logs", "--lake", "LAKE"), "no_such_column"),
        (("--sql", "SELECT 1 FROM no_such_table", "--lake", "LAKE"), "no_such_table"),
        (("--sql", "SELECT src_tags['a'] FROM flow_logs", "--lake", "LAKE"), "element_at"),
        (("--sql", "DROP TABLE flow_logs", "--lake", "LAKE"), "DROP"),
        (("--sql", "SELECT 1", "--lake", "LAKE", "--param", "a=b"), "--param"),
        (("cross_az_traffic", "--sql", "SELECT 1", "--lake", "LAKE"), "--sql"),
        (("cross_az_traffic", "--lake", "LAKE", "--output", "xml"), "xml"),
        (("cross_az_traffic", "--lake", "EMPTY"), "empty"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_one_line(argv, culprit, lake, tmp_path, capsys):
    """Exit code 2, the culprit's name on standard error, nothing on standard output, nothing written."""
    (tmp_path / "empty").mkdir()
    places = {"LAKE": lake, "NOWHERE": tmp_path / "nowhere", "EMPTY": tmp_path / "empty"}
    code, out, err = printed(capsys, *(places.get(word, word) for word in argv))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert culprit.lower() in err.lower()
    assert not (tmp_path / "nowhere").exists()
    assert list((tmp_path / "empty").iterdir()) == []
