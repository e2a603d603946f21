"""All pages of a read, or a named failure; scans made of reads."""

from threading import Event

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ParamValidationError

from enricher.inventory import Part
from enricher.paging import Pages, Read, Reader, ReadError, Target
from enricher.scan import Scanner, Scope
from enricher.throttling import Share

THINGS = Read("subnets", "ec2", "describe_subnets", "Subnets", ("SubnetId",))
FOREVER = float("inf")


class Clock:
    """Moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds


class Client:
    """Answers every call from a script; an exception in it is raised."""

    def __init__(self, *pages: object) -> None:
        self.pages = list(pages)
        self.asked: list[dict[str, object]] = []

    def __getattr__(self, _: str) -> object:
        return self._answer

    def _answer(self, **arguments: object) -> object:
        self.asked.append(arguments)
        page = self.pages.pop(0)
        if isinstance(page, Exception):
            raise page
        return page


def page(*names: str, token: str | None = None, version: int = 1):
    """A page of subnets."""
    return {"Subnets": [{"SubnetId": name, "Version": version} for name in names], "NextToken": token}


def refusal(code: str) -> ClientError:
    """What boto3 raises where AWS refuses."""
    return ClientError({"Error": {"Code": code}}, "DescribeSubnets")


def target_of(client):
    """The account and region that the client stands for."""
    return Target("111122223333", "eu-west-1", "the role", lambda _: client)


def read(client, what=THINGS, deadline=FOREVER, share=1.0):
    """Everything that the client tells."""
    clock = Clock()
    return Reader(Share(share, clock, clock.sleep), clock).read(what, target_of(client), deadline, Event())


def test_pages_follow_their_tokens():
    """Each asks for the one before's cursor, and all carry the size."""
    client = Client(page("a", token="1"), page("b", token="2"), page("c"))
    assert [entry["SubnetId"] for entry in read(client)] == ["a", "b", "c"]
    assert client.asked == [
        {"MaxResults": 1000},
        {"MaxResults": 1000, "NextToken": "1"},
        {"MaxResults": 1000, "NextToken": "2"},
    ]


def test_an_entry_that_two_pages_tell_counts_once_as_told_last():
    """Entries move between pages while they are read."""
    client = Client(page("a", "b", token="1"), page("b", "c", version=2))
    assert [(entry["SubnetId"], entry["Version"]) for entry in read(client)] == [("a", 1), ("b", 2), ("c", 2)]


def test_an_empty_cursor_ends_the_pages():
    """The tagging API's last page has one."""
    tagged = Read(
        "tagged-resources",
        "resourcegroupstaggingapi",
        "get_resources",
        "ResourceTagMappingList",
        ("ResourceARN",),
        pages=Pages("ResourcesPerPage", 100, "PaginationToken", "PaginationToken"),
    )
    client = Client({"ResourceTagMappingList": [{"ResourceARN": "arn"}], "PaginationToken": ""})
    assert read(client, tagged) == [{"ResourceARN": "arn"}]


def test_a_page_that_comes_for_ever_is_a_failure():
    """The same token again would be asked for again and again."""
    client = Client(*[page("a", token="1")] * 3)
    with pytest.raises(ReadError, match="failed with RepeatedPage"):
        read(client)


def test_an_optional_read_has_an_end():
    """Beyond its pages it is given up, not cut."""
    client = Client(page("a", token="1"), page("b", token="2"), page("c"))
    few = Read("subnets", "ec2", "describe_subnets", "Subnets", ("SubnetId",), is_essential=False, most_pages=2)
    with pytest.raises(ReadError, match="failed with TooManyPages; more than 2 pages"):
        read(client, few)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (refusal("UnauthorizedOperation"), "UnauthorizedOperation; allow ec2:DescribeSubnets for the role"),
        (refusal("RequestLimitExceeded"), "RequestLimitExceeded; others use the account's limit up"),
        (refusal("InternalError"), "InternalError; the next run tries again"),
        (EndpointConnectionError(endpoint_url="https://ec2"), "EndpointConnectionError; the next run tries again"),
    ],
)
def test_a_failure_names_account_call_code_and_mend(error, told):
    """On any page, whatever the pages before it told."""
    with pytest.raises(ReadError) as refused:
        read(Client(page("a", token="1"), error))
    assert str(refused.value).startswith(f"account 111122223333, eu-west-1: ec2:DescribeSubnets failed with {told}")


def test_a_request_of_ours_that_is_malformed_raises_as_it_is():
    """That is a defect, and no part's failure."""
    with pytest.raises(ParamValidationError):
        read(Client(ParamValidationError(report="no such parameter")))


def test_no_page_is_asked_for_after_the_deadline():
    """A page that would have to wait for a token beyond it is not waited for."""
    client = Client(*(page(str(n), token=str(n)) for n in range(9)))
    with pytest.raises(ReadError, match="failed with DeadlineExceeded; not finished in time"):
        read(client, deadline=1001.0, share=0.01)
    assert len(client.asked) == 1


def test_botocore_s_retries_are_counted_and_paid_for():
    """Each drew on AWS's bucket: with one token a second the next page waits for all of them."""
    clock = Clock()
    reader = Reader(Share(0.05, clock, clock.sleep), clock)  # 5 tokens, 1 a second
    retried = page("a", token="1") | {"ResponseMetadata": {"RetryAttempts": 6}}
    throttled = refusal("RequestLimitExceeded")
    throttled.response["ResponseMetadata"] = {"RetryAttempts": 2}
    with pytest.raises(ReadError):
        reader.read(THINGS, target_of(Client(retried, throttled)), FOREVER, Event())
    assert clock.now == 1000 + 3
    counters = reader.counters()
    assert (counters.calls, counters.retries, counters.throttles) == ({"ec2:DescribeSubnets": 2}, 8, 1)


def scan(*answers: tuple[Read, Client], parts=("111122223333/eu-west-1",), seconds=60.0):
    """One scanner's outcomes for parts whose reads are answered by clients of their own."""
    clock = Clock()
    scanner = Scanner(Reader(Share(1, clock, clock.sleep), clock), clock)
    by_service = {read.service: client for read, client in answers}
    target = Target("111122223333", "eu-west-1", "the role", by_service.__getitem__)
    reads = tuple(read for read, _ in answers)
    return scanner.scan_all([Scope(part, target, reads) for part in parts], clock.now + seconds)


def test_a_part_that_hangs_is_not_waited_for():
    """At the deadline it has failed, and says what to raise; what it tells later is nobody's."""
    answered = Event()

    class Hanging(Client):
        """Answers when the test is over."""

        def _answer(self, **_: object) -> object:
            answered.wait()
            return page("a")

    try:
        (failed,) = scan((THINGS, Hanging()), seconds=0.05)
    finally:
        answered.set()
    assert isinstance(failed, Part)
    assert (failed.failed_at, failed.begun_at) == (1000, None)
    assert failed.error == "part 111122223333/eu-west-1: not finished in time; raise REFRESH_SCAN_S"


def test_a_read_that_nobody_waits_for_asks_for_no_further_page():
    """Another read of the part has failed: the pages would be others' tokens."""
    clock, stop = Clock(), Event()

    class Stopping(Client):
        """Is told to stop while its first page is on its way."""

        def _answer(self, **arguments: object) -> object:
            stop.set()
            return super()._answer(**arguments)

    client = Stopping(page("a", token="1"), page("b"))
    with pytest.raises(ReadError, match="failed with Stopped"):
        Reader(Share(1, clock, clock.sleep), clock).read(THINGS, target_of(client), FOREVER, stop)
    assert len(client.asked) == 1


def test_the_first_essential_failure_ends_the_part_and_is_its_reason():
    """A read with pages without end stops when the other one is refused, and is not what failed."""
    refused_first = Event()

    class Refused(Client):
        """Refuses."""

        def _answer(self, **_: object) -> object:
            refused_first.set()
            raise refusal("AccessDenied")

    class Endless(Client):
        """Has another page each time, and begins when the other read is being refused."""

        def _answer(self, **arguments: object) -> object:
            refused_first.wait()
            self.asked.append(arguments)
            return page(token=str(len(self.asked)))

    endless = Endless()
    vpcs = Read("vpcs", "elb", "describe_vpcs", "Vpcs", ("VpcId",))
    (failed,) = scan((THINGS, endless), (vpcs, Refused()), seconds=5000.0)
    assert isinstance(failed, Part)
    assert "elasticloadbalancing:DescribeVpcs failed with AccessDenied" in failed.error
    assert len(endless.asked) < 100_000  # the deadline allows as many


def test_a_scan_is_dated_by_what_tells_of_owners():
    """From before the first read to after the last essential one; tags may come later."""
    clock = Clock()

    class Slow(Client):
        """Takes ten seconds."""

        def _answer(self, **arguments: object) -> object:
            clock.now += 10
            return super()._answer(**arguments)

    tags = Read("load-balancers", "elb", "x", "LoadBalancers", ("LoadBalancerArn",), is_essential=False)
    told = {"LoadBalancers": []}
    scanner = Scanner(Reader(Share(1, clock, clock.sleep), clock), clock)
    one = Target("111122223333", "eu-west-1", "the role", {"ec2": Slow(page("a"))}.__getitem__)
    dated = scanner.scan(Scope("111122223333/eu-west-1", one, (THINGS,)), FOREVER)
    assert (dated.begun_at, dated.ended_at) == (1000, 1010)
    other = Target("111122223333", "eu-west-1", "the role", {"elb": Slow(told)}.__getitem__)
    undated = scanner.scan(Scope("111122223333/eu-west-1", other, (tags,)), FOREVER)
    assert (undated.begun_at, undated.ended_at) == (1010, 1010)


def test_a_public_address_is_where_interfaces_show_it():
    """DescribeAddresses may say otherwise while an address moves; it adds addresses and moves none."""
    shown = {"NetworkInterfaceId": "eni-1", "PrivateIpAddress": "10.0.0.4", "Association": {"PublicIp": "8.8.8.8"}}
    other = {"NetworkInterfaceId": "eni-2", "PrivateIpAddress": "10.0.0.5"}
    interfaces = Read("network-interfaces", "ec2", "x", "NetworkInterfaces", ("NetworkInterfaceId",))
    addresses = Read("addresses", "elb", "x", "Addresses", ("PublicIp",), pages=None, is_essential=False)
    told = [
        {"PublicIp": "8.8.8.8", "NetworkInterfaceId": "eni-2"},
        {"PublicIp": "8.8.4.4", "NetworkInterfaceId": "eni-2"},
        {"PublicIp": "9.9.9.9", "NetworkInterfaceId": "eni-gone"},
        {"PublicIp": "1.1.1.1"},
    ]
    (outcome,) = scan(
        (interfaces, Client({"NetworkInterfaces": [shown, other]})), (addresses, Client({"Addresses": told}))
    )
    tables = outcome.tables(0)
    names = tables.interfaces["interface_id"].take(tables.addresses["row"]).to_pylist()
    assert dict(zip(tables.addresses["address"].to_pylist(), names, strict=True)) == {
        "10.0.0.4": "eni-1",
        "10.0.0.5": "eni-2",
        "8.8.8.8": "eni-1",
        "8.8.4.4": "eni-2",
    }


def test_an_old_telling_of_public_addresses_stands_in_for_none():
    """Since then the address may have moved to somebody else: it is left out, and the part says what is missing."""
    clock = Clock()
    scanner = Scanner(Reader(Share(1, clock, clock.sleep), clock), clock)
    shown = {"NetworkInterfaces": [{"NetworkInterfaceId": "eni-1", "PrivateIpAddress": "10.0.0.4"}]}
    told = {"Addresses": [{"PublicIp": "8.8.8.8", "NetworkInterfaceId": "eni-1"}]}
    clients = {"ec2": Client(shown, shown), "elb": Client(told, refusal("AccessDenied"))}
    interfaces = Read("network-interfaces", "ec2", "x", "NetworkInterfaces", ("NetworkInterfaceId",))
    addresses = Read("addresses", "elb", "x", "Addresses", ("PublicIp",), pages=None, is_essential=False)
    target = Target("111122223333", "eu-west-1", "the role", clients.__getitem__)
    scope = Scope("111122223333/eu-west-1", target, (interfaces, addresses))

    first, second = scanner.scan(scope, FOREVER), scanner.scan(scope, FOREVER)

    assert first.tables(0).addresses["address"].to_pylist() == ["10.0.0.4", "8.8.8.8"]
    assert second.tables(0).addresses["address"].to_pylist() == ["10.0.0.4"]
    assert second.warnings[0].endswith("addresses are missing")


def test_a_gateway_makes_no_interface_that_is_not_shown():
    """An old telling of a gateway may stand in for a new one: its interfaces may be gone."""
    gateway = {
        "NatGatewayId": "nat-1",
        "State": "available",
        "NatGatewayAddresses": [
            {"NetworkInterfaceId": "eni-1", "PrivateIp": "10.0.0.4"},
            {"NetworkInterfaceId": "eni-gone", "PrivateIp": "10.0.0.5"},
        ],
    }
    interfaces = Read("network-interfaces", "ec2", "x", "NetworkInterfaces", ("NetworkInterfaceId",))
    gateways = Read("nat-gateways", "elb", "x", "NatGateways", ("NatGatewayId",), is_essential=False)
    shown = {"NetworkInterfaceId": "eni-1", "PrivateIpAddress": "10.0.0.4"}
    (outcome,) = scan(
        (interfaces, Client({"NetworkInterfaces": [shown]})), (gateways, Client({"NatGateways": [gateway]}))
    )
    rows = outcome.tables(0).interfaces.to_pylist()
    assert [(row["interface_id"], row["resource_id"]) for row in rows] == [("eni-1", "nat-1")]


def test_a_part_that_is_denied_leaves_the_others_alone():
    """The scripts answer one part and refuse the next."""
    outcomes = scan((THINGS, Client(page("a"), refusal("AccessDenied"))), parts=("111122223333/eu-west-1",) * 2)
    assert sorted(isinstance(outcome, Part) for outcome in outcomes) == [False, True]
    (failed,) = [outcome for outcome in outcomes if isinstance(outcome, Part)]
    assert (failed.begun_at, failed.failed_at) == (None, 1000)
