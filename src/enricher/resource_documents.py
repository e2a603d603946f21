"""What other documents tell of the resource behind an interface: which it is, and its tags.

Interfaces that services make carry no tags of the resource they serve. Gateways, endpoints and attachments have
theirs where they are described; all others' come from the Resource Groups Tagging API, found by ARN:
https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from enricher.resource_kinds import Behind, behind

Document = Mapping[str, Any]

# Amazon VPC user guide, "NAT gateway basics": a deleted gateway is listed for about an hour; its addresses are free.
_GONE: Final = frozenset({"deleted", "expired", "failed", "rejected"})
# Amazon EC2 Auto Scaling user guide, "Tag Auto Scaling groups and instances": instances of a group carry it.
GROUP_TAG: Final = "aws:autoscaling:groupName"
_KIND_OF_ENDPOINT: Final = {"GatewayLoadBalancer": "gateway_load_balancer_endpoint"}


class Resources:
    """The resources of one set of documents, by interface.

    Args:
        lists: Checked lists by document name; ``instances``, ``auto-scaling-instances``, ``nat-gateways``,
            ``vpc-endpoints``, ``transit-gateway-attachments`` and ``tagged-resources`` are read.
    """

    def __init__(self, lists: Mapping[str, list[Any]]) -> None:
        self.instance_tags: dict[str, dict[str, str]] = {}
        for reservation in lists.get("instances", ()):
            for instance in reservation["Instances"]:
                self.instance_tags[instance.get("InstanceId")] = tags_of(instance.get("Tags"))
        for member in lists.get("auto-scaling-instances", ()):
            if member["InstanceId"] in self.instance_tags and member.get("AutoScalingGroupName"):
                self.instance_tags[member["InstanceId"]].setdefault(GROUP_TAG, member["AutoScalingGroupName"])
        self._told: dict[str, Behind] = {}
        self._described: dict[str, dict[str, str]] = {}
        self._read_gateways(lists.get("nat-gateways", ()))
        self._read_endpoints(lists.get("vpc-endpoints", ()))
        for attachment in lists.get("transit-gateway-attachments", ()):
            arn = f"ec2:transit-gateway-attachment/{attachment['TransitGatewayAttachmentId']}"
            self._described[arn] = tags_of(attachment.get("Tags"))
        self._tagged = {
            tuple(each["ResourceARN"].split(":", 5)[2:]): tags_of(each.get("Tags"))
            for each in lists.get("tagged-resources", ())
        }

    def _read_gateways(self, gateways: Iterable[Document]) -> None:
        for gateway in gateways:
            arn = f"ec2:natgateway/{gateway['NatGatewayId']}"
            self._described[arn] = tags_of(gateway.get("Tags"))
            for address in gateway.get("NatGatewayAddresses") or ():
                self._tell(address.get("NetworkInterfaceId"), Behind("nat_gateway", gateway["NatGatewayId"], arn))

    def _read_endpoints(self, endpoints: Iterable[Document]) -> None:
        for endpoint in endpoints:
            arn = f"ec2:vpc-endpoint/{endpoint['VpcEndpointId']}"
            self._described[arn] = tags_of(endpoint.get("Tags"))
            if not is_gone(endpoint):
                kind = _KIND_OF_ENDPOINT.get(endpoint.get("VpcEndpointType") or "", "vpc_endpoint")
                for interface_id in endpoint.get("NetworkInterfaceIds") or ():
                    self._tell(interface_id, Behind(kind, endpoint["VpcEndpointId"], arn))

    def _tell(self, interface_id: str | None, resource: Behind) -> None:
        if interface_id:
            self._told[interface_id] = resource

    def behind(self, interface: Document) -> Behind:
        """The resource behind an interface; what lists its interfaces knows better than what describes them."""
        return self._told.get(interface["NetworkInterfaceId"]) or behind(interface)

    def tags(self, interface: Document, resource: Behind, region: str | None) -> dict[str, str]:
        """Tags of the interface, under those of the resource behind it.

        A resource that only its ARN names must be of the interface's own account and region.
        """
        arn = resource.arn or ""
        service, _, name = arn.partition(":")
        instance_id = (interface.get("Attachment") or {}).get("InstanceId")
        return {
            **tags_of(interface.get("TagSet")),
            **self._tagged.get((service, region, interface.get("OwnerId"), name), {}),
            **self._described.get(arn, {}),
            **self.instance_tags.get(instance_id or "", {}),
        }


def is_gone(resource: Document) -> bool:
    """Whether a gateway or endpoint is described that no longer is."""
    return str(resource.get("State")).lower() in _GONE


def tags_of(tags: Iterable[Document] | None) -> dict[str, str]:
    """Tags as AWS lists them, by key."""
    return {str(tag.get("Key")): str(tag.get("Value", "")) for tag in tags or ()}
