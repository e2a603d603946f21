from collections import Counter
from dataclasses import replace
from urllib.parse import unquote

import pyarrow.parquet as pq
import pytest
from estate_rows import parse, with_data

from enricher.errors import LogFormatError, SettingsError
from enricher.schema import FIELDS_OF_VERSION
from workbench.estate import BENCH, DEMO, build_estate, generate_traffic
from workbench.estate.__main__ import main

START, SECONDS, FLOWS = 1_763_632_800, 1_800, 3_000


@pytest.fixture(scope="module")
def estate():
    """The demo estate, read only."""
    return build_estate(DEMO, seed=1)


@pytest.fixture(scope="module")
def traffic(estate):
    """Half an hour of traffic in the documented 29 fields, read only."""
    return generate_traffic(estate, 5, START, SECONDS, FLOWS)


@pytest.fixture(scope="module")
def interfaces(estate):
    """Interfaces by id."""
    return {interface.interface_id: interface for interface in estate.interfaces}


@pytest.mark.parametrize("version", [2, 5])
def test_no_two_lines_are_equal(estate, version):
    """Dropping raw duplicates loses nothing here: connections never share ports, not even where v2 hides addresses."""
    traffic = generate_traffic(estate, 6, START, SECONDS, FLOWS, FIELDS_OF_VERSION[version])
    counting = [
        line
        for line, side in zip(traffic.lines, traffic.line_truth["side"].to_pylist(), strict=True)
        if side in {"src", "dst"}
    ]
    assert len(set(counting)) == len(counting)


def test_same_seed_makes_the_same_traffic_and_another_seed_other(estate, traffic):
    """Lines, arrivals and truth are equal for equal seeds."""
    again = generate_traffic(build_estate(DEMO, seed=1), 5, START, SECONDS, FLOWS)
    other = generate_traffic(estate, 6, START, SECONDS, FLOWS)
    assert (again.lines, again.times) == (traffic.lines, traffic.times)
    assert again.truth.equals(traffic.truth)
    assert again.line_truth.equals(traffic.line_truth)
    assert other.lines != traffic.lines
    assert traffic.digest == DEMO.digest()


def test_any_fields_in_any_order_show_the_same_flows(estate, traffic):
    """A format of few fields writes the same records, in its own order and with the version of its newest field."""
    fields = ("bytes", "az-id", "interface-id", "version", "start")
    few = generate_traffic(estate, 5, START, SECONDS, FLOWS, fields)
    wide = parse(traffic)
    assert few.header == "bytes az-id interface-id version start"
    assert few.log_format == "${bytes} ${az-id} ${interface-id} ${version} ${start}"
    assert few.lines == [" ".join((row["bytes"], row["az-id"], row["interface-id"], "4", row["start"])) for row in wide]


def test_version_eleven_tells_tags_and_the_next_hop(estate, interfaces):
    """All 54 fields: percent-encoded tags of the recorder, and the interface on the other end of the hop."""
    traffic = generate_traffic(estate, 7, START, SECONDS, FLOWS, FIELDS_OF_VERSION[11])
    truth = {row["truth_id"]: row for row in traffic.truth.to_pylist()}
    seen = Counter()
    for row in with_data(parse(traffic)):
        assert len(row) == 55
        assert row["version"] == "11"
        flow, recorder = truth[row["truth"]["truth_id"]], interfaces[row["interface-id"]]
        instance_tags = recorder.tags if recorder.instance_id else {}
        shown = [None if row[name] == "-" else unquote(row[name]) for name in ("instance-tag", "instance-tag-2")]
        assert shown == [instance_tags.get("project"), instance_tags.get("team")]
        following = interfaces.get(row["next-hop-interface-id"])
        assert row["next-hop-az-id"] == (following.az_id if following else "-")
        if flow["kind"] == "nat_gateway" and row["truth"]["side"] != "hop":
            assert (row["next-hop-interface-type"], following.vpc_id) == ("nat_gateway", recorder.vpc_id)
        if flow["kind"] == "transit_gateway" and row["truth"]["side"] != "hop":
            assert (row["next-hop-interface-type"], following.vpc_id) == ("transit_gateway", recorder.vpc_id)
        if flow["kind"] in {"same_az", "cross_az", "peering"}:
            peer = "dst" if row["truth"]["side"] == "src" else "src"
            assert row["next-hop-interface-id"] == flow[f"{peer}_interface_id"]
        if flow["kind"] in {"internet_in", "gateway_endpoint", "own_public_address", "private_unknown"}:
            assert following is None
        seen[row["instance-tag-2"]] += 1
        seen[row["interface-type"]] += 1
        seen["task"] += row["ecs-task-id"] != "-"
    assert seen["Data%20%26%20Insight"] > 0
    assert seen["Plattform%20M%C3%BCnchen"] > 0
    assert seen["nat_gateway"] > 0
    assert seen["task"] > 0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ((), "no fields"),
        (("srcaddr", "made-up"), "'made-up' is no field of VPC flow logs"),
        (("srcaddr", "tgw-id"), "'tgw-id' is no field of VPC flow logs"),
        (("srcaddr", "bytes", "srcaddr"), "'srcaddr' stands there twice"),
    ],
)
def test_formats_that_no_flow_log_can_have_are_refused(estate, fields, message):
    """The error names the field at fault."""
    with pytest.raises(LogFormatError, match=message):
        generate_traffic(estate, 1, START, 60, 10, fields)


def test_impossible_amounts_are_refused(estate):
    """Nothing to generate, and more connections between one pair than a client has ports."""
    with pytest.raises(ValueError, match="0 flows in 60 seconds; both must be at least 1"):
        generate_traffic(estate, 1, START, 60, 0)
    pair = replace(DEMO, lambda_functions=1, databases=1, icmp_share=0.0, kinds=(("lambda_to_rds", 1.0),))
    with pytest.raises(SettingsError, match="30000 connections between one pair, 28232 client ports; ask for fewer"):
        generate_traffic(build_estate(pair, seed=1), 1, START, 60, 30_000)
    nobody = replace(pair, databases=0)
    with pytest.raises(SettingsError, match="nobody can take part in kind 'lambda_to_rds'; plan more interfaces"):
        generate_traffic(build_estate(nobody, seed=1), 1, START, 60, 10)


@pytest.fixture(scope="module")
def busy():
    """Lines of two busy minutes of the large estate, split: what the benchmark takes its batches from, read only."""
    traffic = generate_traffic(build_estate(BENCH, seed=7), 7, START, 120, 100_000)
    return [line.split(" ") for line in traffic.lines]


def test_bench_estate_makes_traffic_of_many_endpoints(busy):
    """In the large estate thousands of interfaces record."""
    assert len({row[2] for row in busy}) > 1_500


@pytest.mark.parametrize("part", [0.25, 0.4, 0.5, 0.6, 0.75])
def test_a_batch_of_the_bench_estate_has_few_endpoints(busy, part):
    """8,000 lines that arrive together have 400 to 600 addresses, as the issue's benchmark asks, wherever cut."""
    first = int(part * len(busy))
    columns = [FIELDS_OF_VERSION[5].index(name) for name in ("srcaddr", "dstaddr", "pkt-srcaddr", "pkt-dstaddr")]
    addresses = {row[column] for row in busy[first : first + 8_000] for column in columns} - {"-"}
    assert 400 <= len(addresses) <= 600


def test_command_writes_inventory_lines_and_truth(tmp_path, capsys):
    """The command leaves the three outputs, the header line first, and says what it wrote and from which numbers."""
    assert main(["--preset", "demo", "--out", str(tmp_path), "--flows", "200", "--seed", "4"]) == 0
    lines = (tmp_path / "flows.log").read_text(encoding="ascii").splitlines()
    truth = pq.read_table(tmp_path / "truth.parquet")
    assert lines[0].split() == list(FIELDS_OF_VERSION[5])
    assert len((tmp_path / "inventory" / "network-interfaces.json").read_text(encoding="utf-8")) > 100_000
    said = capsys.readouterr().out
    assert f"{len(lines) - 1} lines of {truth.num_rows} flow-windows" in said
    assert DEMO.digest() in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--flows", "10"], "no --out DIR; name a directory"),
        (["--out", "unused", "--flows", "0"], "both must be at least 1"),
        (["--out", "unused", "--fields", "srcaddr nonsense"], "'nonsense' is no field"),
    ],
)
def test_command_refuses_in_one_line(arguments, message, capsys):
    """Usage errors end with exit code 2 and one line on stderr."""
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
