"""QuickSight's definitions for ``quicksight/template.yaml``, made from the tables of ``scripts/quicksight_visuals.py``.

Shapes are those of CloudFormation's AWS::QuickSight::DataSet, RefreshSchedule and Dashboard (CloudFormation template
reference); their names are the API's, but for ``TimeZone`` and where the look-back of a data set stands.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from scripts.quicksight_visuals import (
    AGGREGATES,
    CALCULATED,
    DATA_SETS,
    DATETIME,
    DECIMAL,
    INTEGER,
    STRING,
    VISUALS,
    DataSet,
    Filter,
    Visual,
)

SQL: Final = Path(__file__).resolve().parent.parent / "quicksight" / "data_sets"
SHEET: Final = "traffic-and-cost"

# Compaction comes back to hours of the last 48 hours, and two hours after an hour's end: three days hold all of it.
_LOOK_BACK: Final = {"Size": 3, "SizeUnit": "DAY"}
_FREQUENCIES: Final[Mapping[str, dict[str, Any]]] = {
    "HOURLY": {"Interval": "HOURLY", "TimeZone": "UTC"},
    "DAILY": {"Interval": "DAILY", "TimeZone": "UTC", "TimeOfTheDay": "05:00"},
    "WEEKLY": {
        "Interval": "WEEKLY",
        "RefreshOnDay": {"DayOfWeek": "SUNDAY"},
        "TimeZone": "UTC",
        "TimeOfTheDay": "03:00",
    },
}
_MEASURE_WELLS: Final = ("Values", "Weight")
_DAYS: Final = (("FirstDay", "First day (UTC)", -7), ("LastDay", "Last day (UTC)", 0))
_PROJECTS: Final = (("src_project", "From project"), ("dst_project", "To project"))
# More than these show as one "other": said here, because what QuickSight does unasked differs by visual.
_LIMITS: Final[Mapping[str, Mapping[str, int]]] = {
    "HeatMap": {"HeatMapRowItemsLimitConfiguration": 50, "HeatMapColumnItemsLimitConfiguration": 50},
    "SankeyDiagram": {"SourceItemsLimit": 50, "DestinationItemsLimit": 50},
    "LineChart": {"ColorItemsLimitConfiguration": 25},
    "BarChart": {"CategoryItemsLimit": 50, "ColorItemsLimit": 25},
    "PieChart": {"CategoryItemsLimit": 20},
}
_LARGEST_FIRST: Final = {"SankeyDiagram": "WeightSort", "BarChart": "CategorySort", "PieChart": "CategorySort"}


def data_sets() -> list[str]:
    """The data sets and their refresh schedules as lines of CloudFormation resources."""
    resources: dict[str, Any] = {}
    for data_set in DATA_SETS:
        resources[_logical(data_set.name)] = _data_set(data_set)
        for kind, interval in data_set.schedules:
            word = kind.partition("_")[0].capitalize()
            resources[f"{_logical(data_set.name)}{word}Refresh"] = _schedule(data_set, kind, interval)
    return _lines(resources)


def dashboard() -> list[str]:
    """The dashboard's definition as lines below ``Definition:``."""
    return _lines(
        {
            "DataSetIdentifierDeclarations": [
                {"Identifier": data_set.name, "DataSetArn": {"Fn::GetAtt": [_logical(data_set.name), "Arn"]}}
                for data_set in DATA_SETS
            ],
            "ParameterDeclarations": [_day_parameter(name, days) for name, _, days in _DAYS],
            "CalculatedFields": [
                {"DataSetIdentifier": data_set, "Name": name, "Expression": expression}
                for data_set, name, expression in CALCULATED
            ],
            "FilterGroups": [*_day_filters(), *_project_filters(), *_visual_filters()],
            "Sheets": [_sheet()],
        }
    )


def query_of(data_set: DataSet) -> str:
    """The data set's SQL without comments: nobody says that QuickSight keeps a query's line ends."""
    text = (SQL / f"{data_set.name}.sql").read_text(encoding="utf-8")
    return "\n".join(line for line in text.splitlines() if not line.startswith("--")) + "\n"


def _logical(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_")) + "Data"


def _data_set(data_set: DataSet) -> dict[str, Any]:
    return {
        "Type": "AWS::QuickSight::DataSet",
        "Properties": {
            "AwsAccountId": {"Ref": "AWS::AccountId"},
            "DataSetId": _id_of(data_set),
            "Name": data_set.title,
            "ImportMode": "SPICE",
            "PhysicalTableMap": {
                data_set.name.replace("_", "-"): {
                    "CustomSql": {
                        "DataSourceArn": {"Fn::GetAtt": ["DataSource", "Arn"]},
                        "Name": data_set.title,
                        "SqlQuery": {"Fn::Sub": query_of(data_set)},
                        "Columns": [_input_column(name, kind) for name, kind in data_set.columns.items()],
                    }
                }
            },
            "DataSetRefreshProperties": {
                "RefreshConfiguration": {
                    "IncrementalRefresh": {"LookbackWindow": {"ColumnName": data_set.arrival, **_LOOK_BACK}}
                }
            },
            "Permissions": [{"Principal": {"Ref": "PrincipalArn"}, "Actions": list(_DATA_SET_OWNER)}],
        },
    }


# Owners may import by hand. QuickSight takes such sets of actions whole only (user guide, "IAM policy examples").
_DATA_SET_OWNER: Final = tuple(
    f"quicksight:{action}"
    for action in (
        "DescribeDataSet", "DescribeDataSetPermissions", "PassDataSet", "DescribeIngestion", "ListIngestions",
        "UpdateDataSet", "DeleteDataSet", "CreateIngestion", "CancelIngestion", "UpdateDataSetPermissions",
    )
)  # fmt: skip


def _input_column(name: str, kind: str) -> dict[str, str]:
    # Athena's fractions here are doubles; without a subtype QuickSight would keep four decimals of them.
    return {"Name": name, "Type": kind} | ({"SubType": "FLOAT"} if kind == DECIMAL else {})


def _id_of(data_set: DataSet) -> dict[str, str]:
    return {"Fn::Sub": f"${{NamePrefix}}-{data_set.name.replace('_', '-')}"}


def _schedule(data_set: DataSet, kind: str, interval: str) -> dict[str, Any]:
    return {
        "Type": "AWS::QuickSight::RefreshSchedule",
        "DependsOn": _logical(data_set.name),
        "Properties": {
            "AwsAccountId": {"Ref": "AWS::AccountId"},
            "DataSetId": _id_of(data_set),
            "Schedule": {
                "ScheduleId": f"{data_set.name.replace('_', '-')}-{interval.lower()}",
                "RefreshType": kind,
                "ScheduleFrequency": dict(_FREQUENCIES[interval]),
            },
        },
    }


def _day_parameter(name: str, days: int) -> dict[str, Any]:
    day = f"truncDate('DD', addDateTime({days}, 'DD', now()))"
    rolling = {"DataSetIdentifier": DATA_SETS[0].name, "Expression": day}
    return {
        "DateTimeParameterDeclaration": {
            "Name": name,
            "TimeGranularity": "DAY",
            "DefaultValues": {"RollingDate": rolling},
        }
    }


def _day_filters() -> Iterable[dict[str, Any]]:
    """The days asked for, on the flows' own time as the saved queries have it, not on their arrival."""
    for data_set in DATA_SETS:
        name = f"days-{data_set.name.replace('_', '-')}"
        time_range = {
            "FilterId": f"{name}-filter",
            "Column": {"DataSetIdentifier": data_set.name, "ColumnName": data_set.shown_by},
            "RangeMinimumValue": {"Parameter": "FirstDay"},
            "RangeMaximumValue": {"Parameter": "LastDay"},
            "IncludeMinimum": True,
            "IncludeMaximum": True,
            "TimeGranularity": "DAY",
            "NullOption": "NON_NULLS_ONLY",
        }
        yield _group(name, {"TimeRangeFilter": time_range})


def _project_filters() -> Iterable[dict[str, Any]]:
    for column, _ in _PROJECTS:
        name = column.replace("_", "-")
        category = {
            "FilterId": f"{name}-filter",
            "Column": {"DataSetIdentifier": DATA_SETS[0].name, "ColumnName": column},
            "Configuration": {
                "FilterListConfiguration": {
                    "MatchOperator": "CONTAINS",
                    "SelectAllOptions": "FILTER_ALL_VALUES",
                    "NullOption": "ALL_VALUES",
                }
            },
        }
        # Every data set that has a column of this name.
        yield _group(name, {"CategoryFilter": category}, cross="ALL_DATASETS")


def _visual_filters() -> Iterable[dict[str, Any]]:
    users: dict[tuple[str, Filter], list[str]] = {}
    for visual in VISUALS:
        for kept in visual.filters:
            users.setdefault((visual.data_set, kept), []).append(visual.name)
    for number, ((data_set, (column, values)), visuals) in enumerate(users.items(), 1):
        name = f"{data_set}-{column.replace('_', '-')}-{number}"
        category = {
            "FilterId": f"{name}-filter",
            "Column": {"DataSetIdentifier": data_set, "ColumnName": column},
            "Configuration": {
                "FilterListConfiguration": {
                    "MatchOperator": "CONTAINS",
                    "CategoryValues": list(values),
                    "NullOption": "NON_NULLS_ONLY",
                }
            },
        }
        yield _group(name, {"CategoryFilter": category}, visuals)


def _group(
    name: str, kept: dict[str, Any], visuals: list[str] | None = None, cross: str = "SINGLE_DATASET"
) -> dict[str, Any]:
    scope = {"Scope": "SELECTED_VISUALS", "VisualIds": visuals} if visuals else {"Scope": "ALL_VISUALS"}
    scoping = {"SheetVisualScopingConfigurations": [{"SheetId": SHEET, **scope}]}
    return {
        "FilterGroupId": name,
        "Filters": [kept],
        "ScopeConfiguration": {"SelectedSheets": scoping},
        "CrossDataset": cross,
        "Status": "ENABLED",
    }


def _sheet() -> dict[str, Any]:
    days = [
        {"DateTimePicker": {"ParameterControlId": f"{name}-control", "Title": title, "SourceParameterName": name}}
        for name, title, _ in _DAYS
    ]
    projects = [
        {
            "Dropdown": {
                "FilterControlId": f"{column.replace('_', '-')}-control",
                "Title": title,
                "SourceFilterId": f"{column.replace('_', '-')}-filter",
                "Type": "MULTI_SELECT",
            }
        }
        for column, title in _PROJECTS
    ]
    controls = [(f"{name}-control", "PARAMETER_CONTROL") for name, _, _ in _DAYS]
    controls += [(f"{column.replace('_', '-')}-control", "FILTER_CONTROL") for column, _ in _PROJECTS]
    placed = [
        {"ElementId": name, "ElementType": kind, "ColumnSpan": 2, "RowSpan": 1, "ColumnIndex": 2 * number}
        for number, (name, kind) in enumerate(controls)
    ]
    return {
        "SheetId": SHEET,
        "Name": "Traffic and cost",
        "Description": "Flows are counted once; dollars are estimates by list price.",
        "ContentType": "INTERACTIVE",
        "ParameterControls": days,
        "FilterControls": projects,
        "SheetControlLayouts": [{"Configuration": {"GridLayout": {"Elements": placed}}}],
        "Layouts": [{"Configuration": {"GridLayout": {"Elements": [_placed(visual) for visual in VISUALS]}}}],
        "Visuals": [{f"{visual.kind}Visual": _visual(visual)} for visual in VISUALS],
    }


def _placed(visual: Visual) -> dict[str, Any]:
    column, row, columns, rows = visual.place
    place = {"ColumnIndex": column, "ColumnSpan": columns, "RowIndex": row, "RowSpan": rows}
    return {"ElementId": visual.name, "ElementType": "VISUAL", **place}


def _visual(visual: Visual) -> dict[str, Any]:
    wells: dict[str, list[dict[str, Any]]] = {}
    for well, column in visual.fields:
        wells.setdefault(well, []).append(
            _measure(visual, column) if well in _MEASURE_WELLS else _group_by(visual, column)
        )
    configuration: dict[str, Any] = {
        "FieldWells": wells if visual.kind == "KPI" else {f"{visual.kind}AggregatedFieldWells": wells}
    }
    if sort := _sort(visual):
        configuration["SortConfiguration"] = sort
    if visual.kind == "BarChart":
        configuration |= {"Orientation": "HORIZONTAL", "BarsArrangement": "STACKED"}
    return {
        "VisualId": visual.name,
        "Title": {"Visibility": "VISIBLE", "FormatText": {"PlainText": visual.title}},
        "Subtitle": {"Visibility": "VISIBLE", "FormatText": {"PlainText": visual.subtitle}},
        "ChartConfiguration": configuration,
    }


def _sort(visual: Visual) -> dict[str, Any]:
    first = next(column for well, column in visual.fields if well in _MEASURE_WELLS)
    largest = [{"FieldSort": {"FieldId": _field_id(visual, first), "Direction": "DESC"}}]
    if visual.kind == "Table":
        return {"RowSort": largest}
    sort: dict[str, Any] = {_LARGEST_FIRST[visual.kind]: largest} if visual.kind in _LARGEST_FIRST else {}
    for name, limit in _LIMITS.get(visual.kind, {}).items():
        sort[name] = {"ItemsLimit": limit, "OtherCategories": "INCLUDE"}
    return sort


def _field_id(visual: Visual, column: str) -> str:
    return f"{visual.name}.{column}"


def _kind_of(visual: Visual, column: str) -> str:
    columns = next(data_set.columns for data_set in DATA_SETS if data_set.name == visual.data_set)
    return columns.get(column, INTEGER)


def _group_by(visual: Visual, column: str) -> dict[str, Any]:
    place = {"DataSetIdentifier": visual.data_set, "ColumnName": column}
    named = {"FieldId": _field_id(visual, column), "Column": place}
    if _kind_of(visual, column) == DATETIME:
        return {"DateDimensionField": {**named, "DateGranularity": "HOUR"}}
    if _kind_of(visual, column) == STRING:
        return {"CategoricalDimensionField": named}
    raise ValueError(f"visual {visual.name}: {column} is a number; group by a text or a time")


def _measure(visual: Visual, column: str) -> dict[str, Any]:
    place = {"DataSetIdentifier": visual.data_set, "ColumnName": column}
    named: dict[str, Any] = {"FieldId": _field_id(visual, column), "Column": place}
    if column not in AGGREGATES:
        named["AggregationFunction"] = {"SimpleNumericalAggregation": "SUM"}
    decimals = {"DecimalPlacesConfiguration": {"DecimalPlaces": 2}}
    if column.endswith("_usd"):
        shown = {"CurrencyDisplayFormatConfiguration": {"Symbol": "USD", **decimals}}
    elif column.startswith("percent"):
        shown = {"NumberDisplayFormatConfiguration": {"Suffix": " %", **decimals}}
    else:
        shown = {"NumberDisplayFormatConfiguration": {"NumberScale": "AUTO", **decimals}}
    return {"NumericalMeasureField": {**named, "FormatConfiguration": {"FormatConfiguration": shown}}}


class _Dumper(yaml.SafeDumper):
    """Block YAML without anchors, texts of several lines as they are."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def _lines(value: dict[str, Any]) -> list[str]:
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=110).splitlines()
