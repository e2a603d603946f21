"""What can be wrong with the delivery stream."""

from collections.abc import Iterator
from typing import Final

from workbench.doctor.commands import aws, processing, redeploy, update_stream
from workbench.doctor.finding import Finding, broken, degraded, note
from workbench.doctor.snapshot import TRANSFORM, Function, Gap, Snapshot
from workbench.doctor.stack import qualifier

LARGEST_MB: Final = 2.0
LARGEST_JSON_MB: Final = 0.5
LONGEST_S: Final = 300
_FIREHOSE_MB: Final = 1.0  # where the parameter is left out (API reference, ProcessorParameter)
ERROR_TYPE: Final = "!{firehose:error-output-type}/"
_TAG: Final = "LogDeliveryEnabled"


def stream(snapshot: Snapshot) -> Iterator[Finding]:
    """Everything about it."""
    description, name = snapshot.stream.description, snapshot.target.stream
    if description is Gap.ABSENT:
        yield broken(
            "stream-missing",
            name,
            f"there is no such delivery stream in {snapshot.target.region}",
            "Flow logs have nowhere to go.",
            redeploy(snapshot.target) if snapshot.target.stack else "give --stream the name of the stream, or --region",
        )
    if isinstance(description, Gap):
        return
    yield from _state(snapshot)
    yield from _tag(snapshot)
    yield from _destination(snapshot)
    yield from _processing(snapshot)


def _state(snapshot: Snapshot) -> Iterator[Finding]:
    told = snapshot.stream.description
    status = "" if isinstance(told, Gap) else told["DeliveryStreamDescription"].get("DeliveryStreamStatus")
    if status != "ACTIVE":
        yield broken(
            "stream-status",
            snapshot.target.stream,
            f"its status is {status}",
            "A stream that is not active takes no records.",
            aws(snapshot.target, "firehose describe-delivery-stream", "--delivery-stream-name", snapshot.target.stream)
            + "; its FailureDescription says why (a key that is disabled, a role that is gone)",
        )


def _tag(snapshot: Snapshot) -> Iterator[Finding]:
    if isinstance(snapshot.stream.tags, Gap):
        return
    tags = {told["Key"]: told.get("Value") for told in snapshot.stream.tags.get("Tags") or ()}
    if tags.get(_TAG) != "true":
        yield broken(
            "stream-tag",
            snapshot.target.stream,
            f"it has no tag {_TAG}=true",
            "The log delivery service writes to tagged streams only, so no flow log arrives.",
            aws(
                snapshot.target,
                "firehose tag-delivery-stream",
                "--delivery-stream-name",
                snapshot.target.stream,
                "--tags",
                f"Key={_TAG},Value=true",
            ),
        )


def _destination(snapshot: Snapshot) -> Iterator[Finding]:
    target, found = snapshot.target, snapshot.stream.destination
    bucket = str(found.get("BucketARN", "")).rpartition(":")[2]
    if bucket != target.bucket:
        yield broken(
            "stream-bucket",
            target.stream,
            f"it delivers to the bucket {bucket or '(none)'}, and the lake is {target.bucket}",
            "Batches that fail are kept where no replay looks for them.",
            update_stream(target, snapshot.stream, BucketARN=f"arn:{target.partition}:s3:::{target.bucket}"),
        )
    prefix = str(found.get("ErrorOutputPrefix") or "")
    if not prefix.startswith(ERROR_TYPE):
        yield degraded(
            "stream-error-prefix",
            target.stream,
            f"its error prefix is '{prefix}'",
            "Batches that fail are not found below processing-failed/, where replay, lifecycle and this command look.",
            update_stream(
                target,
                snapshot.stream,
                ErrorOutputPrefix=f"{ERROR_TYPE}day=!{{timestamp:yyyy-MM-dd}}/hour=!{{timestamp:HH}}/",
            ),
        )
    if not found.get("CloudWatchLoggingOptions", {}).get("Enabled"):
        yield degraded(
            "stream-error-log",
            target.stream,
            "it writes no error log",
            "The alarm batches-given-up counts that log's lines, and so never rings.",
            update_stream(
                target,
                snapshot.stream,
                CloudWatchLoggingOptions={
                    "Enabled": True,
                    "LogGroupName": f"/aws/kinesisfirehose/{target.stream}",
                    "LogStreamName": "delivery",
                },
            ),
        )
    if found.get("S3BackupMode", "Disabled") != "Enabled":
        yield note(
            "stream-source-backup",
            target.stream,
            "it keeps no copy of what it receives",
            "What the function has written wrongly cannot be made again from its source.",
            f"deploy with SourceDays above 0 (it then costs storage, and cannot be switched off): "
            f"{redeploy(target, 'SourceDays=7')}",
        )


def _processing(snapshot: Snapshot) -> Iterator[Finding]:
    target, found = snapshot.target, snapshot.stream
    processor = found.processor
    if processor is None or not found.destination.get("ProcessingConfiguration", {}).get("Enabled"):
        wanted = {} if processor is not None else {"LambdaArn": target.aliases.get(TRANSFORM, "FUNCTION_ALIAS_ARN")}
        yield broken(
            "stream-processing",
            target.stream,
            "it has no Lambda processor" if processor is None else "its processing is disabled",
            "Raw lines are delivered below delivered/ and nothing reaches the lake.",
            update_stream(target, found, ProcessingConfiguration=processing(found, **wanted)),
        )
        return
    yield from _function(snapshot, processor)
    yield from _buffer(snapshot, processor)


def _function(snapshot: Snapshot, processor: dict[str, str]) -> Iterator[Finding]:
    target, arn = snapshot.target, processor.get("LambdaArn", "")
    wanted = target.aliases.get(TRANSFORM, "")
    if not qualifier(arn) or (wanted and arn != wanted):
        yield broken(
            "stream-function",
            target.stream,
            f"it calls {arn or 'no function'}, not {wanted or 'an alias'}",
            "Batches go through other code than the deployed one; a later deployment does not reach it.",
            update_stream(
                target, snapshot.stream, ProcessingConfiguration=processing(snapshot.stream, LambdaArn=wanted or arn)
            )
            if wanted
            else "give the stream's LambdaArn the alias of the function: arn:…:function:NAME:live",
        )
    elif snapshot.functions.get(TRANSFORM, Function()).alias is Gap.ABSENT:
        name = target.functions[TRANSFORM]
        versions = aws(target, "lambda list-versions-by-function", "--function-name", name)
        words = ("--function-name", name, "--name", qualifier(arn), "--function-version", "NUMBER")
        create = aws(target, "lambda create-alias", *words)
        yield broken(
            "stream-alias",
            arn,
            f"the stream calls the alias {qualifier(arn)}, which {name} does not have",
            "Every batch fails, and is kept below processing-failed/.",
            f"see {versions}; then {create}",
        )


def _buffer(snapshot: Snapshot, processor: dict[str, str]) -> Iterator[Finding]:
    target = snapshot.target
    size = _number(processor.get("BufferSizeInMBs"), _FIREHOSE_MB)
    most = LARGEST_MB if target.writes_lake else LARGEST_JSON_MB
    if size > most:
        yield degraded(
            "stream-buffer-size",
            target.stream,
            f"a batch may hold {size:g} MB; {most:g} MB is the most",
            "A batch near 3 MB does not fit Lambda's 6 MB request in base64, and fails in every attempt.",
            update_stream(
                target,
                snapshot.stream,
                ProcessingConfiguration=processing(snapshot.stream, BufferSizeInMBs=f"{most:g}"),
            ),
        )
    wait = _number(processor.get("BufferIntervalInSeconds"), 60)
    if wait > LONGEST_S:
        yield note(
            "stream-buffer-interval",
            target.stream,
            f"a batch may wait {wait:g} s",
            "Rows arrive that much later, and quiet streams write into the next hour.",
            update_stream(
                target,
                snapshot.stream,
                ProcessingConfiguration=processing(snapshot.stream, BufferIntervalInSeconds="60"),
            ),
        )


def _number(text: str | None, default: float) -> float:
    try:
        return default if text is None else float(text)
    except ValueError:
        return default
