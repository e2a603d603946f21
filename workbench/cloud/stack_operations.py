"""CloudFormation's descriptions of stacks: what a deployment consists of, told by documents.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html,
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResources.html
"""

from collections.abc import Mapping
from typing import Any, Final

from .collection import Collection
from .documents import Documents
from .errors import AwsError
from .operation import Operation

_MOST_RESOURCES: Final = 100  # DescribeStackResources tells of no more, and not that there are


def _stack(collection: Collection, _: Documents, parameters: Mapping[str, Any]) -> set[int] | None:
    """DescribeStacks: the stack of that name or id; all without one."""
    name = parameters.get("StackName")
    if name is None:
        return None
    found = _named(collection, name)
    if not found:
        raise AwsError("ValidationError", f"Stack with id {name} does not exist")
    return found


def _resources(collection: Collection, documents: Documents, parameters: Mapping[str, Any]) -> set[int] | None:
    """DescribeStackResources: those of one stack."""
    name = parameters.get("StackName")
    if name is None:
        raise AwsError("ValidationError", "StackName or PhysicalResourceId must be specified")
    known = documents.get("stacks", {}).get("Stacks", ())
    if not any(name in (stack["StackName"], stack["StackId"]) for stack in known):
        raise AwsError("ValidationError", f"Stack with id {name} does not exist")
    return set(sorted(_named(collection, name))[:_MOST_RESOURCES])


def _named(collection: Collection, name: str) -> set[int]:
    return {*collection.at("StackName").get(name, ()), *collection.at("StackId").get(name, ())}


STACK_OPERATIONS: Final = (
    Operation(
        service="cloudformation",
        name="DescribeStacks",
        document="stacks",
        pages=None,
        filter_parameter=None,
        narrowing=_stack,
    ),
    Operation(
        service="cloudformation",
        name="DescribeStackResources",
        document="stack-resources",
        pages=None,
        filter_parameter=None,
        narrowing=_resources,
    ),
)
