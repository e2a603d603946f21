"""Flow logs against the formats in the pointer, which the function reads where LOG_FORMAT is empty."""

import pytest

from enricher.pointer import Pointer
from workbench.doctor import fields
from workbench.doctor.checks_flow_logs import flow_logs
from workbench.doctor.finding import Finding
from workbench.doctor.snapshot import REFRESH, TRANSFORM, Function, Gap, Published, Snapshot, Stream, Target

TARGET = Target(
    "eu-west-1",
    stream="flows",
    inventory_uri="s3://a-lake/inventory/pointer.json",
    functions={TRANSFORM: "flows-transform", REFRESH: "flows-refresh"},
)
TEXT = fields.log_format_text(fields.RECOMMENDED)
SHORTER = fields.log_format_text(fields.RECOMMENDED[:-1])


def differing(pointer: bytes | Gap, log_format: str = "", *texts: str) -> list[Finding]:
    """What is told of flow logs of these formats (one, the recommended) where the function has this LOG_FORMAT."""
    told = tuple(
        {"FlowLogId": f"fl-{number}", "ResourceId": "vpc-1", "TrafficType": "ALL", "LogFormat": text}
        for number, text in enumerate(texts or (TEXT,))
    )
    function = Function({"Environment": {"Variables": {"LOG_FORMAT": log_format}}})
    published = Published(pointer)
    snapshot = Snapshot(
        TARGET, 0.0, stream=Stream(flow_logs=told), functions={TRANSFORM: function}, published=published
    )
    return [one for one in flow_logs(snapshot) if one.id in ("log-format-differs", "log-formats-alike")]


def pointer(*formats: str) -> bytes:
    """One that tells these formats."""
    return Pointer("inventory/snapshots/a", 0.0, (), formats).to_json()


@pytest.mark.parametrize(
    ("body", "log_format"),
    [
        (pointer(TEXT), ""),
        (pointer(SHORTER, TEXT), ""),
        (pointer(SHORTER), TEXT),  # the function's own come first
        (b"{}", ""),
        (Gap.UNASKED, ""),
        (Gap.ABSENT, ""),
    ],
)
def test_format_that_the_pointer_tells_or_need_not_tell(body, log_format):
    """No finding: it is there, or nobody asks the pointer, or another check tells why it cannot be read."""
    assert differing(body, log_format) == []


@pytest.mark.parametrize(
    ("body", "what", "why"),
    [
        (pointer(SHORTER), f"({len(fields.RECOMMENDED) - 1} fields)", "Fields are taken for others, or lines"),
        (pointer(), "(no format; 0 fields)", "Every batch fails."),
    ],
)
def test_format_that_the_pointer_does_not_tell(body, what, why):
    """The flow log, the pointer, and the refresher's log are named."""
    (finding,) = differing(body)
    assert (finding.id, finding.resource) == ("log-format-differs", "fl-0 of vpc-1")
    assert finding.what.endswith(f"none of those in the pointer {TARGET.inventory_uri} {what}")
    assert finding.why.startswith(why)
    assert finding.commands == ("aws logs tail --region eu-west-1 /aws/lambda/flows-refresh --since 3h",)


def test_formats_that_cannot_be_told_apart_are_one_finding():
    """Whatever the pointer tells of them, the function refuses it."""
    backwards = fields.log_format_text(fields.RECOMMENDED[::-1])
    assert [one.id for one in differing(pointer(TEXT), "", TEXT, backwards)] == ["log-formats-alike"]
