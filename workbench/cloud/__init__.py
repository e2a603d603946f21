"""The local stand-in cloud: real HTTP on loopback, so that boto3 serialises and parses as it does against AWS.

A request's way: `server` → `front` → `requests` (which call is it?) → `faults`, `throttle` → moto, or our own answer:
`query_protocol` (parameters) → `describe` (`operations`, `collection`) → `query_protocol` (XML). `estate` is what the
accounts own, `ipam` and `tagging` what follows from it, `roles` who may assume which. `LocalCloud` is all of it
together.
"""

from .documents import read_documents
from .errors import AwsError
from .faults import ANY_OPERATION, FOREVER, Delay, Refuse, Reset, Truncate
from .ipam import Ipam
from .local_cloud import DEFAULT_ACCOUNT, DEFAULT_REGION, LocalCloud
from .requests import ApiCall
from .throttle import Bucket, Throttle

__all__ = [
    "ANY_OPERATION",
    "DEFAULT_ACCOUNT",
    "DEFAULT_REGION",
    "FOREVER",
    "ApiCall",
    "AwsError",
    "Bucket",
    "Delay",
    "Ipam",
    "LocalCloud",
    "Refuse",
    "Reset",
    "Throttle",
    "Truncate",
    "read_documents",
]
