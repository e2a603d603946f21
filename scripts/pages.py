"""Pages under docs/ that follow from the code as a whole: columns, metrics, settings (`make generate` writes them)."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from compaction import figures
from enricher.hourly import hourly_columns
from enricher.metrics import METRICS, REFRESHER_METRICS
from enricher.refresher_settings import REFRESHER_VARIABLES, RefresherSettings
from enricher.schema import (
    DEFAULT_PROMOTED_TAGS,
    EXTRA_FIELDS,
    PARTITION_COLUMNS,
    SIDES,
    TRANSIT_GATEWAY_ONLY_COLUMNS,
    VPC_COLUMNS,
    Column,
    compacted_columns,
    side_columns,
)
from enricher.settings import VARIABLES, Settings
from scripts.markdown import code, page, table
from workbench.athena.saved import SavedQuery, list_queries
from workbench.athena.statement import parse, tables_of

_SMALLEST: Final = {"LAKE_BUCKET": "lake", "LOG_FORMAT": "v2"}
PARTITION_MEANINGS: Final = {
    "aws_region": "region of the delivery stream",
    "day": "arrival day, YYYY-MM-DD (UTC)",
    "hour": "arrival hour, HH (UTC)",
}
_OURS: Final = "| column | Glue type | meaning |"

_OF_COLUMNS: Final = """\
They are declared in `src/enricher/schema.py`. AWS's fields keep AWS's name with `-` as `_`, and AWS's type; `-` and
the literal `None` are null. What the statuses and the words of evidence mean: [architecture](architecture.md)."""
_OF_METRICS: Final = """\
One set a batch, in CloudWatch's embedded metric format, declared in `src/enricher/metrics.py`. The namespace is
POWERTOOLS_METRICS_NAMESPACE, the dimension `service` is POWERTOOLS_SERVICE_NAME ([settings](settings.md)). A name with
`*` is a family, one metric a value. In every batch `Lines` is `Rows` plus `Rejects`, in JSON mode plus
`LinesTooLarge`. A metric of which a batch has nothing to say is left out."""
_OF_COMPACTION: Final = """\
The compaction job puts one set at the end of each run (`src/compaction/figures.py`), into the same namespace, `service`
being the job's name."""
_OF_QUERIES: Final = """\
`vpcflow query NAME --lake DIR` runs one on disk; the workgroup of `athena/template.yaml` holds them in AWS; files are
`athena/queries/*.sql`. Those that read `flows_hourly`, or with its prices `hourly_costs`, scan little; the others read
rows. Dollars are estimates by list price. `unresolved_share` tells what no query counts."""
_OF_SETTINGS: Final = """\
Environment variables, read once at start by `src/enricher/settings.py`; one that is missing or contradicts another
ends the start with one line that names it. The last column is the parameter of `template.yaml` that sets the variable,
or the value that the template always gives."""

_OF_REFRESHER: Final = """\
Environment variables of the refresher, read once at start by `src/enricher/refresher_settings.py`; one that is
malformed ends the start with one line that names it. The last column is as in [settings](settings.md)."""
_OF_REFRESHER_METRICS: Final = """\
One set a run, declared in `src/enricher/metrics.py`; namespace and dimension as in [metrics](metrics.md). A run that
could not publish says nothing of what it would have published."""
_SMALLEST_REFRESHER: Final = {"INVENTORY_URI": "s3://lake/inventory/pointer.json", "GLUE_DATABASE": "catalog"}


def columns_page() -> str:
    """docs/columns.md: every column of flow_logs with its Glue type, AWS field and meaning."""
    sides = [column.name for side in SIDES for column in side_columns(side)]
    told = {*sides, EXTRA_FIELDS.name, *(column.name for column in (*VPC_COLUMNS, *TRANSIT_GATEWAY_ONLY_COLUMNS))}
    rest = [column for column in compacted_columns() if column.name not in told]
    return page(
        "Columns of `flow_logs`",
        [
            f"{len(compacted_columns())} columns, {len(PARTITION_COLUMNS)} partition keys, in order. {_OF_COLUMNS}",
            "",
            "## Fields of VPC flow logs",
            "",
            *_aws_table(VPC_COLUMNS),
            "",
            "## Fields that only transit gateway flow logs have",
            "",
            *_aws_table(TRANSIT_GATEWAY_ONLY_COLUMNS),
            "",
            "## Fields that this version does not know",
            "",
            *table(_OURS, ([code(EXTRA_FIELDS.name), code(EXTRA_FIELDS.glue_type), EXTRA_FIELDS.meaning],)),
            "",
            "## Both sides, written by one loop: first all `src_…`, then all `dst_…`",
            "",
            *table("| column | Glue type | meaning for the source |", map(_own, side_columns(SIDES[0]))),
            "",
            "Tags named in PROMOTED_TAGS beyond the four above get `src_…` and `dst_…` columns behind all others.",
            "",
            "## Recorder, class, path, provenance, counting",
            "",
            *table(_OURS, map(_own, rest)),
            "",
            "## Partition keys",
            "",
            *table(_OURS, ([code(key), "`string`", PARTITION_MEANINGS[key]] for key in PARTITION_COLUMNS)),
            "",
            "## Columns of `flows_hourly`",
            "",
            "Flows added up by `athena/tables/flows_hourly.sql`: the small table that most saved queries read, with",
            "the same partition keys. Declared in `src/enricher/hourly.py`.",
            "",
            *table(_OURS, map(_own, hourly_columns())),
        ],
    )


def metrics_page() -> str:
    """docs/metrics.md: every metric with its unit and meaning."""
    rows = ([code(name), unit, meaning] for name, (unit, meaning) in METRICS.items())
    return page(
        "Metrics",
        [
            _OF_METRICS,
            "",
            *table("| metric | unit | meaning |", rows),
            "",
            _OF_COMPACTION,
            "",
            *table("| metric | unit | meaning |", ([code(n), "Count", told] for n, told in figures.METRICS.items())),
        ],
    )


def refresher_page(template: Path) -> str:
    """docs/refresher.md: the refresher's variables and metrics, as the two pages above have those of the function."""
    text = template.read_text(encoding="utf-8")
    parameters = re.findall(r"^  (\w+):$", text.partition("\nConditions:")[0], re.MULTILINE)
    given = _template_values(text.partition("\n  RefreshFunction:\n")[2])
    settings = (
        [code(name), meaning, _refresher_default(name), _source(given.get(name, ""), parameters)]
        for name, meaning in REFRESHER_VARIABLES.items()
    )
    metrics = ([code(name), unit, meaning] for name, (unit, meaning) in REFRESHER_METRICS.items())
    return page(
        "The refresher's settings and metrics",
        [
            _OF_REFRESHER,
            "",
            *table("| variable | meaning | default | in the template |", settings),
            "",
            _OF_REFRESHER_METRICS,
            "",
            *table("| metric | unit | meaning |", metrics),
        ],
    )


def _refresher_default(name: str) -> str:
    if name in _SMALLEST_REFRESHER:
        return "none: must be set"
    if name.startswith("POWERTOOLS_") or name == "LOG_LEVEL":
        return "Powertools' own"
    value = getattr(RefresherSettings.from_environ(_SMALLEST_REFRESHER), name.removeprefix("REFRESH_").lower())
    return code(f"{value:g}") if isinstance(value, int | float) else "empty"


def settings_page(template: Path) -> str:
    """docs/settings.md: every environment variable with its default and what sets it in ``template``."""
    text = template.read_text(encoding="utf-8")
    parameters = re.findall(r"^  (\w+):$", text.partition("\nConditions:")[0], re.MULTILINE)
    given = _template_values(text)
    rows = (
        [code(name), meaning, _default(name), _source(given.get(name, ""), parameters)]
        for name, meaning in VARIABLES.items()
    )
    return page(
        "Settings of the transformation function",
        [
            _OF_SETTINGS,
            "",
            *table("| variable | meaning | default | in the template |", rows),
        ],
    )


def queries_page() -> str:
    """docs/queries.md: every saved query with its question, what it reads, its parameters and columns."""
    lines = [_OF_QUERIES, "", *table("| query | question | reads | parameters |", map(_query_row, list_queries())), ""]
    for query in list_queries():
        lines += [f"## {query.title}", "", f"{code(query.name)}. {query.question}", ""]
        lines += [*table("| column | meaning |", ([code(name), meaning] for name, meaning in query.columns)), ""]
    return page("Saved queries", lines[:-1])


def _query_row(query: SavedQuery) -> list[str]:
    parameters = ", ".join(code(f"{parameter.name}={parameter.default}") for parameter in query.parameters)
    return [code(query.name), query.question, ", ".join(map(code, tables_of(parse(query.sql)))), parameters]


def _aws_table(columns: Sequence[Column]) -> list[str]:
    rows = ([code(c.name), code(c.glue_type), code(str(c.field)), str(c.since), c.meaning] for c in columns)
    return table("| column | Glue type | AWS field | since version | meaning |", rows)


def _own(column: Column) -> list[str]:
    return [code(column.name), code(column.glue_type), column.meaning]


def _default(name: str) -> str:
    """The value that holds where the variable is not set, as one would write it."""
    if name in _SMALLEST:
        return "none: must be set"
    if name.startswith("POWERTOOLS_") or name == "LOG_LEVEL":
        return "Powertools' own"
    settings = Settings.from_environ(_SMALLEST)
    if name == "PROMOTED_TAGS":
        return code(";".join(f"{column}={'|'.join(keys)}" for column, keys in DEFAULT_PROMOTED_TAGS.items()))
    if name.startswith("EC2_"):
        value = getattr(settings.ec2, name.removeprefix("EC2_").lower())
    else:
        value = getattr(settings, name.lower())
    if isinstance(value, bool):
        return code("on" if value else "off")
    return code(f"{value:g}") if isinstance(value, int | float) else code(str(value)) if value else "empty"


def _template_values(text: str) -> dict[str, str]:
    """Variable → what the template's function is given for it, as written; what spans lines on one."""
    block = re.match(r"(?: {10}.*\n)*", text.partition("        Variables:\n")[2])
    given = re.findall(r"^ {10}([A-Z0-9_]+): (.*(?:\n {12}.*)*)", block[0] if block else "", re.MULTILINE)
    return {name: " ".join(value.split()) for name, value in given}


def _source(value: str, parameters: Sequence[str]) -> str:
    if value.startswith("!GetAtt"):
        return f"{code(value.removeprefix('!GetAtt '))}"
    named = [name for name in parameters if re.search(rf"\b{name}\b", value)]
    if named:
        return f"parameter {code(named[0])}"
    if "!Ref" in value:
        return {
            "!Ref LakeBucket": "the stack's bucket",
            "!Ref AWS::AccountId": "the stack's account",
            "!Ref AWS::StackName": "the stack's name",
        }[value]
    if "AWS::StackName" in value:
        return "made from the stack's name"
    return code(value.strip('"')) if value else "not set"
