"""IPAM over a whole organisation, derived from its accounts' documents or given, asked through real boto3 clients."""

from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from enricher.errors import SettingsError
from workbench.cloud import Ipam, LocalCloud

HOME = "123456789012"
THEIRS = "222222222222"
OUTSIDE = "333333333333"
PRIVATE = "ipam-scope-0123456789abcde01"
PUBLIC = "ipam-scope-0123456789abcde02"


class Clock:
    """Unix seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        """The time now."""
        return self.now


def interface(name, *addresses: str, instance=None):
    """One interface of vpc-t; the first address is its primary."""
    told = {
        "NetworkInterfaceId": name,
        "OwnerId": THEIRS,
        "VpcId": "vpc-t",
        "SubnetId": "subnet-t",
        "AvailabilityZoneId": "use1-az4",
        "PrivateIpAddress": addresses[0],
        "PrivateIpAddresses": [{"PrivateIpAddress": each} for each in addresses],
        "TagSet": [{"Key": "Name", "Value": f"the {name}"}, {"Key": "team", "Value": "pay"}],
    }
    return told | ({"Attachment": {"InstanceId": instance}} if instance else {})


def theirs(*interfaces: dict):
    """The documents of another account."""
    return {
        "vpcs": {
            "Vpcs": [
                {
                    "VpcId": "vpc-t",
                    "OwnerId": THEIRS,
                    "CidrBlock": "10.9.0.0/16",
                    "Ipv6CidrBlockAssociationSet": [{"Ipv6CidrBlock": "2001:db8:9::/56"}],
                }
            ]
        },
        "subnets": {
            "Subnets": [
                {
                    "SubnetId": "subnet-t",
                    "VpcId": "vpc-t",
                    "OwnerId": THEIRS,
                    "CidrBlock": "10.9.1.0/24",
                    "AvailabilityZoneId": "use1-az4",
                }
            ]
        },
        "addresses": {"Addresses": [{"PublicIp": "198.51.100.4", "AllocationId": "eipalloc-t"}]},
        "network-interfaces": {"NetworkInterfaces": list(interfaces)},
    }


@pytest.fixture
def clock():
    """A clock that the test turns."""
    return Clock()


@pytest.fixture
def cloud(clock):
    """A cloud whose IPAM sees two of three accounts, five minutes late."""
    ipam = Ipam(clock, HOME, "us-east-1", lag_s=300, leaves_out=frozenset({OUTSIDE}))
    with LocalCloud(ipam=ipam) as running:
        pay = interface("eni-pay", "10.9.1.5", "10.9.1.6", instance="i-pay")
        running.replace_inventory(theirs(pay), account_id=THEIRS)
        running.replace_inventory(theirs(interface("eni-outside", "10.9.1.7")), account_id=OUTSIDE)
        clock.now += 300
        yield running


def rows(ec2, scope=PRIVATE, **parameters: object):
    """(resource, CIDR) of GetIpamResourceCidrs, in order."""
    answer = ec2.get_ipam_resource_cidrs(IpamScopeId=scope, **parameters)
    return [(row["ResourceId"], row["ResourceCidr"]) for row in answer["IpamResourceCidrs"]]


def refusal_of(call, **parameters: object):
    """The error code that a call ends with."""
    with pytest.raises(ClientError) as refused:
        call(**parameters)
    return refused.value.response["Error"]["Code"]


def test_an_ipam_and_its_scopes_are_described(cloud):
    """Its tier, its home region and its two default scopes."""
    ec2 = cloud.client("ec2")
    (ipam,) = ec2.describe_ipams()["Ipams"]
    scopes = ec2.describe_ipam_scopes(Filters=[{"Name": "is-default", "Values": ["true"]}])["IpamScopes"]
    assert (ipam["Tier"], ipam["IpamRegion"], ipam["OwnerId"]) == ("advanced", "us-east-1", HOME)
    assert (ipam["PrivateDefaultScopeId"], ipam["PublicDefaultScopeId"]) == (PRIVATE, PUBLIC)
    assert [(scope["IpamScopeType"], scope["IpamScopeId"]) for scope in scopes] == [
        ("private", PRIVATE),
        ("public", PUBLIC),
    ]
    assert refusal_of(ec2.describe_ipams, IpamIds=["ipam-no"]) == "InvalidIpamId.NotFound"
    assert refusal_of(ec2.describe_ipam_scopes, IpamScopeIds=["ipam-scope-no"]) == "InvalidIpamScopeId.NotFound"


def test_what_other_accounts_own_is_seen_by_kind_and_scope(cloud):
    """Private addresses in the private scope, IPv6 and Elastic IPs in the public one; nothing from outside."""
    ec2 = cloud.client("ec2")
    assert rows(ec2, ResourceType="eni") == [("eni-pay", "10.9.1.5/32"), ("eni-pay", "10.9.1.6/32")]
    assert rows(ec2, ResourceType="subnet") == [("subnet-t", "10.9.1.0/24")]
    assert rows(ec2, ResourceType="vpc") == [("vpc-t", "10.9.0.0/16")]
    assert rows(ec2, PUBLIC) == [("vpc-t", "2001:db8:9::/56"), ("eipalloc-t", "198.51.100.4/32")]


def test_a_row_has_owner_network_zone_and_tags_and_no_instance(cloud):
    """All that is known of an account that lets nobody in."""
    filters = [{"Name": "resource-cidr", "Values": ["10.9.1.6/32"]}]
    (row,) = cloud.client("ec2").get_ipam_resource_cidrs(IpamScopeId=PRIVATE, Filters=filters)["IpamResourceCidrs"]
    assert row == {
        "IpamId": "ipam-0123456789abcdef0",
        "IpamScopeId": PRIVATE,
        "ResourceRegion": "us-east-1",
        "ResourceOwnerId": THEIRS,
        "ResourceId": "eni-pay",
        "ResourceName": "the eni-pay",
        "ResourceCidr": "10.9.1.6/32",
        "ResourceType": "eni",
        "ResourceTags": [{"Key": "Name", "Value": "the eni-pay"}, {"Key": "team", "Value": "pay"}],
        "VpcId": "vpc-t",
        "AvailabilityZoneId": "use1-az4",
        "ManagementState": "unmanaged",
    }


@pytest.mark.parametrize(
    ("parameters", "count"),
    [
        ({"ResourceOwner": THEIRS}, 4),
        ({"ResourceOwner": OUTSIDE}, 0),
        ({"ResourceId": "subnet-t"}, 1),
        ({"ResourceTag": {"Key": "team", "Value": "pay"}}, 2),
        ({"ResourceTag": {"Key": "team", "Value": "mail"}}, 0),
        ({"Filters": [{"Name": "tag:team", "Values": ["p*"]}]}, 2),
        ({"Filters": [{"Name": "vpc-id", "Values": ["vpc-t"]}], "ResourceType": "vpc"}, 1),
    ],
)
def test_rows_are_chosen_by_every_parameter(cloud, parameters, count):
    """Owner, resource, tag and filters narrow the scope's four rows down."""
    assert len(rows(cloud.client("ec2"), **parameters)) == count


def test_rows_come_in_pages(clock):
    """Pages of 5 to 1,000, through boto3's paginator."""
    with LocalCloud(ipam=Ipam(clock, HOME, "us-east-1")) as cloud:
        cloud.replace_inventory(theirs(*(interface(f"eni-{n}", f"10.9.1.{n}") for n in range(12))), account_id=THEIRS)
        ec2 = cloud.client("ec2")
        pages = ec2.get_paginator("get_ipam_resource_cidrs").paginate(
            IpamScopeId=PRIVATE, ResourceType="eni", PaginationConfig={"PageSize": 5}
        )
        found = [[row["ResourceId"] for row in page["IpamResourceCidrs"]] for page in pages]
        assert [len(page) for page in found] == [5, 5, 2]
        assert [name for page in found for name in page] == [f"eni-{n}" for n in range(12)]
        assert refusal_of(ec2.get_ipam_resource_cidrs, IpamScopeId=PRIVATE, MaxResults=1001) == "InvalidParameterValue"
        assert refusal_of(ec2.get_ipam_resource_cidrs, IpamScopeId="ipam-scope-no") == "InvalidIpamScopeId.NotFound"


def test_only_ipams_own_account_and_home_region_may_ask(cloud):
    """Elsewhere there is no such scope, and no IPAM."""
    role = {"RoleArn": f"arn:aws:iam::{THEIRS}:role/reader", "RoleSessionName": "test"}
    key = cloud.client("sts").assume_role(**role)["Credentials"]
    credentials = {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
        "aws_session_token": key["SessionToken"],
    }
    for elsewhere in (cloud.client("ec2", **credentials), cloud.client("ec2", "eu-west-1")):
        assert elsewhere.describe_ipams()["Ipams"] == []
        assert refusal_of(elsewhere.get_ipam_resource_cidrs, IpamScopeId=PRIVATE) == "InvalidIpamScopeId.NotFound"


def test_ipam_lags_behind(cloud, clock):
    """An interface is seen five minutes after it is there, and for five minutes after it is gone."""
    ec2 = cloud.client("ec2")
    cloud.replace_inventory(theirs(interface("eni-new", "10.9.1.8")), account_id=THEIRS)
    clock.now += 299
    assert rows(ec2, ResourceType="eni") == [("eni-pay", "10.9.1.5/32"), ("eni-pay", "10.9.1.6/32")]
    clock.now += 1
    assert rows(ec2, ResourceType="eni") == [("eni-new", "10.9.1.8/32")]


def test_a_discovery_tells_subnet_status_and_sample_time(cloud):
    """GetIpamDiscoveredResourceCidrs, of the region asked for."""
    ec2 = cloud.client("ec2")
    (ipam,) = ec2.describe_ipams()["Ipams"]
    asked = {"IpamResourceDiscoveryId": ipam["DefaultResourceDiscoveryId"], "ResourceRegion": "us-east-1"}
    filters = [{"Name": "resource-cidr", "Values": ["10.9.1.5/32"]}]
    (row,) = ec2.get_ipam_discovered_resource_cidrs(**asked, Filters=filters)["IpamDiscoveredResourceCidrs"]
    assert (row["SubnetId"], row["NetworkInterfaceAttachmentStatus"]) == ("subnet-t", "in-use")
    assert row["SampleTime"] == datetime.fromtimestamp(1_700_000_000, UTC)
    elsewhere = asked | {"ResourceRegion": "eu-west-1"}
    assert ec2.get_ipam_discovered_resource_cidrs(**elsewhere)["IpamDiscoveredResourceCidrs"] == []
    unknown = asked | {"IpamResourceDiscoveryId": "ipam-res-disco-no"}
    code = refusal_of(ec2.get_ipam_discovered_resource_cidrs, **unknown)
    assert code == "InvalidIpamResourceDiscoveryId.NotFound"


def history(ec2, cidr="10.9.1.5/32", **parameters: object):
    """(type, resource, seconds from the first sample, to) of GetIpamAddressHistory."""
    answer = ec2.get_ipam_address_history(**{"Cidr": cidr, "IpamScopeId": PRIVATE} | parameters)
    return [
        (
            record["ResourceType"],
            record["ResourceId"],
            record["SampledStartTime"].timestamp() - 1_700_000_000,
            record["SampledEndTime"].timestamp() - 1_700_000_000 if "SampledEndTime" in record else None,
        )
        for record in answer["HistoryRecords"]
    ]


def test_history_tells_who_had_an_address_from_which_sample_to_which(cloud, clock):
    """An address of an instance has two records; the next owner's begin where the change was sampled."""
    ec2 = cloud.client("ec2")
    cloud.replace_inventory(theirs(interface("eni-next", "10.9.1.5")), account_id=THEIRS)  # at 300
    clock.now += 400  # 700: the change at 300 has been seen since 600
    first = [("network-interface", "eni-pay", 0, 300), ("instance", "i-pay", 0, 300)]
    then = [("network-interface", "eni-next", 300, None)]
    everything = {"StartTime": datetime(2023, 1, 1, tzinfo=UTC)}
    assert sorted(history(ec2, **everything)) == sorted(first + then)
    assert history(ec2) == then
    middle = datetime.fromtimestamp(1_700_000_100, UTC)
    assert sorted(history(ec2, EndTime=middle)) == sorted(first)
    assert history(ec2, VpcId="vpc-other", **everything) == []
    assert history(ec2, cidr="10.9.1.0/24", **everything) == [("subnet", "subnet-t", 0, None)]


def test_history_lags_too(cloud):
    """What happened within the lag is not in it."""
    cloud.replace_inventory(theirs(), account_id=THEIRS)
    ends = {end for *_, end in history(cloud.client("ec2"), StartTime=datetime(2023, 1, 1, tzinfo=UTC))}
    assert ends == {None}


def test_an_address_is_asked_for_in_its_scope_and_as_a_cidr(cloud):
    """A public address is not in the private scope; an address without length is refused, and so is time backwards."""
    ec2 = cloud.client("ec2")
    assert history(ec2, cidr="198.51.100.4/32") == []
    assert history(ec2, cidr="198.51.100.4/32", IpamScopeId=PUBLIC) == [("eip", "eipalloc-t", 0, None)]
    asked = {"Cidr": "10.9.1.5", "IpamScopeId": PRIVATE}
    assert refusal_of(ec2.get_ipam_address_history, **asked) == "InvalidParameterValue"
    backwards = {"StartTime": datetime(2024, 1, 2, tzinfo=UTC), "EndTime": datetime(2024, 1, 1, tzinfo=UTC)}
    asked = {"Cidr": "10.9.1.5/32", "IpamScopeId": PRIVATE, **backwards}
    assert refusal_of(ec2.get_ipam_address_history, **asked) == "InvalidParameterValue"
    asked = {"Cidr": "10.9.1.5/32", "IpamScopeId": "ipam-scope-no"}
    assert refusal_of(ec2.get_ipam_address_history, **asked) == "InvalidIpamScopeId.NotFound"


def test_the_free_tier_keeps_no_history(clock):
    """Resources are told all the same."""
    with LocalCloud(theirs(), ipam=Ipam(clock, HOME, "us-east-1", tier="free")) as cloud:
        ec2 = cloud.client("ec2")
        asked = {"Cidr": "10.9.1.0/24", "IpamScopeId": PRIVATE}
        assert refusal_of(ec2.get_ipam_address_history, **asked) == "UnsupportedOperation"
        assert rows(ec2, ResourceType="subnet") == [("subnet-t", "10.9.1.0/24")]


def test_given_documents_answer_without_an_ipam_of_the_cloud():
    """What the AWS CLI printed is answered as it is, history in pages of 100."""
    record = {"ResourceType": "eip", "ResourceCidr": "10.0.0.1/32", "SampledStartTime": "2025-01-01T00:00:00+00:00"}
    documents = {
        "ipam-scopes": {"IpamScopes": [{"IpamScopeId": "ipam-scope-1", "IpamScopeType": "private"}]},
        "ipam-resource-cidrs": {
            "IpamResourceCidrs": [{"IpamScopeId": "ipam-scope-1", "ResourceId": "eni-1", "ResourceCidr": "10.0.0.1/32"}]
        },
        "ipam-address-history": {"HistoryRecords": [record | {"ResourceId": f"eni-{n}"} for n in range(120)]},
    }
    with LocalCloud(documents) as cloud:
        ec2 = cloud.client("ec2")
        assert rows(ec2, "ipam-scope-1") == [("eni-1", "10.0.0.1/32")]
        asked = {"Cidr": "10.0.0.1/32", "IpamScopeId": "ipam-scope-1"}
        pages = list(ec2.get_paginator("get_ipam_address_history").paginate(**asked))
        assert [len(page["HistoryRecords"]) for page in pages] == [100, 20]


def test_given_documents_go_before_what_is_derived(clock):
    """An IPAM that sees accounts, and one document that the test wrote itself."""
    with LocalCloud(ipam=Ipam(clock, HOME, "us-east-1")) as cloud:
        given = {
            "IpamResourceCidrs": [{"IpamScopeId": PRIVATE, "ResourceId": "eni-given", "ResourceCidr": "10.0.0.1/32"}]
        }
        cloud.replace_inventory(theirs(interface("eni-pay", "10.9.1.5")), account_id=THEIRS)
        cloud.replace_inventory({"ipam-resource-cidrs": given})
        assert rows(cloud.client("ec2")) == [("eni-given", "10.0.0.1/32")]
        assert len(cloud.client("ec2").describe_ipam_scopes()["IpamScopes"]) == 2


def test_a_tier_that_is_none_is_refused(clock):
    """The error names it."""
    with pytest.raises(SettingsError, match="'gold'"):
        Ipam(clock, HOME, "us-east-1", tier="gold")
