"""`vpcflow inventory show` and `diff`, and `build` over time: three scans of a small estate in which things move."""

import json
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from command_line import refused, vpcflow
from made_by_hand import Document, eni, estate, peering, subnet, transit, vpc

from enricher.history import CONSISTENCY_SECONDS
from enricher.inventory import Part
from enricher.networks import Networks
from enricher.snapshot import from_snapshot, to_snapshot

PART = "111122223333/us-east-1"
FIRST, SECOND = 1_763_700_000, 1_763_700_060
ATTACHED = 1_763_600_000


def server(name, number, *addresses: str, **more: Any) -> Document:
    """An instance's first interface in subnet-a, attached long ago."""
    attachment = {"instance": f"i-{number}"} if number else {}
    return eni(name, *addresses, attached=ATTACHED, SubnetId="subnet-a", **attachment, **more)


def tag(**tags: str) -> list[Document]:
    """Tags as EC2 prints them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def instances(**tags: dict[str, str]) -> Document:
    """What EC2 tells of five instances; ``i_1`` to ``i_5`` are their tags."""
    told = [{"InstanceId": f"i-{n}", "Tags": tag(**tags.get(f"i_{n}", {}))} for n in range(1, 6)]
    return {"Reservations": [{"Instances": told}]}


NETWORKS = {"vpcs": [vpc("vpc-a", "10.0.0.0/16")], "subnets": [subnet("subnet-a", "vpc-a", "10.0.1.0/24")]}
BEFORE = {
    **estate(
        interfaces=[
            server("eni-web", 1, "10.0.1.4", "10.0.1.5"),
            server("eni-db", 2, "10.0.1.6"),
            server("eni-spare", 3, "10.0.1.7"),
            server("eni-gone", 4, "10.0.1.8", Association={"PublicIp": "198.51.100.7"}),
        ],
        **NETWORKS,
    ),
    "instances": instances(i_1={"Name": "web", "project": "shop"}, i_2={"team": "data"}),
}
# 10.0.1.5 and eni-spare move to what db and web run on, eni-gone goes and leaves its address to eni-new.
AFTER = {
    **estate(
        interfaces=[
            server("eni-web", 1, "10.0.1.4"),
            server("eni-db", 2, "10.0.1.6", "10.0.1.5"),
            eni("eni-spare", "10.0.1.7", attached=FIRST + 30, SubnetId="subnet-a", instance="i-1"),
            eni("eni-new", "10.0.1.8", attached=FIRST + 20, SubnetId="subnet-a", instance="i-5"),
            server("eni-lb", None, "10.0.1.9", InterfaceType="load_balancer", Description="ELB app/front/0123"),
        ],
        vpcs=[vpc("vpc-a", "10.0.0.0/16", "10.9.0.0/16"), vpc("vpc-b", "10.1.0.0/16")],
        subnets=[subnet("subnet-a", "vpc-a", "10.0.1.0/24"), subnet("subnet-b", "vpc-a", "10.9.1.0/24", "use1-az2")],
        peerings=[peering("vpc-a", "vpc-b")],
        transits=[*transit("tgw-1", "vpc-a", "vpc-b", "vpc-x"), *transit("tgw-2", "vpc-a")],
    ),
    "instances": instances(i_1={"Name": "web-2", "project": "shop"}, i_2={"Team": "data"}),
}


def files(directory, documents):
    """The documents as files of the AWS CLI."""
    directory.mkdir()
    for name, document in documents.items():
        (directory / f"{name}.json").write_text(json.dumps(document))
    return directory


@pytest.fixture
def run(capsys):
    """The command."""
    return vpcflow(capsys)


@pytest.fixture
def before(tmp_path, run):
    """A snapshot of the first scan, which took four seconds."""
    return built(run, files(tmp_path / "before", BEFORE), FIRST, tmp_path / "first.parquet")


def built(run, directory, at, out, *more: object):
    """A snapshot of the directory's files, dated."""
    given = ("--observed-at", at, "--ended-at", at + 4, "--region", "us-east-1", *more)
    ran = run("inventory", "build", "--inventory", directory, "--out", out, *given)
    assert (ran.exit_code, ran.err) == (0, "")
    return out


@pytest.fixture
def after(tmp_path, run, before):
    """The second scan, a minute later, on top of the first."""
    return built(run, files(tmp_path / "after", AFTER), SECOND, tmp_path / "second.parquet", "--previous", before)


def told(ran):
    """The JSON of a run that was well."""
    assert (ran.exit_code, ran.err, ran.out.count("\n")) == (0, "", 1)
    return json.loads(ran.out)


# ── build ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_dated_build_is_one_scan_of_one_part(before):
    """The part is what all interfaces are of; what was seen is proven up to the beginning of the scan."""
    tables = from_snapshot(before.read_bytes(), "first")

    assert tables.parts == (Part(PART, FIRST, FIRST + 4),)
    assert tables.interfaces["part"].unique().to_pylist() == [PART]
    seen = {each["address"]: (each["valid_from"], each["seen_until"]) for each in tables.addresses.to_pylist()}
    # What EC2 answers may be some seconds old.
    assert seen["10.0.1.4"] == (ATTACHED, FIRST - CONSISTENCY_SECONDS)
    assert seen["10.0.1.5"] == (FIRST + 4, FIRST - CONSISTENCY_SECONDS)


@pytest.mark.parametrize(
    ("address", "at", "expected"),
    [
        ("10.0.1.8", FIRST - 60, ("resolved", "snapshot", "eni-gone")),
        ("10.0.1.8", FIRST + 10, ("subnet", "subnet", None)),
        ("10.0.1.8", FIRST + 20, ("resolved", "snapshot", "eni-new")),
        ("10.0.1.5", FIRST + 30, ("subnet", "subnet", None)),
        ("10.0.1.5", SECOND + 60, ("subnet", "subnet", None)),
        ("10.0.1.4", FIRST + 30, ("resolved", "snapshot", "eni-web")),
    ],
)
def test_a_second_scan_goes_on_with_the_first_ones_history(run, after, address, at, expected):
    """An address that changed hands has both its owners, each in its own time, and nobody in the gap."""
    story = told(run("explain", address, "--vpc", "vpc-a", "--at", at, "--inventory", after, "--output", "json"))

    columns = story["answers"][0]["columns"]
    assert (columns["status"], columns["evidence"], columns["interface_id"]) == expected


def test_what_vanished_longer_ago_than_is_kept_is_forgotten(tmp_path, run, before):
    """--keep-days 0 keeps nothing that is not there any more."""
    after = built(
        run, files(tmp_path / "after", AFTER), SECOND, tmp_path / "x.parquet", "--previous", before, "--keep-days", "0"
    )

    story = told(run("explain", "10.0.1.8", "--inventory", after, "--output", "json"))
    assert [each["interface_id"] for each in story["owners"]] == ["eni-new"]


@pytest.mark.parametrize(
    ("given", "told_of"),
    [
        (("--observed-at", "noon"), "--observed-at noon"),
        (("--observed-at", FIRST, "--ended-at", FIRST - 1), "--ended-at"),
        (("--observed-at", FIRST, "--part", "production"), "--part production"),
        (("--observed-at", FIRST, "--keep-days", "-1"), "--keep-days"),
        (("--observed-at", FIRST, "--keep-days", "nan"), "--keep-days"),
        (("--part", PART), "--observed-at"),
        (("--observed-at", FIRST + 60, "--previous", "nowhere.parquet"), "--previous nowhere.parquet"),
    ],
)
def test_bad_dates_are_refused_in_one_line(tmp_path, run, given, told_of):
    """What, where, the mend; no snapshot is written."""
    directory = files(tmp_path / "before", BEFORE)
    out = tmp_path / "out.parquet"

    ran = run("inventory", "build", "--inventory", directory, "--out", out, "--region", "us-east-1", *given)
    refused(ran, out, told_of)


def test_a_scan_that_is_not_later_is_refused(tmp_path, run, before):
    """History is written forwards only."""
    given = ("--observed-at", FIRST, "--region", "us-east-1", "--previous", before)
    ran = run("inventory", "build", "--inventory", tmp_path / "before", "--out", tmp_path / "out.parquet", *given)

    refused(ran, tmp_path / "out.parquet", PART, "2025-11-21T04:40:00Z")


def test_an_undated_snapshot_has_no_history_to_go_on_with(tmp_path, run):
    """Nothing can be later than what carries no date."""
    directory = files(tmp_path / "before", BEFORE)
    undated = tmp_path / "undated.parquet"
    assert run("inventory", "build", "--inventory", directory, "--out", undated).exit_code == 0

    given = ("--observed-at", FIRST, "--region", "us-east-1", "--previous", undated)
    ran = run("inventory", "build", "--inventory", directory, "--out", tmp_path / "out.parquet", *given)
    refused(ran, tmp_path / "out.parquet", undated, "--observed-at")


def test_files_of_two_accounts_need_a_name(tmp_path, run):
    """Which part they are a scan of cannot be told from them."""
    other = eni("eni-other", "10.0.1.9") | {"OwnerId": "444455556666"}
    directory = files(tmp_path / "both", estate(interfaces=[eni("eni-1", "10.0.1.5"), other], **NETWORKS))
    given = ("--observed-at", FIRST, "--region", "us-east-1")

    ran = run("inventory", "build", "--inventory", directory, "--out", tmp_path / "out.parquet", *given)
    refused(ran, tmp_path / "out.parquet", directory, "--part")
    built(run, directory, FIRST, tmp_path / "out.parquet", "--part", PART)


# ── show ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_show_counts_what_an_inventory_holds(run, after):
    """What is there, what has gone, what is tagged, and from when to when it is proven."""
    found = told(run("inventory", "show", after, "--output", "json"))

    assert found["version"] == "2"
    assert found["bytes"] == after.stat().st_size
    assert found["interfaces"] == {
        "total": 5,
        "gone": 1,
        "by_type": {"instance": 4, "load_balancer": 1},
    }
    assert found["instances"] == 3
    assert (found["vpcs"], found["subnets"], found["connections"]) == (2, 2, {"peering": 1})
    assert found["hubs"] == {"transit_gateway": {"hubs": 2, "attachments": 4}}
    # Held: one each of five interfaces, and 10.0.1.5 by eni-db. Given up: 10.0.1.5 by eni-web, both of eni-gone's,
    # and 10.0.1.7 by eni-spare as it was attached before.
    assert found["addresses"] == {
        "total": 10, "private": 9, "public": 1, "ipv6": 0, "prefixes": 0, "open": 6, "closed": 4,
    }  # fmt: skip
    assert {column: (each["interfaces"], each["share"]) for column, each in found["tags"].items()} == {
        "name": (2, 0.4),
        "project": (2, 0.4),
        "team": (1, 0.2),
        "environment": (0, 0.0),
    }
    assert found["oldest_valid_from"] == ATTACHED
    (part,) = found["parts"]
    assert (part["name"], part["begun_at"], part["ended_at"]) == (PART, SECOND, SECOND + 4)
    assert part["age_s"] == pytest.approx(found["age_s"])
    assert part["age_s"] > 0


def test_show_of_files_has_no_age(tmp_path, run):
    """AWS CLI output carries no date, no version and no parts."""
    directory = files(tmp_path / "before", BEFORE)
    found = told(run("inventory", "show", directory, "--output", "json"))

    assert (found["version"], found["observed_at"], found["age_s"], found["parts"]) == (None, None, None, [])
    assert found["bytes"] == sum(file.stat().st_size for file in directory.iterdir())
    text = run("inventory", "show", directory).out
    assert "before: AWS CLI output" in text
    assert "it carries no date" in text
    assert "proven to    any time" in text


def test_show_names_the_parts_that_fail(tmp_path, run, before):
    """Since when, and why; a part that was never scanned well holds nothing."""
    failed = [
        Part("444455556666/us-east-1", None, None, FIRST + 60.0, "AccessDenied on ec2:DescribeInstances"),
        Part(PART, FIRST, FIRST + 4.0, FIRST + 60.0, None),
    ]
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(to_snapshot(replace(from_snapshot(before.read_bytes(), "first"), parts=tuple(failed))))

    text = " ".join(run("inventory", "show", broken).out.split())
    assert "444455556666/us-east-1: never scanned well; 0 interfaces" in text
    assert "the scan of 2025-11-21T04:41:00Z failed: AccessDenied on ec2:DescribeInstances" in text
    assert "the scan of 2025-11-21T04:41:00Z failed: no reason told" in text


def test_show_of_one_vpc_or_part_counts_only_that(run, after):
    """All figures are of what was chosen."""
    assert told(run("inventory", "show", after, "--vpc", "vpc-b", "--output", "json"))["interfaces"]["total"] == 0
    of_vpc = told(run("inventory", "show", after, "--vpc", "vpc-a", "--output", "json"))
    of_part = told(run("inventory", "show", after, "--part", PART, "--output", "json"))
    assert (of_vpc["interfaces"]["total"], of_vpc["vpcs"], of_vpc["subnets"]) == (5, 1, 2)
    assert (of_part["interfaces"]["total"], of_part["vpcs"], len(of_part["parts"])) == (5, 2, 1)
    of_b = told(run("inventory", "show", after, "--vpc", "vpc-b", "--output", "json"))
    assert (of_b["connections"], of_b["hubs"]) == ({"peering": 1}, {"transit_gateway": {"hubs": 1, "attachments": 1}})
    assert "1 peering, 2 transit_gateway with 4 VPC attachments" in run("inventory", "show", after).out


def test_what_two_parts_tell_of_is_counted_once(tmp_path, run, after):
    """A peering by both its sides, an attachment by the gateway's owner and by the VPC's."""
    tables = from_snapshot(after.read_bytes(), "second")
    told_by = [*tables.parts, Part("444455556666/us-east-1", SECOND, SECOND + 4.0)]
    networks = tables.networks
    again = [
        [replace(each, part=told_by[1].name) for each in rows] for rows in (networks.connections, networks.memberships)
    ]
    turned = [replace(each, one=each.other, other=each.one) for each in again[0]]
    both = Networks(
        networks.vpcs, networks.subnets, [*networks.connections, *turned], [*networks.memberships, *again[1]]
    )
    (tmp_path / "both.parquet").write_bytes(to_snapshot(replace(tables, networks=both, parts=tuple(told_by))))

    for given in ((), ("--part", told_by[1].name)):
        found = told(run("inventory", "show", tmp_path / "both.parquet", *given, "--output", "json"))
        assert found["connections"] == {"peering": 1}
        assert found["hubs"] == {"transit_gateway": {"hubs": 2, "attachments": 4}}
    assert told(run("inventory", "diff", after, tmp_path / "both.parquet", "--output", "json"))["networks"] == {
        "vpcs": [], "subnets": [], "connections": []
    }  # fmt: skip


@pytest.mark.parametrize(
    "given", [("--part", "444455556666/us-east-1"), ("--vpc", "vpc-c"), ("--output", "csv")], ids=lambda given: given[0]
)
def test_show_refuses_what_is_not_there(tmp_path, run, before, given):
    """One line: what, where, the mend."""
    refused(run("inventory", "show", before, *given), tmp_path / "lake", *given)


# ── diff ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_diff_tells_every_change(run, before, after):
    """Addresses, interfaces, instances, tags and networks, each with its before and after."""
    found = told(run("inventory", "diff", before, after, "--output", "json"))

    assert found["same"] is False
    assert [(each["address"], each["from"], each["to"], each["since"]) for each in found["addresses"]["moved"]] == [
        ("10.0.1.5", ["eni-web"], ["eni-db"], SECOND + 4),
        ("10.0.1.8", ["eni-gone"], ["eni-new"], FIRST + 20),
    ]
    assert [(each["address"], each["to"]) for each in found["addresses"]["came"]] == [("10.0.1.9", ["eni-lb"])]
    assert [(each["address"], each["vpc_id"], each["from"]) for each in found["addresses"]["went"]] == [
        ("198.51.100.7", None, ["eni-gone"])
    ]
    assert found["interfaces"] == {
        "new": ["eni-lb", "eni-new"],
        "gone": ["eni-gone"],
        "reattached": [{"interface_id": "eni-spare", "from": "i-3", "to": "i-1", "attached_at": FIRST + 30}],
        "tags": [
            {"interface_id": "eni-db", "tags": {"Team": [None, "data"], "team": ["data", None]}},
            {"interface_id": "eni-spare", "tags": {"Name": [None, "web-2"], "project": [None, "shop"]}},
            {"interface_id": "eni-web", "tags": {"Name": ["web", "web-2"]}},
        ],
    }
    assert found["instances"] == {"new": ["i-5"], "gone": ["i-3", "i-4"]}
    assert found["networks"] == {
        "vpcs": [
            {"name": "vpc-a", "from": ["10.0.0.0/16"], "to": ["10.0.0.0/16", "10.9.0.0/16"]},
            {"name": "vpc-b", "from": None, "to": ["10.1.0.0/16"]},
        ],
        "subnets": [{"name": "subnet-b", "from": None, "to": ["vpc-a", "10.9.1.0/24", "use1-az2"]}],
        "connections": [
            {"name": "peering vpc-a vpc-b", "from": None, "to": []},
            *(
                {"name": f"transit_gateway {attachment}", "from": None, "to": []}
                for attachment in ("tgw-1 vpc-a", "tgw-1 vpc-b", "tgw-1 vpc-x", "tgw-2 vpc-a")
            ),
        ],
    }
    assert found["parts"] == {"new": [], "gone": [], "failing": [], "recovered": []}


def test_diff_reads_like_a_change_log(run, before, after):
    """What a person pastes into a ticket; differences are no failure."""
    ran = run("inventory", "diff", before, after)

    assert (ran.exit_code, ran.err) == (0, "")
    for line in (
        "Addresses that moved: 2",
        "eni-web -> eni-db",
        "10.0.1.9 in vpc-a: eni-lb",
        "  eni-spare: i-3 -> i-1, attached 2025-11-21T04:40:30Z",
        '  eni-web: Name: "web" -> "web-2"',
        '  eni-db: Team: none -> "data"; team: "data" -> none',
        "  vpc-a: 10.0.0.0/16 -> 10.0.0.0/16, 10.9.0.0/16",
        "  peering vpc-a vpc-b: new",
        "  transit_gateway tgw-2 vpc-a: new",
    ):
        assert line in ran.out


def test_diff_tells_the_last_sight_that_the_newer_inventory_knows(tmp_path, run, before):
    """Between the two compared there was one more scan, which still saw the old owner."""
    between = built(run, tmp_path / "before", SECOND, tmp_path / "between.parquet", "--previous", before)
    directory = files(tmp_path / "after", AFTER)
    last = built(run, directory, SECOND + 60, tmp_path / "last.parquet", "--previous", between)

    went = told(run("inventory", "diff", before, last, "--output", "json"))["addresses"]["went"]
    assert [(each["address"], each["last_seen"]) for each in went] == [("198.51.100.7", SECOND - CONSISTENCY_SECONDS)]


def test_show_of_a_part_that_was_never_scanned_holds_nothing(tmp_path, run, after):
    """Neither addresses nor connections of another part are counted as its own."""
    tables = from_snapshot(after.read_bytes(), "second")
    both = tmp_path / "both.parquet"
    both.write_bytes(to_snapshot(replace(tables, parts=(*tables.parts, Part("444455556666/us-east-1", None, None)))))

    found = told(run("inventory", "show", both, "--part", "444455556666/us-east-1", "--output", "json"))
    assert (found["addresses"]["total"], found["connections"], found["hubs"], found["vpcs"]) == (0, {}, {}, 0)


def test_an_interface_that_ipam_tells_of_too_is_as_ec2_tells_it(tmp_path, run, before):
    """IPAM knows no instances: that it has found the interface as well is no new attachment."""
    tables = from_snapshot(before.read_bytes(), "first")
    by_ipam = [
        {**row, "part": "ipam/scope", "instance_id": None, "resource_id": None} for row in tables.interfaces.to_pylist()
    ]
    again = pa.Table.from_pylist(by_ipam, tables.interfaces.schema)
    owned = [{**each, "row": each["row"] + len(by_ipam)} for each in tables.addresses.to_pylist()]
    both = replace(
        tables,
        interfaces=pa.concat_tables([tables.interfaces, again]),
        addresses=pa.concat_tables([tables.addresses, pa.Table.from_pylist(owned, tables.addresses.schema)]).sort_by(
            "address"
        ),
    )
    (tmp_path / "both.parquet").write_bytes(to_snapshot(both))

    assert told(run("inventory", "diff", before, tmp_path / "both.parquet", "--output", "json"))["same"] is True


def test_no_tag_commands_a_terminal(tmp_path, run):
    """What a tag holds is shown, escaped where it is not printable, in the story and in the differences."""
    named = {number: server("eni-1", 1, "10.0.1.5", TagSet=tag(Name=f"web\x1b[31m\n{number}")) for number in (1, 2)}
    old, new = (files(tmp_path / f"{n}", estate(interfaces=[each], **NETWORKS)) for n, each in named.items())

    for ran in (run("explain", "10.0.1.5", "--inventory", old), run("inventory", "diff", old, new)):
        assert r"web\x1b[31m\n1" in ran.out
        assert "\x1b" not in ran.out


def test_a_later_scan_of_the_same_is_no_difference(tmp_path, run, before):
    """Time alone changes nothing: what is compared is who holds what."""
    later = built(run, tmp_path / "before", SECOND, tmp_path / "later.parquet", "--previous", before)

    assert told(run("inventory", "diff", before, later, "--output", "json"))["same"] is True
    assert run("inventory", "diff", before, later).out.rstrip().endswith(": no differences")


def ends(found, kind, one, other):
    """(address, owners at one end, owners at the other) of each address that did ``kind``."""
    return [(each["address"], each[one], each[other]) for each in found["addresses"][kind]]


def test_diff_backwards_is_the_reverse(run, before, after):
    """What came went, what moved moved back."""
    there = told(run("inventory", "diff", before, after, "--output", "json"))
    back = told(run("inventory", "diff", after, before, "--output", "json"))

    assert ends(back, "came", "to", "from") == ends(there, "went", "from", "to")
    assert ends(back, "moved", "to", "from") == ends(there, "moved", "from", "to")
    assert back["interfaces"]["new"] == there["interfaces"]["gone"]


def test_diff_tells_parts_that_fail_and_recover(tmp_path, run, before):
    """A part's latest scan failing is a change, though all it held is kept."""
    tables = from_snapshot(before.read_bytes(), "first")
    failing = tmp_path / "failing.parquet"
    failing.write_bytes(
        to_snapshot(replace(tables, parts=(replace(tables.parts[0], failed_at=FIRST + 60.0, error="throttled"),)))
    )

    assert told(run("inventory", "diff", before, failing, "--output", "json"))["parts"]["failing"] == [PART]
    assert told(run("inventory", "diff", failing, before, "--output", "json"))["parts"]["recovered"] == [PART]


def test_diff_refuses_what_is_no_inventory(tmp_path, run, before):
    """One line that names which of the two."""
    refused(run("inventory", "diff", before, tmp_path / "none"), tmp_path / "lake", tmp_path / "none")
