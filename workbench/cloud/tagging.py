"""The Resource Groups Tagging API: which resources have tags, and which of them a call is about."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from .collection import Collection, look_up
from .documents import LISTS, Documents
from .errors import AwsError

_LIST: Final = LISTS["tagged-resources"]

# Document → (the resource's part of its ARN, the member with its id, the member with its tags).
_EC2_RESOURCES: Final = {
    "network-interfaces": ("network-interface", "NetworkInterfaceId", "TagSet"),
    "instances": ("instance", "InstanceId", "Tags"),
    "subnets": ("subnet", "SubnetId", "Tags"),
    "vpcs": ("vpc", "VpcId", "Tags"),
    "addresses": ("elastic-ip", "AllocationId", "Tags"),
    "nat-gateways": ("natgateway", "NatGatewayId", "Tags"),
    "vpc-endpoints": ("vpc-endpoint", "VpcEndpointId", "Tags"),
    "vpc-peering-connections": ("vpc-peering-connection", "VpcPeeringConnectionId", "Tags"),
    "transit-gateway-attachments": ("transit-gateway-attachment", "TransitGatewayAttachmentId", "Tags"),
    "flow-logs": ("vpc-flow-log", "FlowLogId", "Tags"),
}


def tagged_resources(documents: Documents, account_id: str, region: str) -> dict[str, Any]:
    """The ``tagged-resources`` document: what the account tagged in the region.

    EC2's resources have their tags in their own documents; those that are given there for others (load balancers,
    functions, databases), or for the same, come first.
    """
    given = {each["ResourceARN"]: each for each in documents.get("tagged-resources", {}).get(_LIST, ())}
    for document, (kind, member, tags) in _EC2_RESOURCES.items():
        for resource in _resources(documents, document):
            if resource.get(tags) and member in resource:
                arn = f"arn:aws:ec2:{region}:{account_id}:{kind}/{resource[member]}"
                given.setdefault(arn, {"ResourceARN": arn, "Tags": resource[tags]})
    return {_LIST: list(given.values())}


def _resources(documents: Documents, document: str) -> Iterable[Mapping[str, Any]]:
    listed: Sequence[Mapping[str, Any]] = documents.get(document, {}).get(LISTS[document], ())
    if document == "instances":
        return (instance for reservation in listed for instance in reservation.get("Instances", ()))
    return listed


def by_tags_and_types(collection: Collection, _: Documents, parameters: Mapping[str, Any]) -> set[int] | None:
    """GetResources: with all of those tags, of any of those types (``service`` or ``service:type``).

    Raises:
        AwsError: Filters together with ARNs.
    """
    tag_filters = parameters.get("TagFilters") or ()
    types = parameters.get("ResourceTypeFilters") or ()
    if parameters.get("ResourceARNList") and (tag_filters or types):
        raise AwsError("InvalidParameterException", "ResourceARNList cannot be used with filters")
    chosen = set(range(len(collection)))
    for each in tag_filters:
        chosen &= _tagged(collection, each.get("Key", ""), each.get("Values"))
    if types:
        chosen &= look_up(collection.at("ResourceARN"), [pattern for each in types for pattern in _patterns(each)])
    return chosen


def _tagged(collection: Collection, key: str, values: Sequence[str] | None) -> set[int]:
    if not values:
        return set(collection.with_tag_keys().get(key, ()))
    index = collection.with_tag(key)
    return {position for value in values for position in index.get(value, ())}


def _patterns(resource_type: str) -> list[str]:
    """As in an ARN: ``arn:partition:service:region:account:type/id`` or ``…:type:id``."""
    service, _, kind = resource_type.partition(":")
    start = f"arn:*:{service}:*:*:"
    return [f"{start}{kind}/*", f"{start}{kind}:*"] if kind else [f"{start}*"]
