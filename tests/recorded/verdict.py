"""Whether a component's deployed role allows what the component called."""

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Final

from static.deployed import ACCOUNT, MADE, PSEUDO, STACK, Deployed, nested_stack
from static.templates import ROOT

from recorded.calls import Call
from workbench.cloud.policies import Request, Statement, applies, is_allowed, listed

# component → (nested stack, "" for the main one; role). An operator has no role of ours, but a policy to be given.
ROLES: Final = {
    "transform": ("", "TransformRole"),
    "refresher": ("", "RefreshRole"),
    "deployment": ("", "DeploymentRole"),
    "compaction": ("Jobs", "CompactRole"),
    "backfill": ("Jobs", "BackfillRole"),
    "crawler": ("Catalog", "CrawlerRole"),
    "operator": ("", "docs/operator-policy.json"),
}
REGION: Final = PSEUDO["AWS::Region"]
LAKE: Final = MADE["LakeBucket.Arn"]
DELIVERED: Final = "arn:aws:s3:::delivered-flow-logs"
READER: Final = "arn:aws:iam::222222222222:role/reader"
IPAM_READER: Final = "arn:aws:iam::333333333333:role/reader"
DATABASE: Final = MADE["Catalog.Outputs.DatabaseName"]
REFRESHER: Final = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{STACK}-refresh:live"
# Everything that a role can be given is on.
PARAMETERS: Final = {
    "RefreshRoles": READER,
    "RefreshExternalId": "vpcflow-7",
    "IpamScopes": "ipam-scope-0123456789abcdef0",
    "IpamRole": IPAM_READER,
    "BackfillBucket": DELIVERED.removeprefix("arn:aws:s3:::"),
    "KmsKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/01234567-89ab-cdef-0123-456789abcdef",
}
# What lies below these in a bucket is the lake's, whatever a test calls the bucket. No component of ours reads what
# the stream delivers.
LAKE_PREFIXES: Final = (
    "flow_logs/", "flow_logs_compacted/", "flows_hourly/", "compaction/", "backfill/", "inventory/", "rejected/",
    "processing-failed/", "code/", "athena-results/", "source/",
)  # fmt: skip
_WHEREVER: Final = "(anywhere)"


@cache
def main() -> Deployed:
    """The main stack."""
    return Deployed("template.yaml", PARAMETERS, {**MADE, "RefreshFunction.Alias": REFRESHER})


@cache
def role_statements(component: str) -> tuple[Statement, ...]:
    """What the role of a component allows: its own policies, and the one that lets it use the lake's key."""
    if component == "operator":
        return operator_statements()
    nested, role = ROLES[component]
    stack = nested_stack(main(), nested) if nested else main()
    properties = stack.properties(role)
    documents = [policy["PolicyDocument"] for policy in properties["Policies"]]
    shared = {f"<{name}>": told["PolicyDocument"] for name, told in main().of_type("AWS::IAM::ManagedPolicy").items()}
    documents += [shared[arn] for arn in properties.get("ManagedPolicyArns", [])]
    return tuple(statement for document in documents for statement in document["Statement"])


def operator_statements() -> tuple[Statement, ...]:
    """What the documented policy allows, with the stack's names in their places."""
    text = (ROOT / ROLES["operator"][1]).read_text(encoding="utf-8")
    for place, name in (
        ("arn:aws:s3:::LAKE-BUCKET", LAKE),
        ("arn:aws:s3:::DELIVERED-BUCKET", DELIVERED),
        ("REGION", REGION),
        ("ACCOUNT-ID", ACCOUNT),
        ("DATABASE", DATABASE),
    ):
        text = text.replace(place, name)
    return tuple(json.loads(text)["Statement"])


@cache
def bucket_statements() -> tuple[Statement, ...]:
    """What the lake's bucket refuses."""
    (policy,) = main().of_type("AWS::S3::BucketPolicy").values()
    return tuple(policy["PolicyDocument"]["Statement"])


def grants(component: str) -> set[tuple[str, str]]:
    """Every action with every resource pattern that a component's role allows it on."""
    return {
        (action, resource)
        for statement in role_statements(component)
        if statement["Effect"] == "Allow"
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }


def refusals(calls: Iterable[Call]) -> list[str]:
    """One line for each call that the component's role does not allow, or that the table does not know."""
    found = set()
    for call in calls:
        name = f"{call.component}: {call.service} {call.operation}"
        if not call.actions:
            found.add(f"{name}: tests/data/iam/calls.yaml does not say which actions it needs")
        for request in requests(call):
            if not _is_allowed(call.component, request):
                role = ROLES[call.component][1]
                found.add(f"{name}: {role} does not allow {request.action} on {_short(request.resource)}")
    return sorted(found)


def used(component: str, calls: Iterable[Call]) -> set[tuple[str, str]]:
    """Those of a component's ``grants`` that some call of it needed."""
    asked = [request for call in calls if call.component == component for request in requests(call)]
    return {
        (action, resource)
        for action, resource in grants(component)
        if any(applies({"Effect": "Allow", "Action": action, "Resource": resource}, request) for request in asked)
    }


def requests(call: Call) -> Iterator[Request]:
    """What a call asks of IAM, in the stack's own names and from its own region."""
    context = {**dict(call.context), "aws:RequestedRegion": REGION}
    for action in call.actions:
        for resource in call.resources:
            yield Request(action, deployed(call.component, resource) or _WHEREVER, context)


def deployed(component: str, resource: str) -> str | None:
    """The resource under its name in the stack; None where a test's name does not tell which of the stack it is."""
    service = resource.partition("arn:aws:")[2].partition(":")[0]
    match service:
        case "s3":
            return _deployed_object(component, resource.removeprefix("arn:aws:s3:::"))
        case "glue":
            kind, *names = resource.split(":", 5)[5].split("/")
            return f"arn:aws:glue:{REGION}:{ACCOUNT}:" + "/".join([kind, *[DATABASE][: len(names)], *names[1:]])
        case "lambda":
            return REFRESHER
        case "athena":
            return f"arn:aws:athena:{REGION}:{ACCOUNT}:workgroup/{MADE['Analysis.Outputs.WorkGroupName']}"
        case "iam":
            return resource if resource in (READER, IPAM_READER) else None
    return resource


def _deployed_object(component: str, place: str) -> str | None:
    bucket, slash, key = place.partition("/")
    delivered = DELIVERED if component in ("backfill", "operator") else None
    if not slash:
        return delivered if bucket not in ("lake", "a-lake") and delivered else LAKE
    return f"{LAKE}/{key}" if key.startswith(LAKE_PREFIXES) else delivered and f"{delivered}/{key}"


def _is_allowed(component: str, request: Request) -> bool:
    statements = role_statements(component)
    if request.resource == _WHEREVER:
        # A test's own name for something: that the action is allowed anywhere is all that can be said.
        everywhere = (Request(request.action, resource, request.context) for _, resource in grants(component))
        return any(is_allowed(statements, each) for each in everywhere)
    if request.resource.startswith(LAKE):
        return is_allowed((*statements, *bucket_statements()), request)
    return is_allowed(statements, request)


def _short(resource: str) -> str:
    """A resource without what differs from batch to batch."""
    return re.sub(r"[0-9a-f]{16,}", "…", re.sub(r"(day|hour|aws_region)=[^/]+", r"\1=…", resource))
