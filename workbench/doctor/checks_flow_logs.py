"""What can be wrong with the flow logs that feed the stream."""

from collections.abc import Iterator

from enricher.errors import EnricherError, LogFormatError
from enricher.log_format import LogFormat, LogFormats
from enricher.pointer import Pointer
from enricher.published import Place
from workbench.doctor.commands import aws, tail
from workbench.doctor.fields import (
    ESSENTIAL,
    NEEDED,
    NEWER,
    RECOMMENDED,
    TRANSIT_GATEWAY,
    create_command,
    lacking,
    log_format_text,
    replace_commands,
)
from workbench.doctor.finding import Finding, broken, degraded, note
from workbench.doctor.snapshot import REFRESH, TRANSFORM, Document, Function, Gap, Snapshot

_INTERVAL_S = 600


def flow_logs(snapshot: Snapshot) -> Iterator[Finding]:
    """Everything about them."""
    found = snapshot.stream.flow_logs
    if isinstance(found, Gap):
        return
    if not found:
        yield _none(snapshot)
    for flow_log in found:
        yield from _state(snapshot, flow_log)
        yield from _traffic(snapshot, flow_log)
        yield from _fields(snapshot, flow_log)
        yield from _format_of_function(snapshot, flow_log)
    yield from _intervals(snapshot, found)
    alike = list(_told_apart(snapshot, found))
    yield from alike
    if not alike:  # else the pointer settles nothing, whatever it tells
        yield from _formats_of_pointer(snapshot, found)


def _none(snapshot: Snapshot) -> Finding:
    target = snapshot.target
    command = create_command(target, target.stream_arn, None, _wanted_format(snapshot), _interval(snapshot))
    others = target.parameters.get("SourceAccounts", "")
    say = note if others else broken
    return say(
        "flow-logs-none",
        target.stream,
        f"no flow log of this account in {target.region} delivers into the stream",
        f"Only what the accounts {others} send can arrive; their flow logs are not seen from here."
        if others
        else "Nothing is recorded, so nothing arrives.",
        f"{command} (with the VPC's id in place of VPC_ID)",
    )


def _state(snapshot: Snapshot, flow_log: Document) -> Iterator[Finding]:
    name = _name(flow_log)
    if flow_log.get("FlowLogStatus", "ACTIVE") != "ACTIVE":
        yield broken(
            "flow-log-inactive",
            name,
            f"its status is {flow_log.get('FlowLogStatus')}",
            "What is not active records nothing.",
            _replace(snapshot, flow_log),
        )
    elif flow_log.get("DeliverLogsStatus") == "FAILED" or flow_log.get("DeliverLogsErrorMessage"):
        yield broken(
            "flow-log-delivery",
            name,
            f"its delivery fails: {flow_log.get('DeliverLogsErrorMessage') or 'no reason is told'}",
            "What it records does not reach the stream, and is lost after some time.",
            aws(snapshot.target, "firehose describe-delivery-stream", "--delivery-stream-name", snapshot.target.stream)
            + "; the stream must be ACTIVE and tagged LogDeliveryEnabled=true, and a flow log of another account needs "
            "both roles of member-account.yaml; then make the flow log anew: " + _replace(snapshot, flow_log),
        )


def _traffic(snapshot: Snapshot, flow_log: Document) -> Iterator[Finding]:
    kind = flow_log.get("TrafficType", "ALL")
    if kind != "ALL" and not _is_transit_gateway(flow_log):
        yield degraded(
            "flow-log-traffic",
            _name(flow_log),
            f"it records {kind} only",
            "Rejected traffic is in no answer." if kind == "ACCEPT" else "Traffic that got through is in no answer.",
            _replace(snapshot, flow_log),
        )


def _fields(snapshot: Snapshot, flow_log: Document) -> Iterator[Finding]:
    fields = _fields_of(flow_log)
    if fields is None:
        return
    is_gateway = _is_transit_gateway(flow_log)
    essential = lacking(fields, ESSENTIAL)
    needed = lacking(fields, TRANSIT_GATEWAY if is_gateway else NEEDED)
    newer = [] if is_gateway else lacking(fields, NEWER)
    name = _name(flow_log)
    why = "What a record does not tell, no query can; a format cannot be changed, only made anew."
    if essential:
        yield broken("flow-log-essential-fields", name, _lacks(essential + needed), why, _replace(snapshot, flow_log))
    elif needed:
        yield degraded("flow-log-fields", name, _lacks(needed + newer), why, _replace(snapshot, flow_log))
    elif newer:
        yield note("flow-log-newer-fields", name, _lacks(newer), why, _replace(snapshot, flow_log))


def _format_of_function(snapshot: Snapshot, flow_log: Document) -> Iterator[Finding]:
    """Whether the function reads lines as this flow log writes them."""
    known = _known_formats(snapshot)
    if known is not None:
        mend = "deploy with LogFormat as the flow log has it, or make the flow log anew: "
        yield from _differs(flow_log, known, "LOG_FORMAT", mend + _replace(snapshot, flow_log))


def _formats_of_pointer(snapshot: Snapshot, found: tuple[Document, ...]) -> Iterator[Finding]:
    """The same where LOG_FORMAT is empty: the function then reads what the refresher has told in the pointer."""
    variables = snapshot.functions.get(TRANSFORM, Function()).variables
    uri, body = snapshot.target.inventory_uri, snapshot.published.pointer
    if variables is None or variables.get("LOG_FORMAT", "").strip() or not uri or isinstance(body, Gap):
        return
    try:
        texts = Pointer.from_json(body, uri, Place.of(uri).snapshots).log_formats
        known = [one.fields for one in LogFormats.parse(texts).formats] if texts else []
    except EnricherError:  # of a pointer that is none its own check tells
        return
    refresher = snapshot.target.functions.get(REFRESH, "REFRESHER")
    mend = (
        "the refresher tells it in its next run; where it is older than that, its log says why not "
        f"(ec2:DescribeFlowLogs): {tail(snapshot.target, f'/aws/lambda/{refresher}')}"
    )
    for flow_log in found:
        yield from _differs(flow_log, known, f"the pointer {uri}", mend)


def _differs(flow_log: Document, known: list[tuple[str, ...]], source: str, mend: str) -> Iterator[Finding]:
    fields = _fields_of(flow_log)
    if fields is None or fields in known:
        return
    numbers = ", ".join(str(len(one)) for one in known) or "no format; 0"
    yield broken(
        "log-format-differs",
        _name(flow_log),
        f"its format ({len(fields)} fields) is none of those in {source} ({numbers} fields)",
        "Fields are taken for others, or lines are rejected." if known else "Every batch fails.",
        mend,
    )


def _told_apart(snapshot: Snapshot, found: tuple[Document, ...]) -> Iterator[Finding]:
    texts = sorted({str(one.get("LogFormat")) for one in found if one.get("LogFormat")})
    try:
        if texts:
            LogFormats.parse(texts)
    except LogFormatError as error:
        yield broken(
            "log-formats-alike",
            snapshot.target.stream,
            str(error),
            "Lines of one format would be read as those of the other.",
            "give all flow logs of the stream one format, or send them to streams of their own: "
            + _replace(snapshot, found[-1]),
        )


def _intervals(snapshot: Snapshot, found: tuple[Document, ...]) -> Iterator[Finding]:
    wanted = snapshot.target.parameters.get("AggregationSeconds")
    intervals = {int(one["MaxAggregationInterval"]) for one in found if one.get("MaxAggregationInterval")}
    is_other = bool(wanted) and any(str(one) != wanted for one in intervals)
    if len(intervals) > 1 or is_other:
        odd = next((one for one in found if str(one.get("MaxAggregationInterval")) != wanted), found[0])
        asked = f"; the stack's AggregationSeconds is {wanted}" if wanted else ""
        yield note(
            "flow-log-interval",
            _name(odd),
            f"flow logs of the stream add up over {' and '.join(map(str, sorted(intervals)))} s{asked}",
            "Charts over time are as coarse as the longest; a shorter one makes more records, which cost more.",
            _replace(snapshot, odd),
        )


def _known_formats(snapshot: Snapshot) -> list[tuple[str, ...]] | None:
    """The fields of each format that the function's LOG_FORMAT tells; None where it tells none, or is not known."""
    variables = snapshot.functions.get(TRANSFORM, Function()).variables
    text = (variables or {}).get("LOG_FORMAT", "")
    if not text.strip():
        return None
    try:
        return [one.fields for one in LogFormats.parse(part for part in text.split(";") if part.strip()).formats]
    except LogFormatError:
        return None


def _wanted_format(snapshot: Snapshot) -> str:
    """The format that a new flow log should have: the function's one where it lacks nothing, else the recommended."""
    known = _known_formats(snapshot)
    if known is not None and len(known) == 1 and not lacking(known[0], (*ESSENTIAL, *NEEDED)):
        return log_format_text(known[0])
    return log_format_text(RECOMMENDED)


def _replace(snapshot: Snapshot, flow_log: Document) -> str:
    wanted = _wanted_format(snapshot)
    known = _known_formats(snapshot)
    is_known = known is None or LogFormat.parse(wanted).fields in known
    first = "" if is_known else "deploy with LogFormat=recommended, so that the function reads it; then: "
    return first + replace_commands(snapshot.target, snapshot.target.stream_arn, flow_log, wanted, _interval(snapshot))


def _interval(snapshot: Snapshot) -> int:
    told = snapshot.target.parameters.get("AggregationSeconds", "")
    return int(told) if told.isdecimal() else _INTERVAL_S


def _fields_of(flow_log: Document) -> tuple[str, ...] | None:
    try:
        return LogFormat.parse(str(flow_log.get("LogFormat", ""))).fields
    except LogFormatError:
        return None


def _is_transit_gateway(flow_log: Document) -> bool:
    return str(flow_log.get("ResourceId", "")).startswith("tgw-")


def _name(flow_log: Document) -> str:
    return f"{flow_log.get('FlowLogId')} of {flow_log.get('ResourceId', '?')}"


def _lacks(features: list[str]) -> str:
    return f"its format lacks fields for {'; '.join(features)}"
