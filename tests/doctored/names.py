"""Names of the deployment: those of the templates, and what CloudFormation would make up."""

from static.deployed import ACCOUNT, MADE, PSEUDO, STACK

REGION = PSEUDO["AWS::Region"]
BUCKET, DATABASE = MADE["LakeBucket"], MADE["Catalog.Outputs.DatabaseName"]
TRANSFORM, REFRESH = f"{STACK}-transform", f"{STACK}-refresh"
RULE = f"{STACK}-RefreshFunctionEveryMinute"
IPAM, SCOPE = "ipam-0123456789abcdef0", "ipam-scope-0123456789abcdef0"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:{STACK}-alarms"
STREAM_ARN = MADE["DeliveryStream.Arn"]
POINTER = "inventory/pointer.json"
SNAPSHOT = "inventory/snapshots/20261121T100000Z-0a.parquet"
PARAMETERS = {
    "VpcId": "vpc-0a1b",
    "AlarmEmail": "you@example.org",
    "SourceDays": "7",
    "IpamScopes": SCOPE,
}
PART = f"{ACCOUNT}/{REGION}"
RUN = "run-1"


def function_arn(name: str, alias: str = "live") -> str:
    """The ARN of an alias."""
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}:{alias}"
