"""What CloudFormation and EC2 tell of the deployment, as documents of the stand-in cloud.

Names of what SAM makes of a function (``…Aliaslive``, ``…EveryMinute``) are those that SAM's translator writes.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from static.deployed import ACCOUNT, PSEUDO, STACK, Deployed

from doctored.names import BUCKET, DATABASE, IPAM, REGION, SCOPE, STREAM_ARN, TOPIC, function_arn


def documents(main: Deployed, nested: Mapping[str, Deployed]) -> dict[str, Any]:
    """What EC2 and CloudFormation tell, as the stand-in cloud takes it."""
    (flow_log,) = main.of_type("AWS::EC2::FlowLog").values()
    told = {
        **{name: flow_log[name] for name in ("ResourceId", "TrafficType", "LogDestinationType", "LogFormat")},
        "FlowLogId": "fl-0a1b",
        "FlowLogStatus": "ACTIVE",
        "DeliverLogsStatus": "SUCCESS",
        "LogDestination": STREAM_ARN,
        "MaxAggregationInterval": int(flow_log["MaxAggregationInterval"]),
    }
    parameters = [{"ParameterKey": name, "ParameterValue": text(value)} for name, value in main.parameters.items()]
    stacks = [_stack(STACK, PSEUDO["AWS::StackId"], parameters)]
    resources = list(_resources(STACK, PSEUDO["AWS::StackId"], main))
    for name, inner in nested.items():
        stacks.append(_stack(f"{STACK}-{name}", _nested_id(name), []))
        resources += _resources(f"{STACK}-{name}", _nested_id(name), inner)
    arn = f"arn:aws:ec2::{ACCOUNT}:ipam"
    return {
        "flow-logs": {"FlowLogs": [told]},
        "stacks": {"Stacks": stacks},
        "stack-resources": {"StackResources": resources},
        "ipam-scopes": {"IpamScopes": [{"IpamScopeId": SCOPE, "IpamArn": f"{arn}/{IPAM}", "IpamScopeType": "private"}]},
        "ipams": {"Ipams": [{"IpamId": IPAM, "IpamArn": f"{arn}/{IPAM}", "Tier": "advanced"}]},
    }


def _resources(stack: str, identity: str, deployed: Deployed) -> Iterator[dict[str, Any]]:
    for logical, resource in deployed.resources.items():
        for name, kind, physical in _expanded(logical, resource):
            yield {
                "StackName": stack,
                "StackId": identity,
                "LogicalResourceId": name,
                "PhysicalResourceId": physical,
                "ResourceType": kind,
                "ResourceStatus": "CREATE_COMPLETE",
                "Timestamp": "2026-11-21T10:00:00+00:00",
            }


def text(value: Any) -> str:
    """A parameter or variable as CloudFormation writes it."""
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _stack(name: str, identity: str, parameters: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "StackName": name,
        "StackId": identity,
        "StackStatus": "CREATE_COMPLETE",
        "CreationTime": "2026-11-21T10:00:00+00:00",
        "Parameters": parameters,
    }


def _nested_id(name: str) -> str:
    return f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{STACK}-{name}/0a1b2c3d-0000-1111-2222-333344445555"


def _expanded(logical: str, resource: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Logical id, type and physical id of what CloudFormation makes of a resource of the template."""
    kind, properties = resource["Type"], resource.get("Properties", {})
    if kind == "AWS::Serverless::Function":
        name = properties["FunctionName"]
        yield logical, "AWS::Lambda::Function", name
        yield f"{logical}Aliaslive", "AWS::Lambda::Alias", function_arn(name)
        for event in properties.get("Events", {}):
            yield f"{logical}{event}", "AWS::Events::Rule", f"{STACK}-{logical}{event}"
    else:
        yield logical, kind, _physical(logical, kind, properties)


def _physical(logical: str, kind: str, properties: dict[str, Any]) -> str:
    named = {
        "AWS::CloudFormation::Stack": lambda: _nested_id(logical),
        "AWS::S3::Bucket": lambda: BUCKET,
        "AWS::KinesisFirehose::DeliveryStream": lambda: properties["DeliveryStreamName"],
        "AWS::Glue::Database": lambda: DATABASE,
        "AWS::Glue::Job": lambda: properties["Name"],
        "AWS::Glue::Trigger": lambda: properties["Name"],
        "AWS::Glue::Crawler": lambda: properties["Name"],
        "AWS::Athena::WorkGroup": lambda: properties["Name"],
        "AWS::SNS::Topic": lambda: TOPIC,
        "AWS::CloudWatch::Alarm": lambda: properties["AlarmName"],
    }
    return named.get(kind, lambda: f"{STACK}-{logical}")()
