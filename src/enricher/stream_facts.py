"""What flow logs that deliver into our stream say of their records: log formats, and tag keys behind v11 fields.

AWS filters by the kind of destination only, so the stream's ARN is compared here.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeFlowLogs.html
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from enricher.paging import Document, Read

FLOW_LOGS: Final = Read(
    "flow-logs",
    "ec2",
    "describe_flow_logs",
    "FlowLogs",
    ("FlowLogId",),
    arguments={"Filter": [{"Name": "log-destination-type", "Values": ["kinesis-data-firehose"]}]},
    is_essential=False,
)
# Resource type of a tag specification → the fields of its first and second tag key, in the order of its keys.
_FIELDS: Final = {
    "instance": ("instance-tag", "instance-tag-2"),
    "network-interface": ("interface-tag", "interface-tag-2"),
    "auto-scaling-group": ("asg-tag", "asg-tag-2"),
}


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """Log formats of the stream, each once, sorted; tag keys by v11 field; what contradicts itself, for the log."""

    log_formats: tuple[str, ...]
    tag_keys: dict[str, str]
    warnings: tuple[str, ...] = ()


def stream_facts(flow_logs: Iterable[Document], stream_arn: str) -> StreamFacts:
    """The facts of every flow log that delivers into the stream; FlowLogs of DescribeFlowLogs.

    A field that two flow logs fill with different tags is left out: its values could be either's.
    """
    delivering = [told for told in flow_logs if told.get("LogDestination") == stream_arn]
    formats = {str(told["LogFormat"]) for told in delivering if told.get("LogFormat")}
    keys: dict[str, set[str]] = {}
    for told in delivering:
        for field, key in _tag_keys(told):
            keys.setdefault(field, set()).add(key)
    warnings = [
        f"flow logs of {stream_arn}: {field} carries {' or '.join(sorted(told))}; give each flow log the same tag keys"
        for field, told in sorted(keys.items())
        if len(told) > 1
    ]
    agreed = {field: min(told) for field, told in sorted(keys.items()) if len(told) == 1}
    return StreamFacts(tuple(sorted(formats)), agreed, tuple(warnings))


def _tag_keys(flow_log: Document) -> Iterable[tuple[str, str]]:
    for specification in flow_log.get("TagFieldSpecifications") or ():
        fields = _FIELDS.get(str(specification.get("ResourceType")), ())
        yield from zip(fields, specification.get("TagKeys") or (), strict=False)
