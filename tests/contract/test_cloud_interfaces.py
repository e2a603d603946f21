"""What DescribeNetworkInterfaces and DescribeInstances find, asked through real boto3 clients."""

from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from workbench.cloud import LocalCloud

WEB = {
    "NetworkInterfaceId": "eni-web",
    "Description": "Primary network interface",
    "InterfaceType": "interface",
    "OwnerId": "123456789012",
    "RequesterId": "AIDAEXAMPLE",
    "RequesterManaged": False,
    "Status": "in-use",
    "VpcId": "vpc-a",
    "SubnetId": "subnet-a1",
    "AvailabilityZone": "us-east-1a",
    "AvailabilityZoneId": "use1-az6",
    "MacAddress": "02:00:00:00:00:01",
    "SourceDestCheck": True,
    "Attachment": {
        "AttachTime": "2025-11-01T10:00:00+02:00",
        "AttachmentId": "eni-attach-web",
        "DeviceIndex": 0,
        "InstanceId": "i-web",
        "Status": "attached",
    },
    "Groups": [{"GroupId": "sg-web", "GroupName": "web"}],
    "PrivateIpAddress": "10.0.1.5",
    "PrivateIpAddresses": [
        {
            "Primary": True,
            "PrivateIpAddress": "10.0.1.5",
            "Association": {"PublicIp": "203.0.113.5", "IpOwnerId": "123456789012"},
        },
        {
            "Primary": False,
            "PrivateIpAddress": "10.0.1.55",
            "Association": {"PublicIp": "203.0.113.55", "IpOwnerId": "123456789012"},
        },
    ],
    "Association": {"PublicIp": "203.0.113.5", "IpOwnerId": "123456789012"},
    "Ipv6Addresses": [{"Ipv6Address": "2001:db8:1::5"}],
    "TagSet": [{"Key": "project", "Value": "shop & <sons>"}, {"Key": "env", "Value": "prod"}],
}
NAT = {
    "NetworkInterfaceId": "eni-nat",
    "Description": "Interface for NAT Gateway nat-1",
    "InterfaceType": "nat_gateway",
    "OwnerId": "123456789012",
    "RequesterId": "amazon-nat",
    "RequesterManaged": True,
    "Status": "in-use",
    "VpcId": "vpc-a",
    "SubnetId": "subnet-a2",
    "AvailabilityZone": "us-east-1b",
    "AvailabilityZoneId": "use1-az1",
    "PrivateIpAddress": "10.0.2.9",
    "PrivateIpAddresses": [{"Primary": True, "PrivateIpAddress": "10.0.2.9"}],
    "Ipv6Addresses": [],
    "TagSet": [],
}
MANAGED = {
    "NetworkInterfaceId": "eni-managed",
    "Description": "EKS auto mode",
    "InterfaceType": "interface",
    "OwnerId": "123456789012",
    "Status": "in-use",
    "VpcId": "vpc-b",
    "SubnetId": "subnet-b1",
    "PrivateIpAddress": "10.0.1.5",
    "PrivateIpAddresses": [{"Primary": True, "PrivateIpAddress": "10.0.1.5"}],
    "Operator": {"Managed": True, "Principal": "eks.amazonaws.com"},
    "TagSet": [{"Key": "env", "Value": "test"}],
}
SHOWN_MANAGED = {
    "NetworkInterfaceId": "eni-shown",
    "Status": "available",
    "VpcId": "vpc-b",
    "Operator": {"Managed": True, "Principal": "ecs.amazonaws.com", "HiddenByDefault": False},
}


def instance(name, address, secondary, state="running"):
    """An instance with one interface of two addresses."""
    return {
        "InstanceId": f"i-{name}",
        "State": {"Code": 16, "Name": state},
        "VpcId": "vpc-a",
        "SubnetId": "subnet-a1",
        "PrivateIpAddress": address,
        "Placement": {"AvailabilityZone": "us-east-1a", "AvailabilityZoneId": "use1-az6"},
        "NetworkInterfaces": [
            {
                "NetworkInterfaceId": f"eni-{name}",
                "PrivateIpAddresses": [{"PrivateIpAddress": address}, {"PrivateIpAddress": secondary}],
            }
        ],
        "Tags": [{"Key": "Name", "Value": name}],
    }


DOCUMENTS = {
    "network-interfaces": {"NetworkInterfaces": [WEB, NAT, MANAGED, SHOWN_MANAGED]},
    "instances": {
        "Reservations": [
            {
                "ReservationId": "r-1",
                "OwnerId": "123456789012",
                "Instances": [instance("web", "10.0.1.5", "10.0.1.55"), instance("api", "10.0.1.6", "10.0.1.66")],
            },
            {
                "ReservationId": "r-2",
                "OwnerId": "123456789012",
                "RequesterId": "940372691376",
                "Instances": [instance("job", "10.0.1.7", "10.0.1.77", "stopped")],
            },
        ]
    },
}


@pytest.fixture(scope="module")
def cloud():
    """A running cloud that owns DOCUMENTS."""
    with LocalCloud(DOCUMENTS) as running:
        yield running


@pytest.fixture(scope="module")
def ec2(cloud):
    """Its EC2 client."""
    return cloud.client("ec2")


def named(name, *values: str):
    """The filters of a call: one, of that name."""
    return [{"Name": name, "Values": list(values)}]


def interface_ids(answer):
    """Identifiers of the interfaces answered."""
    return {interface["NetworkInterfaceId"] for interface in answer["NetworkInterfaces"]}


@pytest.mark.parametrize(
    ("filter_name", "value", "expected"),
    [
        ("addresses.private-ip-address", "10.0.1.55", {"eni-web"}),
        ("addresses.private-ip-address", "10.0.1.5", {"eni-web", "eni-managed"}),
        ("private-ip-address", "10.0.2.9", {"eni-nat"}),
        ("addresses.association.public-ip", "203.0.113.55", {"eni-web"}),
        ("association.public-ip", "203.0.113.5", {"eni-web"}),
        ("association.public-ip", "203.0.113.55", set()),
        ("ipv6-addresses.ipv6-address", "2001:db8:1::5", {"eni-web"}),
        ("network-interface-id", "eni-nat", {"eni-nat"}),
        ("subnet-id", "subnet-a2", {"eni-nat"}),
        ("vpc-id", "vpc-a", {"eni-web", "eni-nat"}),
        ("attachment.instance-id", "i-web", {"eni-web"}),
        ("availability-zone", "us-east-1b", {"eni-nat"}),
        ("availability-zone-id", "use1-az6", {"eni-web"}),
        ("interface-type", "nat_gateway", {"eni-nat"}),
        ("requester-id", "amazon-nat", {"eni-nat"}),
        ("requester-managed", "true", {"eni-nat"}),
        ("description", "Interface for NAT Gateway *", {"eni-nat"}),
        ("description", "EKS aut? mod?", {"eni-managed"}),
        ("description", r"EKS aut\? mode", set()),
        ("owner-id", "999999999999", set()),
        ("operator.managed", "true", {"eni-managed", "eni-shown"}),
        ("operator.managed", "false", {"eni-web", "eni-nat"}),
        ("operator.principal", "eks.amazonaws.com", {"eni-managed"}),
        ("status", "available", {"eni-shown"}),
        ("group-id", "sg-web", {"eni-web"}),
        ("tag:project", "shop & <sons>", {"eni-web"}),
        ("tag:env", "*", {"eni-web", "eni-managed"}),
        ("tag-key", "project", {"eni-web"}),
    ],
)
def test_an_interface_filter_finds_what_aws_finds(ec2, filter_name, value, expected):
    """Each documented filter matches its own member, secondary, public and IPv6 addresses among them."""
    answer = ec2.describe_network_interfaces(Filters=named(filter_name, value), IncludeManagedResources=True)
    assert interface_ids(answer) == expected


def test_values_of_a_filter_are_alternatives_and_filters_all_hold(ec2):
    """Values in one filter widen the answer, a second filter narrows it."""
    either = ec2.describe_network_interfaces(Filters=named("network-interface-id", "eni-web", "eni-nat", "eni-none"))
    both = ec2.describe_network_interfaces(
        Filters=named("network-interface-id", "eni-web", "eni-nat") + named("interface-type", "nat_gateway")
    )
    assert interface_ids(either) == {"eni-web", "eni-nat"}
    assert interface_ids(both) == {"eni-nat"}


def test_an_interface_arrives_as_the_document_has_it(ec2):
    """AZ ID, tags with markup, empty lists, booleans and times survive AWS's XML; times become aware datetimes."""
    (web,) = ec2.describe_network_interfaces(NetworkInterfaceIds=["eni-web"])["NetworkInterfaces"]
    attached = web["Attachment"].pop("AttachTime")
    expected = {**WEB, "Attachment": {k: v for k, v in WEB["Attachment"].items() if k != "AttachTime"}}
    assert attached == datetime(2025, 11, 1, 8, 0, tzinfo=UTC)
    assert web == expected


def test_managed_resources_are_hidden_unless_asked_for(ec2):
    """Interfaces and identifiers of an AWS-managed operator exist only with IncludeManagedResources."""
    shown = ec2.describe_network_interfaces()
    everything = ec2.describe_network_interfaces(IncludeManagedResources=True)
    assert interface_ids(shown) == {"eni-web", "eni-nat", "eni-shown"}
    assert interface_ids(everything) == {"eni-web", "eni-nat", "eni-shown", "eni-managed"}
    with pytest.raises(ClientError, match=r"InvalidNetworkInterfaceID\.NotFound"):
        ec2.describe_network_interfaces(NetworkInterfaceIds=["eni-managed"])


@pytest.mark.parametrize(
    ("filter_name", "value", "expected"),
    [
        ("private-ip-address", "10.0.1.6", [("r-1", ["i-api"])]),
        ("private-ip-address", "10.0.1.66", []),
        ("network-interface.addresses.private-ip-address", "10.0.1.66", [("r-1", ["i-api"])]),
        ("network-interface.network-interface-id", "eni-job", [("r-2", ["i-job"])]),
        ("instance-id", "i-*", [("r-1", ["i-web", "i-api"]), ("r-2", ["i-job"])]),
        ("instance-state-name", "stopped", [("r-2", ["i-job"])]),
        ("reservation-id", "r-1", [("r-1", ["i-web", "i-api"])]),
        ("requester-id", "940372691376", [("r-2", ["i-job"])]),
        ("availability-zone", "us-east-1a", [("r-1", ["i-web", "i-api"]), ("r-2", ["i-job"])]),
        ("tag:Name", "web", [("r-1", ["i-web"])]),
    ],
)
def test_an_instance_filter_finds_instances_in_their_reservations(ec2, filter_name, value, expected):
    """Only the matching instances of a reservation are answered; private-ip-address means the primary one only."""
    answer = ec2.describe_instances(Filters=named(filter_name, value))
    found = [(r["ReservationId"], [i["InstanceId"] for i in r["Instances"]]) for r in answer["Reservations"]]
    assert found == expected


def test_200_filter_values_are_answered_and_201_refused(ec2):
    """The limit counts the values of all filters of a call together."""
    addresses = [f"10.0.1.{last}" for last in range(1, 200)]
    allowed = named("addresses.private-ip-address", *addresses) + named("vpc-id", "vpc-a")
    too_many = allowed + named("status", "in-use")
    assert interface_ids(ec2.describe_network_interfaces(Filters=allowed)) == {"eni-web"}
    with pytest.raises(ClientError, match="FilterLimitExceeded"):
        ec2.describe_network_interfaces(Filters=too_many)
