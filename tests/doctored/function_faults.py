"""Faults of the functions, of what starts them, of the inventory, and of permissions."""

from collections.abc import Iterator
from contextlib import contextmanager

from static.deployed import STACK

from doctored.cloud import DeployedCloud
from doctored.names import BUCKET, IPAM, PART, POINTER, REFRESH, RULE, TRANSFORM, function_arn
from doctored.planting import document, fault, function, published, variables
from enricher.inventory import Part
from workbench.cloud import FOREVER, Refuse


@fault("function-missing", STACK, "broken", "lambda")
def _(deployed: DeployedCloud) -> Iterator[None]:
    deployed.client("lambda").delete_function(FunctionName=REFRESH)
    yield
    deployed.make_function("RefreshFunction", deployed.main.properties("RefreshFunction"))


@fault("function-runtime", STACK, "broken", "lambda")
def _(deployed: DeployedCloud) -> Iterator[None]:
    with function(deployed, "TransformFunction", Runtime="python3.12"):
        yield


@fault("function-memory", f"--function-name {TRANSFORM} --memory-size 1769", "degraded", "lambda")
def _(deployed: DeployedCloud) -> Iterator[None]:
    with function(deployed, "TransformFunction", MemorySize=512):
        yield


@fault("function-timeout", f"--function-name {TRANSFORM} --timeout", "degraded", "lambda")
def _(deployed: DeployedCloud) -> Iterator[None]:
    with function(deployed, "TransformFunction", Timeout=3):
        yield


@fault("function-settings", "docs/settings.md", "broken", "lambda")
def _(deployed: DeployedCloud) -> Iterator[None]:
    with variables(deployed, "TransformFunction", EC2_CALL_BUDGET="many"):
        yield


@fault("function-settings", "docs/settings.md", "broken", "lambda")
def _(deployed: DeployedCloud) -> Iterator[None]:
    with variables(deployed, "RefreshFunction", REFRESH_API_SHARE="7"):
        yield


@fault("function-elsewhere", STACK, "broken", "lambda")
def _(deployed: DeployedCloud) -> Iterator[None]:
    with variables(deployed, "RefreshFunction", GLUE_DATABASE="another"):
        yield


@fault("refresher-schedule", f"enable-rule --region eu-west-1 --name {RULE}", "broken", "events")
def _(deployed: DeployedCloud) -> Iterator[None]:
    deployed.client("events").disable_rule(Name=RULE)
    yield
    deployed.client("events").enable_rule(Name=RULE)


@fault("refresher-target", function_arn(REFRESH), "broken", "events")
def _(deployed: DeployedCloud) -> Iterator[None]:
    deployed.client("events").remove_targets(Rule=RULE, Ids=["refresh"])
    yield
    deployed.client("events").put_targets(Rule=RULE, Targets=[{"Id": "refresh", "Arn": function_arn(REFRESH)}])


@fault("refresher-schedule-missing", STACK, "broken", "events")
def _(deployed: DeployedCloud) -> Iterator[None]:
    events = deployed.client("events")
    told = events.describe_rule(Name=RULE)
    targets = events.list_targets_by_rule(Rule=RULE)["Targets"]
    events.remove_targets(Rule=RULE, Ids=["refresh"])
    events.delete_rule(Name=RULE)
    yield
    events.put_rule(Name=RULE, ScheduleExpression=told["ScheduleExpression"], State="ENABLED")
    events.put_targets(Rule=RULE, Targets=targets)


@fault("pointer-missing", f"--function-name {REFRESH}", "broken", "s3")
def _(deployed: DeployedCloud) -> Iterator[None]:
    deployed.delete(POINTER)
    yield
    deployed.publish()


@fault("pointer-unreadable", f"s3://{BUCKET}/{POINTER}", "broken", "s3")
def _(deployed: DeployedCloud) -> Iterator[None]:
    deployed.put(POINTER, b'{"version": 99}')
    yield
    deployed.publish()


@fault("snapshot-missing", f"--function-name {REFRESH}", "broken", "s3")
def _(deployed: DeployedCloud) -> Iterator[None]:
    with published(deployed, snapshot="inventory/snapshots/gone.parquet"):
        yield


@fault("snapshot-old", f"--function-name {REFRESH}", "degraded", "s3")
def _(deployed: DeployedCloud) -> Iterator[None]:
    # Three runs of one a minute, and a second.
    with published(deployed, Part(PART, deployed.now - 190, deployed.now - 181)):
        yield


@fault("inventory-part", f"/aws/lambda/{REFRESH}", "degraded", "s3")
def _(deployed: DeployedCloud) -> Iterator[None]:
    good = Part(PART, deployed.now - 40, deployed.now - 30)
    denied = Part("222222222222/eu-west-1", None, None, deployed.now - 30, "AccessDenied: sts:AssumeRole")
    with published(deployed, good, denied):
        yield


@fault("ipam-tier", f"--ipam-id {IPAM} --tier advanced", "degraded", "ec2")
def _(deployed: DeployedCloud) -> Iterator[None]:
    with document(deployed, "ipams", "Ipams", Tier="free"):
        yield


@fault("ipam-scope", "IpamScopes", "degraded", "ec2")
def _(deployed: DeployedCloud) -> Iterator[None]:
    with document(deployed, "ipam-scopes", "IpamScopes", IpamScopeId="ipam-scope-0"):
        yield


@fault("role-denied", f"{STACK}-TransformRole", "broken", "iam")
def _(deployed: DeployedCloud) -> Iterator[None]:
    name = f"{STACK}-TransformRole"
    (policy,) = (
        one for one in deployed.main.properties("TransformRole")["Policies"] if one["PolicyName"] == "inventory"
    )
    deployed.client("iam").delete_role_policy(RoleName=name, PolicyName="inventory")
    yield
    deployed.allow(name, "inventory", policy["PolicyDocument"])


@fault("role-denied", f"{STACK}-StreamRole", "broken", "iam")
def _(deployed: DeployedCloud) -> Iterator[None]:
    name, iam = f"{STACK}-StreamRole", deployed.client("iam")
    refused = {"Effect": "Deny", "Action": "lambda:InvokeFunction", "Resource": "*"}
    deployed.allow(name, "refused", {"Version": "2012-10-17", "Statement": [refused]})
    yield
    iam.delete_role_policy(RoleName=name, PolicyName="refused")


@fault("role-missing", STACK, "broken", "iam")
def _(deployed: DeployedCloud) -> Iterator[None]:
    iam, name = deployed.client("iam"), f"{STACK}-CompactRole"
    policies = iam.list_role_policies(RoleName=name)["PolicyNames"]
    kept = {one: iam.get_role_policy(RoleName=name, PolicyName=one)["PolicyDocument"] for one in policies}
    for policy in policies:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    iam.delete_role(RoleName=name)
    yield
    iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")
    for policy, told in kept.items():
        deployed.allow(name, policy, told)


@fault("caller-denied", "ec2:DescribeNatGateways", "note", "ec2")
def _(deployed: DeployedCloud) -> Iterator[None]:
    deployed.cloud.fail("ec2", "DescribeNatGateways", Refuse("UnauthorizedOperation"), times=FOREVER)
    yield
    deployed.cloud.clear_faults()


@contextmanager
def denied(deployed: DeployedCloud, service: str, operation: str) -> Iterator[None]:
    """A call that the caller may not make."""
    deployed.cloud.fail(service, operation, Refuse("AccessDenied"), times=FOREVER)
    yield
    deployed.cloud.clear_faults()


@fault("not-checked", "allow glue:GetPartitions", "degraded", "glue")
def _(deployed: DeployedCloud) -> Iterator[None]:
    with denied(deployed, "glue", "GetPartitions"):
        yield


@fault("not-checked", "allow s3:ListBucket", "degraded", "s3")
def _(deployed: DeployedCloud) -> Iterator[None]:
    with denied(deployed, "s3", "ListObjectsV2"):
        yield


@fault("not-checked", "allow iam:SimulatePrincipalPolicy", "degraded", "iam")
def _(deployed: DeployedCloud) -> Iterator[None]:
    with denied(deployed, "iam", "SimulatePrincipalPolicy"):
        yield


@fault("not-checked", "allow lambda:GetFunctionConfiguration", "degraded", "lambda")
def _(deployed: DeployedCloud) -> Iterator[None]:
    with denied(deployed, "lambda", "GetFunctionConfiguration"):
        yield


@fault("not-checked", "allow glue:GetTables", "degraded", "glue")
def _(deployed: DeployedCloud) -> Iterator[None]:
    deployed.cloud.fail("glue", "GetTables", Refuse("AccessDeniedException"), times=FOREVER)
    yield
    deployed.cloud.clear_faults()
