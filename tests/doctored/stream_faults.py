"""Faults of the stack, its flow logs and its delivery stream."""

from collections.abc import Iterator
from typing import Final

from static.deployed import STACK

from doctored.cloud import DeployedCloud
from doctored.names import BUCKET, TRANSFORM, function_arn
from doctored.planting import backend, document, fault, flow_logs, stream, variables
from workbench.doctor.fields import RECOMMENDED, log_format_text

V5_WITHOUT_DIRECTION: Final = log_format_text(tuple(field for field in RECOMMENDED if field != "flow-direction"))


@fault("stack-status", STACK, "degraded", "cloudformation")
def _(deployed: DeployedCloud) -> Iterator[None]:
    with document(deployed, "stacks", "Stacks", StackStatus="UPDATE_ROLLBACK_COMPLETE"):
        yield


@fault("flow-logs-none", "create-flow-logs", "broken", "ec2")
def _(deployed: DeployedCloud) -> Iterator[None]:
    with flow_logs(deployed):
        yield


@fault("flow-log-inactive", "delete-flow-logs --region eu-west-1 --flow-log-ids fl-0a1b", "broken", "ec2")
def _(deployed: DeployedCloud) -> Iterator[None]:
    with flow_logs(deployed, {"FlowLogStatus": "INACTIVE"}):
        yield


@fault("flow-log-delivery", "fl-0a1b", "broken", "ec2")
def _(deployed: DeployedCloud) -> Iterator[None]:
    with flow_logs(deployed, {"DeliverLogsStatus": "FAILED", "DeliverLogsErrorMessage": "Access error"}):
        yield


@fault("flow-log-traffic", "--resource-ids vpc-0a1b --traffic-type ALL", "degraded", "ec2")
def _(deployed: DeployedCloud) -> Iterator[None]:
    with flow_logs(deployed, {"TrafficType": "ACCEPT"}):
        yield


@fault("flow-log-fields", "${flow-direction}", "degraded", "ec2", "lambda")
def _(deployed: DeployedCloud) -> Iterator[None]:
    with (
        flow_logs(deployed, {"LogFormat": V5_WITHOUT_DIRECTION}),
        variables(deployed, "TransformFunction", LOG_FORMAT=V5_WITHOUT_DIRECTION),
    ):
        yield


@fault("flow-log-newer-fields", "fl-0a1b", "note", "ec2", "lambda")
def _(deployed: DeployedCloud) -> Iterator[None]:
    older = log_format_text(tuple(field for field in RECOMMENDED if not field.startswith("next-hop")))
    with flow_logs(deployed, {"LogFormat": older}), variables(deployed, "TransformFunction", LOG_FORMAT=older):
        yield


@fault("flow-log-essential-fields", "${srcaddr}", "broken", "ec2", "lambda")
def _(deployed: DeployedCloud) -> Iterator[None]:
    bare = "${version} ${interface-id} ${packets}"
    with flow_logs(deployed, {"LogFormat": bare}), variables(deployed, "TransformFunction", LOG_FORMAT=bare):
        yield


@fault("log-format-differs", "fl-0a1b", "broken", "ec2")
def _(deployed: DeployedCloud) -> Iterator[None]:
    with flow_logs(deployed, {"LogFormat": log_format_text(RECOMMENDED[::-1])}):
        yield


@fault("log-formats-alike", "fl-9", "broken", "ec2", "lambda")
def _(deployed: DeployedCloud) -> Iterator[None]:
    other = {"LogFormat": log_format_text(RECOMMENDED[::-1]), "FlowLogId": "fl-9"}
    with flow_logs(deployed, {}, other), variables(deployed, "TransformFunction", LOG_FORMAT=""):
        yield


@fault("flow-log-interval", "--max-aggregation-interval 600", "note", "ec2")
def _(deployed: DeployedCloud) -> Iterator[None]:
    with flow_logs(deployed, {"MaxAggregationInterval": 60}):
        yield


@fault("stream-missing", STACK, "broken", "firehose")
def _(deployed: DeployedCloud) -> Iterator[None]:
    deployed.client("firehose").delete_delivery_stream(DeliveryStreamName=STACK)
    yield
    deployed.make_stream()


@fault("stream-status", STACK, "broken", "firehose")
def _(deployed: DeployedCloud) -> Iterator[None]:
    told = backend("firehose").delivery_streams[STACK]
    told.delivery_stream_status = "CREATING_FAILED"
    yield
    deployed.replace_stream()


@fault("stream-tag", "LogDeliveryEnabled", "broken", "firehose")
def _(deployed: DeployedCloud) -> Iterator[None]:
    deployed.client("firehose").untag_delivery_stream(DeliveryStreamName=STACK, TagKeys=["LogDeliveryEnabled"])
    yield
    deployed.replace_stream()


@fault("stream-bucket", f"arn:aws:s3:::{BUCKET}", "broken", "firehose")
def _(deployed: DeployedCloud) -> Iterator[None]:
    with stream(deployed, BucketARN="arn:aws:s3:::another"):
        yield


@fault("stream-error-prefix", "error-output-type", "degraded", "firehose")
def _(deployed: DeployedCloud) -> Iterator[None]:
    with stream(deployed, ErrorOutputPrefix="errors/!{firehose:error-output-type}/"):
        yield


@fault("stream-error-log", "CloudWatchLoggingOptions", "degraded", "firehose")
def _(deployed: DeployedCloud) -> Iterator[None]:
    with stream(deployed, CloudWatchLoggingOptions={"Enabled": False}):
        yield


@fault("stream-source-backup", "SourceDays", "note", "firehose")
def _(deployed: DeployedCloud) -> Iterator[None]:
    with stream(deployed, S3BackupMode="Disabled"):
        yield


@fault("stream-processing", function_arn(TRANSFORM), "broken", "firehose")
def _(deployed: DeployedCloud) -> Iterator[None]:
    with stream(deployed, ProcessingConfiguration=deployed.processing() | {"Enabled": False}):
        yield


@fault("stream-function", function_arn(TRANSFORM), "broken", "firehose")
def _(deployed: DeployedCloud) -> Iterator[None]:
    older = deployed.processing(LambdaArn=function_arn(TRANSFORM, "1"))
    with stream(deployed, ProcessingConfiguration=older):
        yield


@fault("stream-alias", f"--function-name {TRANSFORM} --name live", "broken", "lambda")
def _(deployed: DeployedCloud) -> Iterator[None]:
    deployed.client("lambda").delete_alias(FunctionName=TRANSFORM, Name="live")
    yield
    deployed.replace_function("TransformFunction")


@fault("stream-buffer-size", '"ParameterValue": "2"', "degraded", "firehose")
def _(deployed: DeployedCloud) -> Iterator[None]:
    with stream(deployed, ProcessingConfiguration=deployed.processing(BufferSizeInMBs="3")):
        yield


@fault("stream-buffer-interval", '"ParameterValue": "60"', "note", "firehose")
def _(deployed: DeployedCloud) -> Iterator[None]:
    with stream(deployed, ProcessingConfiguration=deployed.processing(BufferIntervalInSeconds="900")):
        yield
