"""The QuickSight template: what two checkers accept, references within the dashboard, and what its role may read."""

import copy
import re
import subprocess
import sys
from pathlib import Path

import botocore.session
import pytest
from botocore.validate import ParamValidator
from dashboard import deployed
from static.templates import ROOT, listed, statements

from scripts.quicksight_visuals import CALCULATED, DATA_SETS, VISUALS
from workbench.athena.engine import VIEWS, view_files
from workbench.athena.saved import list_queries
from workbench.athena.statement import parse, tables_of

TEMPLATE = ROOT / "quicksight" / "template.yaml"
CFN_LINT = Path(sys.executable).with_name("cfn-lint")
# Where CloudFormation and the API part: the API sets the look-back in a call of its own, and spells a time zone so.
LOOK_BACK = "DataSetRefreshProperties"


@pytest.fixture(scope="module")
def stack():
    """The template as deployed."""
    return deployed()


@pytest.fixture(scope="module")
def objections():
    """What botocore's validator says of a call to QuickSight."""
    model = botocore.session.get_session().get_service_model("quicksight")

    def validate(operation, parameters) -> str:
        shape = model.operation_model(operation).input_shape
        return ParamValidator().validate(parameters, shape).generate_report()

    return validate


def as_calls(stack):
    """(operation, parameters) of every QuickSight resource as the API takes it."""
    for properties in stack.of_type("AWS::QuickSight::DataSource").values():
        yield "CreateDataSource", properties
    for properties in stack.of_type("AWS::QuickSight::DataSet").values():
        yield "CreateDataSet", {name: value for name, value in properties.items() if name != LOOK_BACK}
        named = {name: properties[name] for name in ("AwsAccountId", "DataSetId", LOOK_BACK)}
        yield "PutDataSetRefreshProperties", named
    for properties in stack.of_type("AWS::QuickSight::RefreshSchedule").values():
        called = copy.deepcopy(properties)
        frequency = called["Schedule"]["ScheduleFrequency"]
        frequency["Timezone"] = frequency.pop("TimeZone")
        yield "CreateRefreshSchedule", called
    for properties in stack.of_type("AWS::QuickSight::Dashboard").values():
        yield "CreateDashboard", properties


def test_botocore_accepts_every_definition(stack, objections):
    """Data source, data sets, look-backs, schedules and dashboard have the API's members and types."""
    calls = list(as_calls(stack))

    assert {operation: objections(operation, parameters) for operation, parameters in calls} == {
        "CreateDataSource": "",
        "CreateDataSet": "",
        "PutDataSetRefreshProperties": "",
        "CreateRefreshSchedule": "",
        "CreateDashboard": "",
    }
    assert len(calls) == 1 + 2 * len(DATA_SETS) + sum(len(data_set.schedules) for data_set in DATA_SETS) + 1


def test_botocore_would_notice_a_misspelt_member_deep_inside(stack, objections):
    """The check above can fail, for each kind of definition."""
    for operation, parameters in as_calls(stack):
        broken = copy.deepcopy(parameters)
        match operation:
            case "CreateDataSource":
                broken["DataSourceParameters"]["AthenaParameters"]["Workgroup"] = "flows"
            case "CreateDataSet":
                (table,) = broken["PhysicalTableMap"].values()
                table["CustomSql"]["Columns"][0]["Kind"] = "STRING"
            case "PutDataSetRefreshProperties":
                broken[LOOK_BACK]["RefreshConfiguration"]["IncrementalRefresh"]["LookbackWindow"]["Size"] = "3"
            case "CreateRefreshSchedule":
                broken["Schedule"]["ScheduleFrequency"]["Every"] = "HOURLY"
            case "CreateDashboard":
                (visual,) = broken["Definition"]["Sheets"][0]["Visuals"][0].values()
                visual["ChartConfiguration"]["FieldWells"]["Values"][0]["NumericalMeasureField"]["Aggregation"] = "SUM"
        assert objections(operation, broken), operation


def test_cfn_lint_would_notice_a_value_that_quicksight_does_not_have(tmp_path):
    """What botocore lets pass: words outside a list. That cfn-lint accepts the template is test_template's."""
    text = TEMPLATE.read_text(encoding="utf-8")
    broken = text.replace("SimpleNumericalAggregation: SUM", "SimpleNumericalAggregation: SUMM", 1)
    broken = broken.replace("Type: DATETIME", "Type: TIMESTAMP", 1).replace("SizeUnit: DAY", "SizeUnit: DAYS", 1)
    (tmp_path / "template.yaml").write_text(broken, encoding="utf-8")
    command = [str(CFN_LINT), "--regions", "us-east-1", "--", str(tmp_path / "template.yaml")]
    report = subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603 - our own tool

    assert "'SUMM' is not one of" in report
    assert "'TIMESTAMP' is not one of" in report
    assert "'DAYS' is not one of" in report


def found(value, key):
    """All values of a key, anywhere below."""
    if isinstance(value, dict):
        for name, part in value.items():
            if name == key:
                yield part
            yield from found(part, key)
    elif isinstance(value, list):
        for part in value:
            yield from found(part, key)


def test_what_the_dashboard_refers_to_exists(stack):
    """Columns, filters, parameters and fields by name: neither checker follows them."""
    definition = stack.properties("Dashboard")["Definition"]
    (sheet,) = definition["Sheets"]
    columns = {(data_set.name, column) for data_set in DATA_SETS for column in data_set.columns}
    columns |= {(data_set, name) for data_set, name, _ in CALCULATED}
    assert {(each["DataSetIdentifier"], each["ColumnName"]) for each in found(definition, "Column")} <= columns
    parameters = [each["DateTimeParameterDeclaration"]["Name"] for each in definition["ParameterDeclarations"]]
    used = {*found(definition["FilterGroups"], "Parameter"), *found(sheet, "SourceParameterName")}
    assert used == set(parameters)
    filters = list(found(definition["FilterGroups"], "FilterId"))
    assert set(found(sheet, "SourceFilterId")) <= set(filters)
    for visual in sheet["Visuals"]:
        sorted_by = {each["FieldId"] for each in found(visual, "FieldSort")}
        wells = list(found(visual, "FieldWells"))
        assert sorted_by <= set(found(wells, "FieldId"))
    visuals = list(found(sheet["Visuals"], "VisualId"))
    chosen = {each for scope in found(definition["FilterGroups"], "VisualIds") for each in scope}
    assert chosen <= set(visuals)


def test_names_within_the_dashboard_are_used_once(stack):
    """Ids of visuals, filters, groups, controls and parameters tell one thing each."""
    definition = stack.properties("Dashboard")["Definition"]
    (sheet,) = definition["Sheets"]
    for key, part in (
        ("VisualId", sheet["Visuals"]),
        ("FilterId", definition),
        ("FilterGroupId", definition),
        ("ParameterControlId", sheet),
        ("FilterControlId", sheet),
    ):
        names = list(found(part, key))
        assert names, key
        assert len(names) == len(set(names)), key


def test_visuals_have_their_place_and_none_covers_another(stack):
    """Every visual and control is laid out within 36 columns."""
    (sheet,) = stack.properties("Dashboard")["Definition"]["Sheets"]
    elements = sheet["Layouts"][0]["Configuration"]["GridLayout"]["Elements"]
    assert [each["ElementId"] for each in elements] == list(found(sheet["Visuals"], "VisualId"))
    cells = [
        (row, column)
        for each in elements
        for row in range(each["RowIndex"], each["RowIndex"] + each["RowSpan"])
        for column in range(each["ColumnIndex"], each["ColumnIndex"] + each["ColumnSpan"])
    ]
    assert len(cells) == len(set(cells))
    assert max(column for _, column in cells) < 36
    controls = sheet["SheetControlLayouts"][0]["Configuration"]["GridLayout"]["Elements"]
    ids = {*found(sheet["ParameterControls"], "ParameterControlId"), *found(sheet["FilterControls"], "FilterControlId")}
    assert {each["ElementId"] for each in controls} == ids


def test_every_visual_says_what_it_counts_and_every_dollar_that_it_is_an_estimate(stack):
    """Titles and subtitles stand in the template as the table has them."""
    (sheet,) = stack.properties("Dashboard")["Definition"]["Sheets"]
    names = {query.name for query in list_queries()}
    for visual, entry in zip(VISUALS, sheet["Visuals"], strict=True):
        (drawn,) = entry.values()
        shown = " ".join(found([drawn["Title"], drawn["Subtitle"]], "PlainText"))
        assert re.search(r"[Cc]ount|charge|halved|[Ee]stimate|recorded", shown), visual.name
        has_dollars = any("usd" in name for name in found(drawn, "FieldId"))
        assert ("stimate" in shown) == has_dollars, visual.name
        assert visual.query in names


def test_the_issue_has_all_its_visuals():
    """KPI strip, heat map, Sankey, time series, class split, talkers, unresolved by reason, cost."""
    kinds = [visual.kind for visual in VISUALS]
    assert kinds.count("KPI") >= 4
    assert {"HeatMap", "SankeyDiagram", "LineChart", "PieChart", "BarChart", "Table"} <= set(kinds)
    assert {"top_talkers", "unresolved_talkers", "unresolved_share", "class_costs"} <= {each.query for each in VISUALS}


def test_refreshes_follow_compaction_and_each_other(stack):
    """The look-back goes by a DATETIME column and holds the sweep; one incremental schedule a data set, five in all."""
    data_sets = stack.of_type("AWS::QuickSight::DataSet")
    schedules = list(stack.of_type("AWS::QuickSight::RefreshSchedule").values())
    for properties in data_sets.values():
        window = properties[LOOK_BACK]["RefreshConfiguration"]["IncrementalRefresh"]["LookbackWindow"]
        (table,) = properties["PhysicalTableMap"].values()
        kinds = {column["Name"]: column["Type"] for column in table["CustomSql"]["Columns"]}
        assert kinds[window["ColumnName"]] == "DATETIME"
        hours = window["Size"] * {"HOUR": 1, "DAY": 24, "WEEK": 168}[window["SizeUnit"]]
        assert hours >= 48 + 24
        own = [each["Schedule"] for each in schedules if each["DataSetId"] == properties["DataSetId"]]
        assert [each["RefreshType"] for each in own].count("INCREMENTAL_REFRESH") == 1
        assert len(own) <= 5
    ids = {properties["DataSetId"] for properties in data_sets.values()}
    assert {each["DataSetId"] for each in schedules} == ids


def tables_read():
    """Tables and views that the data sets read, themselves or through views."""
    views = dict(view_files(VIEWS))
    waiting = [
        name
        for file in (ROOT / "quicksight" / "data_sets").glob("*.sql")
        for name in tables_of(parse(file.read_text()))
    ]
    seen = set()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += tables_of(parse(views[name])) if name in views else []
    return seen


def test_the_role_reads_these_tables_and_their_objects_and_writes_results_only(stack):
    """Glue tables by name, the lake's three prefixes, one workgroup; objects are put under athena-results/ alone."""
    allowed = {each["Sid"]: each for each in statements(stack.properties("QuickSightRole")["Policies"])}
    tables = {arn.rpartition("/")[2] for arn in allowed["ReadCatalog"]["Resource"] if ":table/" in arn}
    assert tables == tables_read()
    # Athena looks for the default database whatever it is asked.
    databases = {arn.rpartition(":")[2] for arn in allowed["FindDefaultDatabase"]["Resource"]}
    assert allowed["FindDefaultDatabase"]["Action"] == "glue:GetDatabase"
    assert databases == {"catalog", "database/default"}
    writes = {
        (action, resource)
        for statement in allowed.values()
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
        if re.search("Put|Delete|Abort", action)
    }
    results = "arn:aws:s3:::a-lake/athena-results/*"
    assert writes == {("s3:PutObject", results), ("s3:AbortMultipartUpload", results)}
    prefixes = {resource.removeprefix("arn:aws:s3:::a-lake/") for resource in allowed["ReadLake"]["Resource"]}
    assert prefixes == {"flow_logs/*", "flow_logs_compacted/*", "flows_hourly/*"}
    assert set(allowed["ListLake"]["Condition"]["StringLike"]["s3:prefix"]) == prefixes | {"athena-results/*"}
    assert {action.partition(":")[0] for each in allowed.values() for action in listed(each["Action"])} == {
        "athena",
        "glue",
        "s3",
    }


def test_the_data_source_runs_as_the_role_and_the_role_trusts_it_alone(stack):
    """Role and data source name each other; a key is in the policy only where there is one."""
    source = stack.properties("DataSource")
    athena = source["DataSourceParameters"]["AthenaParameters"]
    assert athena == {"WorkGroup": "flows", "RoleArn": "<QuickSightRole.Arn>"}
    (trust,) = statements(stack.properties("QuickSightRole")["AssumeRolePolicyDocument"])
    assert trust["Condition"]["ArnLike"]["aws:SourceArn"].endswith(f":datasource/{source['DataSourceId']}")
    key = "arn:aws:kms:eu-west-1:111122223333:key/0a"
    role = deployed(KmsKeyArn=key).properties("QuickSightRole")
    with_key = {each["Sid"]: each for each in statements(role["Policies"])}
    assert with_key["UseKey"]["Resource"] == key
    sids = {each["Sid"] for each in statements(stack.properties("QuickSightRole")["Policies"])}
    assert "UseKey" not in sids


def test_everything_is_shared_with_the_principal_and_nobody_else(stack):
    """Each thing of QuickSight's names one principal: the parameter."""
    principals = [
        each["Principal"]
        for kind in ("DataSource", "DataSet", "Dashboard")
        for properties in stack.of_type(f"AWS::QuickSight::{kind}").values()
        for each in properties["Permissions"]
    ]
    assert principals == [stack.parameters["PrincipalArn"]] * (2 + len(DATA_SETS))
