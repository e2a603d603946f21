"""First-day checks that write: an object of their own, which they delete again, or an answer of Athena's."""

from typing import Any, Final

from workbench.doctor.ask import TimeIsOverError, read_error
from workbench.doctor.probing import AS_CLAIMED, DIFFERS, NOT_DECIDED, Outcome, Probe, Probed, code_of

_FOLDER: Final = "athena-results/"  # expires, whatever happens
_POLLS: Final = 60
_POLL_S: Final = 0.5


def _put(given: Probed, key: str, **condition: str) -> str:
    """The error code of a conditional put of a probe object; empty where it was put."""
    return code_of(given, "s3", "put_object", Bucket=given.snapshot.target.bucket, Key=key, Body=b"probe", **condition)


def _conditional_put(given: Probed) -> Outcome:
    key = f"{_FOLDER}doctor-probe-{given.token}.txt"
    first = _put(given, key, IfNoneMatch="*")
    if first:
        return NOT_DECIDED, f"the probe object could not be put: {first}"
    try:
        again = _put(given, key, IfNoneMatch="*")
        other = _put(given, key, IfMatch='"00000000000000000000000000000000"')
        gone = _put(given, f"{key}.gone", IfMatch='"00000000000000000000000000000000"')
    finally:
        given.asker.call("s3", "delete_object", Bucket=given.snapshot.target.bucket, Key=key)
    seen = f"there already: {again or 'put'}; another ETag: {other or 'put'}; gone: {gone or 'put'}"
    is_so = (again, other) == ("PreconditionFailed", "PreconditionFailed") and gone in ("NoSuchKey", "404")
    return (AS_CLAIMED if is_so else DIFFERS), seen


def _copies(given: Probed) -> Outcome:
    bucket = given.snapshot.target.bucket
    source, copy = f"{_FOLDER}doctor-probe-{given.token}-copy.txt", f"code/doctor-probe-{given.token}.txt"
    first = _put(given, source, IfNoneMatch="*")
    if first:
        return NOT_DECIDED, f"the probe object could not be put: {first}"
    try:
        place = {"Bucket": bucket, "Key": source}
        code = code_of(given, "s3", "copy_object", Bucket=bucket, Key=copy, CopySource=place)
        if not code:
            given.asker.call("s3", "delete_object", Bucket=bucket, Key=copy)
    finally:
        given.asker.call("s3", "delete_object", Bucket=bucket, Key=source)
    return (AS_CLAIMED if code == "AccessDenied" else DIFFERS), f"a copy into code/: {code or 'was taken'}"


def _no_sql(given: Probed) -> Outcome:
    try:
        state, words = _query(given, "SELEC 1", [])
    except TimeIsOverError:
        raise
    except Exception as error:  # noqa: BLE001 - a refusal is what is looked for
        code, words = read_error(error)
        return (AS_CLAIMED if code == "InvalidRequestException" else NOT_DECIDED), f"{code}: {words}"
    return DIFFERS, f"it was started, and ended as {state}: {words}"


def _literals(given: Probed) -> Outcome:
    state, text = _query(given, "SELECT 'so' AS given WHERE ? = '2026-11-01'", ["'2026-11-01'"])
    if state != "SUCCEEDED":
        return NOT_DECIDED, f"{state}: {text}"
    return (AS_CLAIMED if text == "so" else DIFFERS), f"'2026-11-01' in quotes is {'' if text else 'not '}that text"


def _views(given: Probed) -> Outcome:
    state, text = _query(given, "SELECT count(*) AS flows FROM flows_once WHERE day >= '2999-01-01'", [])
    if state != "SUCCEEDED":
        return DIFFERS, f"{state}: {text}"
    return (
        NOT_DECIDED,
        f"flows_once runs ({text or 'no'} flows of the year 2999); other queries, and answers, it does not tell",
    )


def _query(given: Probed, sql: str, parameters: list[str]) -> tuple[str, str]:
    """Its state and first value, or why it failed. Raises what Athena refuses."""
    target = given.snapshot.target
    more: dict[str, Any] = {"ExecutionParameters": parameters} if parameters else {}
    started = given.asker.call(
        "athena",
        "start_query_execution",
        QueryString=sql,
        WorkGroup=target.work_group or "primary",
        QueryExecutionContext={"Database": target.database},
        **more,
    )
    number = started["QueryExecutionId"]
    for _ in range(_POLLS):
        told = given.asker.call("athena", "get_query_execution", QueryExecutionId=number)["QueryExecution"]["Status"]
        if told["State"] == "SUCCEEDED":
            rows = given.asker.call("athena", "get_query_results", QueryExecutionId=number)["ResultSet"]["Rows"]
            return "SUCCEEDED", str(rows[1]["Data"][0].get("VarCharValue")) if len(rows) > 1 else ""
        if told["State"] in ("FAILED", "CANCELLED"):
            return told["State"], " ".join(str(told.get("StateChangeReason")).split())[:200]
        given.sleep(_POLL_S)
    given.asker.call("athena", "stop_query_execution", QueryExecutionId=number)
    return "CANCELLED", "it took too long"


WRITES: Final = (
    Probe(
        "conditional-put",
        "A conditional put answers 412 where the object is another, 404 where `If-Match` names one that is gone, 409 "
        "while another put is under way",
        f"puts an object of 5 bytes below {_FOLDER}, tries to replace it, and deletes it",
        _conditional_put,
        writes=True,
    ),
    Probe(
        "copy-into-prefix",
        "The policy condition `s3:if-none-match` also refuses copies into the prefix",
        f"puts an object of 5 bytes below {_FOLDER}, tries to copy it into code/, and deletes what it put",
        _copies,
        writes=True,
    ),
    Probe(
        "no-sql",
        "A statement that is no SQL is refused at StartQueryExecution; an unknown column, table or database fails the "
        "query",
        f"sends 'SELEC 1' to Athena, which may put its answer below {_FOLDER}",
        _no_sql,
        writes=True,
    ),
    Probe(
        "literal-parameter",
        "An execution parameter is a literal, a text in single quotes; a bare date would be worked out as a "
        "subtraction",
        f"runs SELECT … WHERE ? = … in Athena, which puts its answer below {_FOLDER}; reads no table",
        _literals,
        writes=True,
    ),
    Probe(
        "views-run",
        "The views and saved queries run on Athena and give DuckDB's answers",
        f"runs one query over the view flows_once for a day without data; its answer goes below {_FOLDER}",
        _views,
        writes=True,
    ),
)
