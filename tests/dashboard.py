"""A QuickSight dashboard computed from its own definition, with DuckDB over what its data sets' SQL answers on a lake.

Knows what our dashboard uses: fields with their aggregation, calculated fields, category lists, days from parameters,
one sheet. Anything else in a definition is refused, so that a new feature cannot be passed over in silence. Meanings
are those of the QuickSight API reference and of the user guide's "Functions and operators".
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import duckdb
import pyarrow as pa
from static.deployed import ACCOUNT, Deployed

from workbench.athena.engine import Lake, QueryResult

PARAMETERS: Final = {
    "DatabaseName": "vpc_flow_logs",
    "WorkGroupName": "flows",
    "LakeBucketName": "a-lake",
    "PrincipalArn": f"arn:aws:quicksight:eu-west-1:{ACCOUNT}:group/default/analysts",
    "NamePrefix": "flows",
}
ARROW: Final = {"STRING": pa.string(), "INTEGER": pa.int64(), "DECIMAL": pa.float64(), "DATETIME": pa.timestamp("us")}
WELLS: Final = {
    "KPI": ("Values",),
    "HeatMap": ("Rows", "Columns", "Values"),
    "SankeyDiagram": ("Source", "Destination", "Weight"),
    "LineChart": ("Category", "Colors", "Values"),
    "BarChart": ("Category", "Colors", "Values"),
    "PieChart": ("Category", "Values"),
    "Table": ("GroupBy", "Values"),
}
# Sorts change no figure; limits would, so none may be reached. Of which field each limit counts the values:
LIMITED: Final = {
    "HeatMapRowItemsLimitConfiguration": "Rows",
    "HeatMapColumnItemsLimitConfiguration": "Columns",
    "SourceItemsLimit": "Source",
    "DestinationItemsLimit": "Destination",
    "CategoryItemsLimit": "Category",
    "ColorItemsLimit": "Colors",
    "ColorItemsLimitConfiguration": "Colors",
}
SORTS: Final = ("RowSort", "WeightSort", "CategorySort")
SHOWN: Final = ("FieldId", "FormatConfiguration")
# QuickSight's functions; the second is spelt alike in DuckDB.
MACROS: Final = ("CREATE MACRO ifelse(asked, so, other) AS CASE WHEN asked THEN so ELSE other END",)
FUNCTIONS: Final = ("ifelse", "nullif", "sum")
WORDS: Final = ("and", "or")

Row = dict[str, Any]


def deployed(**parameters: str) -> Deployed:
    """The nested template with names of a stack called flows."""
    return Deployed("quicksight/template.yaml", PARAMETERS | parameters)


def custom_sql(stack: Deployed, identifier: str) -> dict[str, Any]:
    """The one physical table of a data set, by its identifier in the dashboard."""
    declared = stack.properties("Dashboard")["Definition"]["DataSetIdentifierDeclarations"]
    (arn,) = (each["DataSetArn"] for each in declared if each["Identifier"] == identifier)
    (table,) = stack.properties(arn.removeprefix("<").removesuffix(".Arn>"))["PhysicalTableMap"].values()
    return only(table, "CustomSql")["CustomSql"]


def only(given: Mapping[str, Any], *known: str) -> Mapping[str, Any]:
    """``given``, if it has no key that this evaluator does not know."""
    assert set(given) <= set(known), f"not interpreted: {sorted(set(given) - set(known))}"
    return given


class Dashboard:
    """A definition, and the data sets that it declares as QuickSight would import them.

    Args:
        stack: the template as deployed.
        lake: where the data sets' SQL runs.
        definition: to be computed in place of the template's own.
    """

    def __init__(self, stack: Deployed, lake: Lake, definition: Mapping[str, Any] | None = None) -> None:
        self.definition = definition or stack.properties("Dashboard")["Definition"]
        self.answers: dict[str, QueryResult] = {}
        self.columns: dict[str, dict[str, str]] = {}
        self._connection = duckdb.connect(":memory:")
        for macro in MACROS:
            self._connection.execute(macro)
        for declared in self.definition["DataSetIdentifierDeclarations"]:
            self._import(declared["Identifier"], custom_sql(stack, declared["Identifier"]), lake)
        self._calculated = {
            (each["DataSetIdentifier"], each["Name"]): each["Expression"]
            for each in self.definition["CalculatedFields"]
        }
        (self.sheet,) = self.definition["Sheets"]

    def close(self) -> None:
        """Let go of the memory."""
        self._connection.close()

    def redefined(self, definition: Mapping[str, Any]) -> "Dashboard":
        """The same data under another definition."""
        other = object.__new__(Dashboard)
        other.__dict__.update(self.__dict__, definition=definition, sheet=definition["Sheets"][0])
        other._calculated = {
            (each["DataSetIdentifier"], each["Name"]): each["Expression"] for each in definition["CalculatedFields"]
        }
        return other

    def evaluate(self, visual_id: str, days: Mapping[str, str], chosen: Mapping[str, Sequence[str]]) -> list[Row]:
        """What a visual shows, column → value, for values of the date parameters and choices in filter controls.

        ``chosen`` has the values picked for a filter, by its id; without, the control is at "all".
        """
        kind, visual = next(
            (name.removesuffix("Visual"), each)
            for entry in self.sheet["Visuals"]
            for name, each in entry.items()
            if each["VisualId"] == visual_id
        )
        chart = only(visual["ChartConfiguration"], "FieldWells", "SortConfiguration", "Orientation", "BarsArrangement")
        wells = chart["FieldWells"]
        if kind != "KPI":
            wells = only(wells, f"{kind}AggregatedFieldWells")[f"{kind}AggregatedFieldWells"]
        fields = [(well, *self._field(each)) for well in only(wells, *WELLS[kind]) for each in wells[well]]
        (data_set,) = {place for _, place, *_ in fields}
        selected = ", ".join(f'{sql} AS "{column}"' for _, _, column, sql, _ in fields)
        groups = [sql for _, _, _, sql, is_group in fields if is_group]
        where = " AND ".join(["true", *self._conditions(visual_id, data_set, days, chosen)])
        grouped = f" GROUP BY {', '.join(groups)}" if groups else ""
        sql = f'SELECT {selected} FROM "{data_set}" WHERE {where}{grouped}'  # noqa: S608 - our own definition
        answer = self._connection.execute(sql)
        names = [column[0] for column in answer.description]
        rows = [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
        self._refuse_limits(chart.get("SortConfiguration", {}), fields, rows)
        return rows

    def _import(self, identifier: str, table: Mapping[str, Any], lake: Lake) -> None:
        answer = lake.run(table["SqlQuery"])
        schema = pa.schema([(column["Name"], ARROW[column["Type"]]) for column in table["Columns"]])
        values = zip(*answer.rows, strict=True) if answer.rows else [()] * len(schema)
        arrays = [pa.array(list(column), kind) for column, kind in zip(values, schema.types, strict=True)]
        imported = pa.table(arrays, schema=schema)
        self._connection.register("imported", imported)
        self._connection.execute(f'CREATE TABLE "{identifier}" AS SELECT * FROM imported')  # noqa: S608 - same
        self._connection.unregister("imported")
        self.answers[identifier] = answer
        self.columns[identifier] = {column["Name"]: column["Type"] for column in table["Columns"]}

    def _field(self, entry: Mapping[str, Any]) -> tuple[str, str, str, str, bool]:
        """(data set, column, SQL, whether rows are grouped by it) of a field in a well."""
        ((kind, field),) = entry.items()
        place = only(field["Column"], "DataSetIdentifier", "ColumnName")
        data_set, column = place["DataSetIdentifier"], place["ColumnName"]
        sql = self._column(data_set, column)
        match kind:
            case "CategoricalDimensionField":
                only(field, "Column", *SHOWN)
                assert self.columns[data_set][column] == "STRING"
                return data_set, column, sql, True
            case "DateDimensionField":
                only(field, "Column", "DateGranularity", *SHOWN)
                assert self.columns[data_set][column] == "DATETIME"
                return data_set, column, f"date_trunc('{field['DateGranularity'].lower()}', {sql})", True
            case "NumericalMeasureField":
                only(field, "Column", "AggregationFunction", *SHOWN)
                if "AggregationFunction" not in field:
                    assert "sum(" in sql
                    return data_set, column, sql, False
                simple = only(field["AggregationFunction"], "SimpleNumericalAggregation")["SimpleNumericalAggregation"]
                return data_set, column, f"{ {'SUM': 'sum', 'MAX': 'max', 'COUNT': 'count'}[simple] }({sql})", False
        raise AssertionError(f"not interpreted: {kind}")

    def _column(self, data_set: str, name: str) -> str:
        if (data_set, name) in self._calculated:
            return f"({self._expression(data_set, self._calculated[data_set, name])})"
        assert name in self.columns[data_set], f"{data_set} has no column {name}"
        return f'"{name}"'

    def _expression(self, data_set: str, text: str) -> str:
        """An expression of a calculated field as DuckDB's SQL."""
        parts = re.findall(r"\{\w+\}|'[^']*'|\w+\(|\w+|[^\s\w{'(]+|\(", text)
        assert "".join(parts) == re.sub(r"\s+(?=(?:[^']*'[^']*')*[^']*$)", "", text), f"not interpreted: {text}"
        words = []
        for part in parts:
            if part.startswith("{"):
                words.append(self._column(data_set, part[1:-1]))
            elif re.fullmatch(r"[a-zA-Z]\w*\(?", part):
                known = FUNCTIONS if part.endswith("(") else WORDS
                assert part.removesuffix("(").lower() in known, f"not interpreted: {part} in {text}"
                words.append(part)
            else:
                words.append(part)
        return " ".join(words)

    def _conditions(
        self, visual_id: str, data_set: str, days: Mapping[str, str], chosen: Mapping[str, Sequence[str]]
    ) -> Iterable[str]:
        for group in self.definition["FilterGroups"]:
            only(group, "FilterGroupId", "Filters", "ScopeConfiguration", "CrossDataset", "Status")
            if group["Status"] != "ENABLED" or not self._covers(group["ScopeConfiguration"], visual_id):
                continue
            (entry,) = group["Filters"]
            ((kind, kept),) = entry.items()
            column = kept["Column"]
            is_own = column["DataSetIdentifier"] == data_set
            # "Apply to all applicable data sets": those with a field of that name.
            is_across = group["CrossDataset"] == "ALL_DATASETS" and column["ColumnName"] in self.columns[data_set]
            if is_own or is_across:
                sql = self._column(data_set, column["ColumnName"])
                yield self._days(kept, sql, days) if kind == "TimeRangeFilter" else self._values(kept, sql, chosen)

    def _covers(self, scope: Mapping[str, Any], visual_id: str) -> bool:
        (scoping,) = only(scope, "SelectedSheets")["SelectedSheets"]["SheetVisualScopingConfigurations"]
        assert scoping["SheetId"] == self.sheet["SheetId"]
        return scoping["Scope"] == "ALL_VISUALS" or visual_id in scoping["VisualIds"]

    def _days(self, kept: Mapping[str, Any], sql: str, days: Mapping[str, str]) -> str:
        only(kept, "FilterId", "Column", "RangeMinimumValue", "RangeMaximumValue", "IncludeMinimum", "IncludeMaximum",
             "TimeGranularity", "NullOption")  # fmt: skip
        assert kept["NullOption"] == "NON_NULLS_ONLY"
        first, last = (
            days[only(kept[end], "Parameter")["Parameter"]] for end in ("RangeMinimumValue", "RangeMaximumValue")
        )
        grain = kept["TimeGranularity"].lower()
        below, above = (">=" if kept["IncludeMinimum"] else ">"), ("<=" if kept["IncludeMaximum"] else "<")
        value = f"date_trunc('{grain}', {sql})"
        return f"({value} {below} TIMESTAMP '{first}' AND {value} {above} TIMESTAMP '{last}')"

    def _values(self, kept: Mapping[str, Any], sql: str, chosen: Mapping[str, Sequence[str]]) -> str:
        only(kept, "FilterId", "Column", "Configuration")
        listed = only(kept["Configuration"], "FilterListConfiguration")["FilterListConfiguration"]
        only(listed, "MatchOperator", "CategoryValues", "SelectAllOptions", "NullOption")
        assert listed["MatchOperator"] == "CONTAINS"
        values = chosen.get(kept["FilterId"], listed.get("CategoryValues"))
        if values is None:
            assert listed["SelectAllOptions"] == "FILTER_ALL_VALUES"
            found = "true"
        else:
            found = f"{sql} IN ({', '.join(repr(value) for value in values)})"
        nulls = {"ALL_VALUES": f"OR {sql} IS NULL", "NON_NULLS_ONLY": f"AND {sql} IS NOT NULL"}
        return f"({found} {nulls[listed['NullOption']]})"

    def _refuse_limits(self, sort: Mapping[str, Any], fields: list[Any], rows: list[Row]) -> None:
        for name, limit in only(sort, *SORTS, *LIMITED).items():
            if name in LIMITED:
                columns = [column for well, _, column, _, _ in fields if well == LIMITED[name]]
                for column in columns:
                    assert len({row[column] for row in rows}) <= limit["ItemsLimit"], f"{name} reached"
