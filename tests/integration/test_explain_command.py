"""`vpcflow explain`: the story of an address, from files and snapshots; bad input is one line and exit code 2."""

import json
from dataclasses import replace
from typing import Any

import pytest
from command_line import refused, vpcflow
from explained import destination
from made_by_hand import Document, eni, estate, iso, subnet, vpc

from enricher.inventory import Part
from enricher.inventory_documents import tables_of
from enricher.snapshot import to_snapshot

ATTACHED, SCANNED = 1_763_600_000, 1_763_700_000
DOCUMENTS = {
    **estate(
        interfaces=[
            eni("eni-1", "10.0.1.5", "10.0.1.6", instance="i-1", attached=ATTACHED, SubnetId="subnet-a"),
            eni("eni-2", "10.1.1.5", "10.0.2.9", vpc="vpc-b", attached=ATTACHED),
        ],
        vpcs=[vpc("vpc-a", "10.0.0.0/16"), vpc("vpc-b", "10.1.0.0/16", "10.0.0.0/20")],
        subnets=[subnet("subnet-a", "vpc-a", "10.0.1.0/24")],
    ),
    "instances": {
        "Reservations": [{"Instances": [{"InstanceId": "i-1", "Tags": [{"Key": "Name", "Value": "checkout-1"}]}]}]
    },
}
PART = "111122223333/us-east-1"


@pytest.fixture
def directory(tmp_path):
    """The documents as files of the AWS CLI."""
    home = tmp_path / "cli-files"
    home.mkdir()
    for name, document in DOCUMENTS.items():
        (home / f"{name}.json").write_text(json.dumps(document))
    return home


def snapshot(path, *parts: Part):
    """A snapshot of one good scan of PART from SCANNED to four seconds later, that knows of more parts."""
    tables = tables_of(DOCUMENTS, observed_at=SCANNED, ended_at=SCANNED + 4.5, part=PART)
    path.write_bytes(to_snapshot(replace(tables, parts=(*tables.parts, *parts))))
    return tables


def told(ran):
    """The JSON of a run that was well."""
    assert (ran.exit_code, ran.err, ran.out.count("\n")) == (0, "", 1)
    return json.loads(ran.out)


def test_the_story_of_files_without_a_date(directory, capsys):
    """A person reads who, since when, by what proof, from where, and what is not known; no line is too long."""
    ran = vpcflow(capsys)("explain", "10.0.1.5", "--inventory", directory, "--vpc", "vpc-a", "--at", "1763600060")

    assert (ran.exit_code, ran.err) == (0, "")
    assert ran.out == (
        '10.0.1.5 at 2025-11-20T00:54:20Z, seen from vpc-a: resolved: instance i-1 "checkout-1", eni-1\n'
        "\n"
        "The address\n"
        "  10.0.1.5 is held by\n"
        "    vpc-a (10.0.0.0/16), subnet-a (10.0.1.0/24), use1-az1\n"
        "    vpc-b (10.0.0.0/20), in no known subnet\n"
        "\n"
        "Who had it\n"
        '  1. instance i-1 "checkout-1", eni-1 in vpc-a\n'
        "     2025-11-20T00:53:20Z to any later time\n"
        "     since its AttachTime: the files carry no date, so this is taken to hold for all later time\n"
        "\n"
        "Seen from vpc-a\n"
        "  resolved, evidence snapshot\n"
        "  A CIDR of vpc-a holds the address, so it is of that VPC and no other.\n"
        "  Proven for that time: owner 1.\n"
        "\n"
        "  status         resolved\n"
        "  account_id     111122223333\n"
        "  region         us-east-1\n"
        "  az_id          use1-az1\n"
        "  vpc_id         vpc-a\n"
        "  subnet_id      subnet-a\n"
        "  interface_id   eni-1\n"
        "  instance_id    i-1\n"
        "  resource_type  instance\n"
        "  resource_id    i-1\n"
        "  name           checkout-1\n"
        "  tags           Name=checkout-1\n"
        "  evidence       snapshot\n"
        "  null: project, team, environment\n"
        "\n"
        "The inventory\n"
        "  cli-files carries no date: it is taken to hold since each interface's AttachTime.\n"
    )  # fmt: skip


def test_without_a_vpc_each_vpc_answers_for_itself(directory, capsys):
    """Two VPCs hold the address: unknown from nowhere, owned in one, nobody's in the other."""
    story = told(vpcflow(capsys)("explain", "10.0.1.5", "--inventory", directory, "--output", "json"))

    assert (story["at"], story["at_text"], story["at_given"]) == (None, None, False)
    assert [place["vpc_id"] for place in story["places"]] == ["vpc-a", "vpc-b"]
    answers = {answer["seen_from"]: answer for answer in story["answers"]}
    assert {name: answer["columns"]["status"] for name, answer in answers.items()} == {
        None: "ambiguous",
        "vpc-a": "resolved",
        "vpc-b": "absent",
    }
    assert [each["reason"] for each in answers[None]["left_out"]] == ["no_vpc"]
    assert [each["reason"] for each in answers["vpc-b"]["left_out"]] == ["other_vpc"]
    assert answers["vpc-a"]["named"] == 0
    assert story["owners"][0]["interface_id"] == "eni-1"
    assert story["ipam_history"] is None


def test_the_vpc_in_which_somebody_is_known_answers_first(directory, capsys):
    """A person reads who it is before who it is not."""
    story = told(vpcflow(capsys)("explain", "10.0.2.9", "--inventory", directory, "--output", "json"))

    assert [place["vpc_id"] for place in story["places"]] == ["vpc-a", "vpc-b"]
    assert [answer["seen_from"] for answer in story["answers"]] == [None, "vpc-b", "vpc-a"]


@pytest.mark.parametrize("address", ["10.0.1.5", "10.0.1.6", "10.0.1.77", "10.0.9.9", "172.16.0.1", "203.0.113.9"])
@pytest.mark.parametrize("at", [ATTACHED - 1, ATTACHED, SCANNED, SCANNED + 5, SCANNED + 600])
@pytest.mark.parametrize("seen_from", ["vpc-a", "vpc-b", "vpc-0"])
def test_the_command_says_what_enrich_writes(tmp_path, capsys, address, at, seen_from):
    """Through a snapshot file and the command line, every column of the side."""
    file = tmp_path / "snapshot.parquet"
    tables = snapshot(file)

    story = told(
        vpcflow(capsys)("explain", address, "--vpc", seen_from, "--at", at, "--inventory", file, "--output", "json")
    )
    assert story["answers"][0]["columns"] == destination(tables, address, seen_from, at)


def test_the_newest_time_is_the_end_of_the_last_good_scan(tmp_path, capsys):
    """Without --at it is not now: the story says which time it took; what was seen once is not believed on."""
    file = tmp_path / "snapshot.parquet"
    snapshot(file)
    run = vpcflow(capsys)

    for address, evidence in (("10.0.1.5", "snapshot_open"), ("10.0.1.6", "subnet")):
        story = told(run("explain", address, "--vpc", "vpc-a", "--inventory", file, "--output", "json"))
        assert (story["at"], story["at_given"]) == (SCANNED + 5, False)
        assert story["answers"][0]["columns"]["evidence"] == evidence
    text = run("explain", "10.0.1.6", "--vpc", "vpc-a", "--inventory", file).out
    assert "(no --at: the newest this inventory knows)" in text
    assert "seen once, between 2025-11-21T04:40:00Z and 2025-11-21T04:40:05Z" in text
    assert f"{PART}: last scanned well 2025-11-21T04:40:00Z to 2025-11-21T04:40:04Z" in text


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        (
            Part("444455556666/us-east-1", None, None, SCANNED + 60.0, "AccessDenied on DescribeInstances"),
            (
                "444455556666/us-east-1: never scanned well, so what it may hold is not known; "
                "the scan of 2025-11-21T04:41:00Z failed: AccessDenied on DescribeInstances."
            ),
        ),
        (
            Part("444455556666/us-east-1", SCANNED - 3_600.0, SCANNED - 3_590.0, SCANNED + 60.0, "throttled"),
            (
                "444455556666/us-east-1: last scanned well 2025-11-21T03:40:00Z to 2025-11-21T03:40:10Z, "
                "2 h before the time asked for; the scan of 2025-11-21T04:41:00Z failed: throttled."
            ),
        ),
    ],
    ids=["never scanned", "failed since"],
)
def test_a_part_that_failed_is_named(tmp_path, capsys, part, sentence):
    """What is not known of may be the answer, so the story says which part is blind since when."""
    file = tmp_path / "snapshot.parquet"
    snapshot(file, part)

    ran = vpcflow(capsys)("explain", "10.0.1.5", "--inventory", file, "--vpc", "vpc-a", "--at", SCANNED + 3_600)
    assert sentence in " ".join(ran.out.split())


# ── IPAM's address history ───────────────────────────────────────────────────────────────────────────────────────────


def record(kind, name, first, ended, **more: Any):
    """A history record of 10.0.1.77 in vpc-a as the AWS CLI prints it."""
    return {
        "ResourceOwnerId": "111122223333",
        "ResourceRegion": "us-east-1",
        "ResourceType": kind,
        "ResourceId": name,
        "ResourceCidr": "10.0.1.77/32",
        "VpcId": "vpc-a",
        "SampledStartTime": iso(first),
        **({} if ended is None else {"SampledEndTime": iso(ended)}),
        **more,
    }


def history(directory, *records: Document):
    """The directory with this history beside its files."""
    (directory / "ipam-address-history.json").write_text(json.dumps({"HistoryRecords": list(records)}))
    return directory


GONE = [
    record("network-interface", "eni-gone", SCANNED, SCANNED + 7_200),
    record("instance", "i-gone", SCANNED, SCANNED + 7_200),
]


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (SCANNED - 1, ("subnet", "subnet", None, None)),
        (SCANNED, ("resolved", "ipam_history", "eni-gone", "i-gone")),
        (SCANNED + 7_200 - 1_200, ("resolved", "ipam_history", "eni-gone", "i-gone")),
        (SCANNED + 7_200 - 1_199, ("subnet", "subnet", None, None)),
    ],
    ids=["before", "first sample", "last second claimed", "within a sample of its end"],
)
def test_ipams_history_names_an_owner_that_the_inventory_has_forgotten(directory, capsys, at, expected):
    """Beside the inventory's own answer, which stays as it is; up to one sampling period before the end is left out."""
    ran = vpcflow(capsys)(
        "explain",
        "10.0.1.77",
        "--vpc",
        "vpc-a",
        "--at",
        at,
        "--output",
        "json",
        "--inventory",
        history(directory, *GONE),
    )
    story = told(ran)

    (own,), (past,) = story["answers"], story["ipam_history"]["answers"]
    assert own["columns"]["status"] == "subnet"
    names = ("status", "evidence", "interface_id", "instance_id")
    assert tuple(past["columns"][name] for name in names) == expected


@pytest.mark.parametrize(
    ("records", "at", "expected"),
    [
        ([record("network-interface", "eni-1x", SCANNED, None)], SCANNED, ("resolved", "ipam_history", "eni-1x")),
        ([record("network-interface", "eni-1x", SCANNED, None)], SCANNED + 60, ("resolved", "snapshot_open", "eni-1x")),
        (
            [record("network-interface", "eni-1x", SCANNED, SCANNED + 60)],
            SCANNED,
            ("resolved", "ipam_history", "eni-1x"),
        ),
        ([record("network-interface", "eni-1x", SCANNED, SCANNED + 60)], SCANNED + 1, ("subnet", "subnet", None)),
        (
            [
                record("network-interface", "eni-1x", SCANNED, SCANNED + 9_000),
                record("network-interface", "eni-2x", SCANNED + 600, SCANNED + 9_000),
            ],
            SCANNED + 900,
            ("subnet", "subnet", None),
        ),
        (
            [record("network-interface", "eni-1x", SCANNED, SCANNED + 9_000, VpcId="vpc-c")],
            SCANNED + 900,
            ("subnet", "subnet", None),
        ),
    ],
    ids=["current, at its start", "current, later", "one sample", "after one sample", "two at once", "another VPC"],
)
def test_ipams_history_is_bound_by_the_same_rules(directory, capsys, records, at, expected):
    """Time, contradiction and VPC are weighed as in any attribution."""
    ran = vpcflow(capsys)(
        "explain", "10.0.1.77", "--vpc", "vpc-a", "--at", at, "--output", "json",
        "--inventory", history(directory, *records),
    )  # fmt: skip
    (past,) = told(ran)["ipam_history"]["answers"]

    assert tuple(past["columns"][name] for name in ("status", "evidence", "interface_id")) == expected


def test_an_instance_is_told_only_for_all_of_its_interfaces_time(directory, capsys):
    """An interface that outlived its instance, or was there before it, is named without it."""
    records = [GONE[0], record("instance", "i-gone", SCANNED + 600, SCANNED + 7_200)]
    ran = vpcflow(capsys)(
        "explain", "10.0.1.77", "--vpc", "vpc-a", "--at", SCANNED + 900, "--output", "json",
        "--inventory", history(directory, *records),
    )  # fmt: skip
    (past,) = told(ran)["ipam_history"]["answers"]

    names = ("interface_id", "instance_id", "resource_type", "resource_id")
    assert tuple(past["columns"][name] for name in names) == ("eni-gone", None, "network_interface", "eni-gone")


def test_a_history_of_other_addresses_says_so(directory, capsys):
    """A record of a network that holds the address, or of another address, is not of this one."""
    records = [{**GONE[0], "ResourceCidr": "10.0.1.78/32"}, {**GONE[0], "ResourceCidr": "10.0.1.0/24"}]
    inventory = history(directory, *records)
    for address in ("10.0.1.77", "10.0.1.0"):
        ran = vpcflow(capsys)("explain", address, "--vpc", "vpc-a", "--inventory", inventory)
        assert "The file holds no record of this address." in ran.out


def test_ipams_history_of_a_public_address_needs_no_vpc(directory, capsys):
    """It is looked up by who had it, from wherever it is seen."""
    inventory = history(directory, {**GONE[0], "ResourceCidr": "203.0.113.9/32"})
    for seen_from in ("vpc-a", "vpc-elsewhere"):
        ran = vpcflow(capsys)(
            "explain", "203.0.113.9", "--vpc", seen_from, "--at", SCANNED, "--inventory", inventory, "--output", "json"
        )
        (past,) = told(ran)["ipam_history"]["answers"]
        assert (past["columns"]["evidence"], past["columns"]["interface_id"]) == ("ipam_history", "eni-gone")


# ── bad input ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("given", "told_of"),
    [
        (("10.0.1",), ("10.0.1", "is no IP address")),
        (("10.0.1.05",), ("10.0.1.05", "is no IP address")),
        (("fe80::1%eth0",), ("fe80::1%eth0", "is no IP address")),
        (("\x00",), ("is no IP address",)),
        (("",), ("is no IP address",)),
        (("10.0.1.0/24",), ("10.0.1.0/24", "is a network", "10.0.1.0")),
        (("10.0.1.5/33",), ("10.0.1.5/33", "is no IP address")),
        (("10.0.1.5", "--vpc", "web"), ("--vpc web", "vpc-")),
        (("10.0.1.5", "--at", "yesterday"), ("--at yesterday", "ISO 8601")),
        (("10.0.1.5", "--at", "2026-11-21T10:00:00"), ("--at 2026-11-21T10:00:00", "has no offset")),
        (("10.0.1.5", "--at", "1763600060000"), ("--at 1763600060000", "milliseconds")),
        (("10.0.1.5", "--at", "nan"), ("--at nan", "ISO 8601")),
        (("10.0.1.5", "--at=-99999999999"), ("--at -99999999999", "ISO 8601")),
        (("10.0.1.5", "--output", "xml"), ("--output xml", "json")),
    ],
)
def test_bad_input_is_refused_in_one_line(directory, tmp_path, capsys, given, told_of):
    """What, where, the mend; nothing on standard output."""
    refused(vpcflow(capsys)("explain", *given, "--inventory", directory), tmp_path / "lake", *told_of)


@pytest.mark.parametrize(
    ("content", "told_of"),
    [
        ("[", "is no JSON"),
        ("[]", "HistoryRecords"),
        ('{"HistoryRecords": [], "NextToken": "x"}', "NextToken"),
        ('{"HistoryRecords": [1]}', "entry 0"),
        (json.dumps({"HistoryRecords": [{**GONE[0], "ResourceCidr": "10.0.1"}]}), "10.0.1"),
        (json.dumps({"HistoryRecords": [{**GONE[0], "SampledStartTime": "2025-11-20T00:00:00"}]}), "SampledStartTime"),
        (json.dumps({"HistoryRecords": [{**GONE[0], "SampledEndTime": 5}]}), "SampledEndTime"),
        (json.dumps({"HistoryRecords": [{**GONE[0], "VpcId": 5}]}), "VpcId"),
        (json.dumps({"HistoryRecords": [{**GONE[0], "ResourceId": ""}]}), "ResourceId"),
    ],
)
def test_a_history_that_is_none_is_refused(directory, tmp_path, capsys, content, told_of):
    """As any other file of the inventory."""
    file = directory / "ipam-address-history.json"
    file.write_text(content)

    ran = vpcflow(capsys)("explain", "10.0.1.77", "--inventory", directory)
    refused(ran, tmp_path / "lake", file, told_of, "aws ec2 get-ipam-address-history")


def test_an_inventory_that_is_not_there_is_refused(tmp_path, capsys):
    """Nothing is explained by nothing."""
    refused(vpcflow(capsys)("explain", "10.0.1.5", "--inventory", tmp_path / "no"), tmp_path / "lake", "--inventory")
    refused(vpcflow(capsys)("explain", "10.0.1.5"), tmp_path / "lake", "--inventory")
