"""docs/operating.md knows every alarm, every kind of doubt, and parameters by their names."""

import re

from static.templates import ROOT, load, resources

PAGE = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")


def section(heading: str) -> str:
    """The text below a heading of the second level."""
    return PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def table(text: str) -> list[list[str]]:
    """Rows of the first table in a text, without its head."""
    rows = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows[2:]]


def test_every_alarm_has_its_meaning_and_its_mend():
    """The page's table and the template's alarms are the same set; no row is left empty."""
    alarms = resources(load("monitoring/template.yaml"), "AWS::CloudWatch::Alarm").values()
    names = {str(alarm["AlarmName"]["Fn::Sub"]).removeprefix("${ServiceName}-") for alarm in alarms}
    rows = table(section("Alarms"))
    assert {row[0].strip("` ") for row in rows} == names
    assert len(rows) == len(names)
    assert [row for row in rows if len(row) != 3 or not all(row)] == []


def test_every_kind_of_doubt_is_among_the_first_day_checks():
    """Each section of the list of what nobody has seen on AWS is linked where it is checked."""
    unverified = (ROOT / "docs" / "unverified.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.*)$", unverified, re.MULTILINE)
    slugs = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert slugs
    assert slugs == set(re.findall(r"unverified\.md#([\w-]+)", section("First-day checks")))


def test_parameters_and_outputs_that_are_named_exist():
    """Words in two or more capitalised parts are the main template's own."""
    template = load("template.yaml")
    known = {*template["Parameters"], *template["Outputs"]}
    named = set(re.findall(r"`([A-Z][a-z0-9]+(?:[A-Z][a-z0-9]+)+)`", PAGE))
    metrics = {
        "IncomingRecords",
        "SucceedProcessing",
        "BatchSeconds",
        "Ec2Calls",
        "CompactionHoursBehind",
        "AssumeRole",
    }
    tags = {"LogDeliveryEnabled", "TrafficType"}
    assert len(named & known) >= 10
    assert named - known - metrics - tags == set()
