"""An hour of generated traffic through the simulated stream, the real handler and the saved view, against its truth."""

from collections import Counter

import pyarrow.parquet as pq
import pytest

from workbench.athena.engine import Lake
from workbench.cloud import LocalCloud
from workbench.demo import run as demo
from workbench.demo.deployment import Deployment
from workbench.estate import DEMO, build_estate, generate_traffic

CONNECTIONS = 3_000


@pytest.fixture(scope="module")
def hour(tmp_path_factory):
    """(truth as rows, lines, opened lake, deployment) of one simulated hour."""
    directory = tmp_path_factory.mktemp("hour")
    estate = build_estate(DEMO, demo.SEED)
    traffic = generate_traffic(estate, demo.SEED, demo.START, demo.SECONDS, CONNECTIONS)
    with LocalCloud(estate.documents()) as cloud:
        deployment = Deployment(cloud, traffic.log_format, (demo.START - 60) * 1000, demo.SEED)
        deployment.take_snapshot()
        demo.send(deployment, traffic)
        deployment.register_partitions()
        deployment.download(directory)
    with Lake(directory) as lake:
        yield traffic.truth.to_pylist(), traffic, lake, directory


def counted(lake, columns):
    """What the view counts as accepted: key → [bytes, rows]."""
    names = ", ".join(columns)
    sql = f"SELECT {names}, sum(bytes), count(*) FROM flows_once WHERE action = 'ACCEPT' GROUP BY {names}"  # noqa: S608 - our own column names
    return {tuple(row[:-2]): (int(row[-2]), row[-1]) for row in lake.run(sql).rows}


def true_totals(truth, key):
    """The same of the truth, of flows that at least one side recorded."""
    totals: dict[tuple, list[int]] = {}
    for flow in truth:
        if flow["observable"] and flow["action"] == "ACCEPT":
            total = totals.setdefault(key(flow), [0, 0])
            total[0] += flow["bytes"]
            total[1] += 1
    return {key: tuple(total) for key, total in totals.items()}


def test_every_line_is_one_row(hour):
    """Nothing is lost and nothing doubled between the stream and the lake."""
    _, traffic, _, directory = hour
    files = sorted(directory.glob("flow_logs/**/*.parquet"))
    identity = ["interface_id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "bytes", "start", "log_status"]
    rows = Counter(
        tuple(row.values())
        for file in files
        for row in pq.read_table(file, columns=identity, partitioning=None).to_pylist()
    )
    places = [traffic.fields.index(name.replace("_", "-")) for name in identity]
    numbers = {"srcport", "dstport", "protocol", "bytes", "start"}
    lines = Counter(
        tuple(
            None if (word := words[place]) == "-" else int(word) if name in numbers else word
            for name, place in zip(identity, places, strict=True)
        )
        for words in (line.split(" ") for line in traffic.lines)
    )
    assert lines == rows


def test_flows_counted_once_equal_the_truth_by_zone_pair(hour):
    """Bytes and flows between zones are the truth's, to the byte, whoever recorded them."""
    truth, _, lake, _ = hour
    expected = true_totals(truth, lambda flow: (flow["src_az_id"], flow["dst_az_id"]))
    assert expected == counted(lake, ("src_az_id", "dst_az_id"))


def test_flows_counted_once_equal_the_truth_by_class(hour):
    """Each traffic class has the truth's bytes and flows."""
    truth, _, lake, _ = hour
    assert true_totals(truth, lambda flow: (flow["traffic_class"],)) == counted(lake, ("traffic_class",))


def test_flows_counted_once_equal_the_truth_by_project(hour):
    """Each pair of projects has the truth's bytes; what the inventory does not list has no project."""
    truth, _, lake, _ = hour

    def projects(flow) -> tuple[str | None, ...]:
        return tuple(flow[f"{side}_project"] if flow[f"{side}_listed"] else None for side in ("src", "dst"))

    assert true_totals(truth, projects) == counted(lake, ("src_project", "dst_project"))


def test_no_endpoint_is_named_wrongly(hour):
    """Every interface named on a counted row is the one that really sent or received; some are not named at all."""
    truth, _, lake, _ = hour
    flows: dict[tuple, set] = {}
    for flow in truth:
        key = (flow["src_addr"], flow["dst_addr"], flow["srcport"], flow["dstport"], flow["protocol"], flow["start"])
        flows.setdefault(key, set()).add((flow["src_interface_id"], flow["dst_interface_id"]))
    rows = lake.run(
        "SELECT packet_srcaddr, packet_dstaddr, srcport, dstport, protocol, start, src_interface_id, dst_interface_id "
        "FROM flows_once"
    ).rows
    wrong = [
        row
        for row in rows
        if not any(
            all(named in (None, true) for named, true in zip(row[6:], ends, strict=True)) for ends in flows[row[:6]]
        )
    ]
    named = sum(interface is not None for row in rows for interface in row[6:])
    assert wrong == []
    assert named > len(rows)


def test_az_ids_are_ids(hour):
    """No column of zones holds anything but AZ IDs, so that equality compares them."""
    _, _, lake, _ = hour
    zones = lake.run("SELECT DISTINCT src_az_id FROM flow_logs UNION SELECT DISTINCT dst_az_id FROM flow_logs").rows
    assert {zone for (zone,) in zones} == {None, "use1-az1", "use1-az2", "use1-az4"}
