"""IPAM's operations.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetIpamResourceCidrs.html and its neighbours; AWS lists no
filter names for them: taken are those of the members, spelled as EC2 spells filters.
"""

from typing import Final

from .ipam_rules import in_discovery, in_history, in_scope
from .operation import Identifier, Operation, Pages, plain

IPAM_OPERATIONS: Final = (
    Operation(
        service="ec2",
        name="DescribeIpams",
        document="ipams",
        identifiers={"IpamIds": Identifier("IpamId", "InvalidIpamId.NotFound")},
        filters=plain("ipam-id ipam-region owner-id state tier"),
    ),
    Operation(
        service="ec2",
        name="DescribeIpamScopes",
        document="ipam-scopes",
        identifiers={"IpamScopeIds": Identifier("IpamScopeId", "InvalidIpamScopeId.NotFound")},
        filters=plain("ipam-arn ipam-region ipam-scope-id ipam-scope-type is-default owner-id state"),
    ),
    Operation(
        service="ec2",
        name="GetIpamResourceCidrs",
        document="ipam-resource-cidrs",
        equals={
            "IpamPoolId": "IpamPoolId",
            "ResourceId": "ResourceId",
            "ResourceType": "ResourceType",
            "ResourceOwner": "ResourceOwnerId",
        },
        filters=plain(
            "availability-zone-id compliance-status ipam-pool-id management-state overlap-status resource-cidr "
            "resource-id resource-name resource-owner-id resource-region resource-type vpc-id"
        ),
        tags="ResourceTags",
        narrowing=in_scope,
    ),
    Operation(
        service="ec2",
        name="GetIpamDiscoveredResourceCidrs",
        document="ipam-discovered-resource-cidrs",
        equals={"ResourceRegion": "ResourceRegion"},
        filters=plain(
            "availability-zone-id network-interface-attachment-status resource-cidr resource-id resource-owner-id "
            "resource-type subnet-id vpc-id"
        ),
        tags="ResourceTags",
        narrowing=in_discovery,
    ),
    Operation(
        service="ec2",
        name="GetIpamAddressHistory",
        document="ipam-address-history",
        equals={"Cidr": "ResourceCidr", "VpcId": "VpcId"},
        pages=Pages(smallest=1, default=100),
        filter_parameter=None,
        narrowing=in_history,
    ),
)
