"""Each dashboard visual, computed from the template's own definition, equals the saved query it stands for."""

import copy
import re
from collections import defaultdict
from datetime import datetime
from functools import cache
from typing import Any

import pytest
from athena_lake import write_lake
from dashboard import Dashboard, custom_sql, deployed
from demo_truth import write_hour

from scripts.quicksight_visuals import CALCULATED, DATA_SETS, VISUALS
from workbench.athena.engine import Lake
from workbench.athena.lint import lint
from workbench.athena.saved import get

pytestmark = pytest.mark.slow

ALWAYS = {"FirstDay": "2000-01-01", "LastDay": "2999-12-31"}
BY_NAME = {visual.name: visual for visual in VISUALS}
NAMES = sorted(BY_NAME)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """(dashboard, lake) over the demo's hour."""
    truth = write_hour(tmp_path_factory.mktemp("dashboard"))
    with Lake(truth.lake) as lake:
        dashboard = Dashboard(deployed(), lake)
        yield dashboard, lake
        dashboard.close()


def flow(day, hour, start, size, **more: Any):
    """A flow that its source recorded, from a known instance in one zone to one in another."""
    return {
        "day": day, "hour": hour, "start": start, "end": start + 60, "bytes": size, "packets": 1, "action": "ACCEPT",
        "reporter": "src", "srcaddr": "10.0.0.1", "dstaddr": "10.0.1.2", "srcport": 1000, "dstport": 443, "protocol": 6,
        "interface_id": "eni-1", "src_interface_id": "eni-1", "src_vpc_id": "vpc-1", "dst_vpc_id": "vpc-1",
        "src_az_id": "use1-az1", "dst_az_id": "use1-az2", "src_project": "shop", "src_status": "resolved",
        "dst_status": "unresolved", "traffic_class": "cross_az",
    } | more  # fmt: skip


# 2026-03-02 begins at 1772409600; every row but the first and last lies in it.
MIDNIGHT = 1772409600
DAYS = [
    flow("2026-03-01", "23", MIDNIGHT - 1, 1),
    flow("2026-03-02", "00", MIDNIGHT, 20),
    flow("2026-03-02", "12", MIDNIGHT + 43_200, 300, traffic_class="same_az", dst_az_id="use1-az1"),
    flow("2026-03-02", "12", MIDNIGHT + 43_200, 301, traffic_class="internet", action="REJECT"),
    # Arrived after the day, started in it.
    flow("2026-03-03", "00", MIDNIGHT + 86_399, 4_000, src_project="bank"),
    flow("2026-03-02", "12", MIDNIGHT + 43_200, 9, reporter="hop", interface_id="eni-9"),
    flow("2026-03-02", "12", MIDNIGHT + 43_200, 9, reporter=None, interface_id="eni-9"),
    flow("2026-03-02", "12", MIDNIGHT + 43_200, 7, reporter="hop", interface_id="eni-9", action="REJECT"),
    {"day": "2026-03-02", "hour": "12", "interface_id": "eni-1", "log_status": "NODATA", "start": MIDNIGHT},
    flow("2026-03-03", "00", MIDNIGHT + 86_400, 50_000),
]


@pytest.fixture(scope="module")
def days(tmp_path_factory):
    """(dashboard, lake) over three days, with flows on both sides of each midnight."""
    with Lake(write_lake(tmp_path_factory.mktemp("days"), DAYS)) as lake:
        dashboard = Dashboard(deployed(), lake)
        yield dashboard, lake
        dashboard.close()


def text_of(value: Any) -> Any:
    """A time as the saved queries write it."""
    return value.strftime("%Y-%m-%d %H:00") if isinstance(value, datetime) else value


def added(values):
    """Sum of what is known; None where nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


@cache
def answered(lake, name, first_day, last_day):
    """The saved query's rows for these days, every place of a list included; asked once."""
    query = get(name)
    given = {"first_day": first_day, "last_day": last_day}
    if "top" in {parameter.name for parameter in query.parameters}:
        given["top"] = "100000"
    return lake.run(query.sql, query.bind(given)).records()


def wanted(lake, visual, bounds):
    """The saved query's rows as (key → measures, how many rows went into it), by the visual's columns."""
    groups = defaultdict(list)
    measures = [column for well, column in visual.fields if well in ("Values", "Weight")]
    keys = [column for column in visual.same if column not in measures]
    for row in answered(lake, visual.query, bounds["FirstDay"], bounds["LastDay"]):
        if all(row[column] in values for column, values in visual.only.items()):
            groups[tuple(row[visual.same[column]] for column in keys)].append(row)
    if not visual.added_up:
        assert all(len(rows) == 1 for rows in groups.values()), "the query tells apart what the visual does not"
    return (
        keys,
        measures,
        {
            key: (tuple(added(row[visual.same[column]] for row in rows) for column in measures), len(rows))
            for key, rows in groups.items()
        },
    )


def differences(dashboard, lake, visual, bounds):
    """What visual and saved query do not agree on; rows of nothing but zeros are in neither."""
    keys, measures, expected = wanted(lake, visual, bounds)
    shown = {}
    for row in dashboard.evaluate(visual.name, bounds, {}):
        key = tuple(text_of(row[column]) for column in keys)
        assert key not in shown
        shown[key] = tuple(row[column] for column in measures)
    found = []
    for key in set(shown) | set(expected):
        values, (query_values, count) = shown.get(key), expected.get(key, (None, 1))
        if not any(values or ()) and not any(query_values or ()):
            continue
        # The query rounds each row: dollars to a millionth, percents to a hundredth.
        places = 0.0051 if "percent_crossing" in measures else 1.01e-6 * count
        if values is None or query_values is None or len(values) != len(query_values):
            found.append((key, values, query_values))
            continue
        for value, query_value in zip(values, query_values, strict=True):
            is_fraction = isinstance(value, float) or isinstance(query_value, float)
            equal = pytest.approx(query_value, abs=places) if is_fraction and query_value is not None else query_value
            if value != equal:
                found.append((key, values, query_values))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_visual_shows_what_its_saved_query_answers(demo, name):
    """The same rows and figures over the demo's estate: whole numbers exactly, fractions to the query's last place."""
    dashboard, lake = demo
    visual = BY_NAME[name]

    assert differences(dashboard, lake, visual, ALWAYS) == []
    assert any(any(values) for values, _ in wanted(lake, visual, ALWAYS)[2].values())


@pytest.mark.parametrize("name", NAMES)
def test_a_visual_keeps_to_the_days_asked_for(days, name):
    """From midnight to midnight by the flows' own time, whenever they arrived."""
    dashboard, lake = days
    bounds = {"FirstDay": "2026-03-02", "LastDay": "2026-03-02"}

    assert differences(dashboard, lake, BY_NAME[name], bounds) == []


def test_the_day_has_its_bytes_by_hand(days):
    """20 + 300 + 4,000 accepted and counted on the day, 4,020 of them between zones, 18 beside them."""
    dashboard, _ = days
    bounds = {"FirstDay": "2026-03-02", "LastDay": "2026-03-02"}

    shown = [dashboard.evaluate(name, bounds, {}) for name in ("accepted-bytes", "crossing-bytes", "uncounted-bytes")]

    assert shown == [[{"counted_bytes": 4320}], [{"crossing_bytes": 4020}], [{"uncounted_bytes": 18}]]


def test_a_project_chosen_holds_for_every_visual_that_can_know_it(days):
    """The control's filter reaches other data sets by the column's name."""
    dashboard, _ = days
    bank = {"src-project-filter": ["bank"]}
    pairs = dashboard.evaluate("project-to-project", ALWAYS, bank)
    costs = dashboard.evaluate("crossing-cost", ALWAYS, bank)
    talkers = dashboard.evaluate("talkers", ALWAYS, bank)

    assert [row["counted_bytes"] for row in pairs if row["src_project"] == "bank"] == [4000]
    assert costs == [{"estimated_usd": pytest.approx(4000 * 0.02 / 1e9)}]
    assert [(row["src_project"], row["bytes"]) for row in talkers] == [("bank", 4000)]


def mutated(dashboard, change):
    """The dashboard with a changed copy of its definition."""
    definition = copy.deepcopy(dashboard.definition)
    change(definition)
    return dashboard.redefined(definition)


@pytest.mark.parametrize("name", NAMES)
def test_another_aggregation_is_noticed(demo, days, name):
    """A visual that took the largest row for the sum would not pass."""

    def change(definition) -> None:
        if name == "crossing-share":
            field = next(each for each in definition["CalculatedFields"] if each["Name"] == "percent_crossing")
            field["Expression"] = field["Expression"].replace("100", "101")
        (visual,) = (
            each for entry in definition["Sheets"][0]["Visuals"] for each in entry.values() if each["VisualId"] == name
        )
        for measure in list(measures_of(visual["ChartConfiguration"]["FieldWells"])):
            if "AggregationFunction" in measure:
                measure["AggregationFunction"]["SimpleNumericalAggregation"] = "MAX"

    # A talker has one row a day, so only the lake of several days can tell.
    found = [differences(mutated(dashboard, change), lake, BY_NAME[name], ALWAYS) for dashboard, lake in (demo, days)]
    assert any(found)


def measures_of(wells):
    """Every numeric measure below field wells."""
    if isinstance(wells, dict):
        for key, value in wells.items():
            if key == "NumericalMeasureField":
                yield value
            else:
                yield from measures_of(value)
    elif isinstance(wells, list):
        for value in wells:
            yield from measures_of(value)


@pytest.mark.parametrize("visual", [visual for visual in VISUALS if visual.filters], ids=lambda visual: visual.name)
def test_a_missing_filter_is_noticed(demo, days, visual):
    """Without all of its own filters a visual would not pass on both lakes."""

    def change(definition) -> None:
        for group in definition["FilterGroups"]:
            (scope,) = group["ScopeConfiguration"]["SelectedSheets"]["SheetVisualScopingConfigurations"]
            scope["VisualIds"] = [each for each in scope.get("VisualIds", ()) if each != visual.name]

    found = [differences(mutated(dashboard, change), lake, visual, ALWAYS) for dashboard, lake in (demo, days)]
    assert any(found)


@pytest.mark.parametrize(("data_set", "name"), [(data_set, name) for data_set, name, _ in CALCULATED])
def test_another_calculation_is_noticed(demo, data_set, name):
    """Calculated fields are read from the definition: without its condition, or by another factor, a visual fails."""
    dashboard, lake = demo

    def change(definition) -> None:
        (calculated,) = (
            each
            for each in definition["CalculatedFields"]
            if (each["DataSetIdentifier"], each["Name"]) == (data_set, name)
        )
        expression = calculated["Expression"]
        calculated["Expression"] = re.sub(r"ifelse\(.*, (\{\w+\}), 0\)", r"\1", expression).replace("100", "101")
        assert calculated["Expression"] != expression

    other = mutated(dashboard, change)
    assert any(differences(other, lake, visual, ALWAYS) for visual in VISUALS if visual.data_set == data_set)


def test_what_is_not_understood_is_refused(days):
    """A feature of QuickSight that the evaluator does not know fails, in place of being passed over."""
    dashboard, _ = days

    def change(definition) -> None:
        definition["FilterGroups"][0]["Filters"][0]["TimeRangeFilter"]["ExcludePeriodConfiguration"] = {}

    with pytest.raises(AssertionError, match=r"not interpreted: .'ExcludePeriodConfiguration'"):
        mutated(dashboard, change).evaluate("accepted-bytes", ALWAYS, {})


def test_a_day_has_two_hundred_sources_a_project(tmp_path):
    """The 201st of a project is left out, the smallest it is; another project's only one stays."""
    rows = [flow("2026-03-02", "00", MIDNIGHT, size, src_interface_id=f"eni-{size}") for size in range(1, 202)]
    rows.append(flow("2026-03-02", "00", MIDNIGHT, 1, srcport=2000, src_interface_id="eni-bank", src_project="bank"))
    sql = custom_sql(deployed(), "talkers")["SqlQuery"]
    with Lake(write_lake(tmp_path, rows)) as lake:
        found = {row["source"] for row in lake.run(sql).records()}

    assert found == {f"eni-{size}" for size in range(2, 202)} | {"eni-bank"}


@pytest.mark.parametrize("data_set", DATA_SETS, ids=lambda data_set: data_set.name)
def test_a_data_set_declares_what_its_query_answers(demo, data_set):
    """Names and order are the SQL's, types those that QuickSight gives Athena's; no maps."""
    dashboard, _ = demo
    answer = dashboard.answers[data_set.name]
    kinds = {"varchar": "STRING", "bigint": "INTEGER", "double": "DECIMAL", "timestamp": "DATETIME"}
    table = custom_sql(deployed(), data_set.name)

    assert [(name, kinds[kind]) for name, kind in zip(answer.columns, answer.types, strict=True)] == [
        (column["Name"], column["Type"]) for column in table["Columns"]
    ]
    assert lint(table["SqlQuery"], saved=True) == []


def test_first_day_bounds_every_data_set(days):
    """Nothing that arrived before the template's FirstDay is imported."""
    _, lake = days
    for data_set in DATA_SETS:
        table = custom_sql(deployed(FirstDay="2026-03-03"), data_set.name)
        arrivals = {row[data_set.arrival] for row in lake.run(table["SqlQuery"]).records()}
        assert arrivals == {datetime(2026, 3, 3)}, data_set.name  # noqa: DTZ001 - timestamps without a zone, UTC


def test_reading_the_days_that_arrived_lately_again_changes_nothing(days):
    """Rows by arrival are a day's whole: dropping those of a window and reading them again gives the full import."""
    _, lake = days
    for data_set in DATA_SETS:
        sql = custom_sql(deployed(), data_set.name)["SqlQuery"]
        column = data_set.arrival
        window = f"SELECT t.* FROM ({sql}) AS t WHERE t.{column} >= CAST('2026-03-02 00:00:00' AS timestamp)"  # noqa: S608 - our own
        everything = lake.run(sql).rows
        place = list(lake.run(sql).columns).index(column)
        kept = [row for row in everything if row[place] < datetime(2026, 3, 2)]  # noqa: DTZ001 - same

        assert kept
        assert sorted([*kept, *lake.run(window).rows], key=repr) == sorted(everything, key=repr), data_set.name
