"""Each wrong step a newcomer may take ends in one line that names the mend, exit code 2, and nothing is written."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from athena_cloud import CREDENTIALS
from command_line import files

from workbench.cli import main
from workbench.cloud import FOREVER, LocalCloud, Refuse
from workbench.estate.__main__ import main as write_estate

ATHENA = ("query", "top_talkers", "--engine", "athena", "--database", "vpc_flow_logs")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A sample as the tutorial makes it, its lines without the header, and files that hold no flow logs."""
    directory = tmp_path_factory.mktemp("steps")
    assert write_estate(["--out", str(directory / "sample"), "--flows", "40"]) == 0
    header, *lines = (directory / "sample" / "flows.log").read_text().splitlines()
    (directory / "lines.log").write_text("\n".join(lines) + "\n")
    (directory / "other.log").write_text("\n".join([header.removeprefix("version "), *lines]) + "\n")
    (directory / "default.log").write_text(
        "2 123456789012 eni-0a1b2c3d 10.0.1.5 10.0.2.9 49152 5432 6 120 18 1763600000 1763600060 ACCEPT OK\n"
    )
    with zipfile.ZipFile(directory / "flows.zip", "w") as packed:
        packed.writestr("flows.log", "\n".join(lines))
    (directory / "half.log.gz").write_bytes(b"\x1f\x8b\x08\x00cut short")
    (directory / "empty").mkdir()
    return directory


STEPS: dict[str, tuple[tuple[str, ...], str]] = {
    "another format than the lines have": (
        ("enrich", "lines.log", "--log-format", "v2"), "all have 29 fields, as v5 has; give the flow log's own format"),
    "a header line that is not the lines' own": (
        ("enrich", "other.log"), "as many fields as its header line, all have 29 fields, as v5 has"),
    "no format and no header line": (("enrich", "lines.log"), "has no header line; give --log-format"),
    "a format that is none": (("enrich", "lines.log", "--log-format", "v99"), "or one of default, tgw, v10"),
    "no region": (("enrich", "default.log", "--log-format", "v2"), "give --region, such as us-east-1"),
    "a region that is none": (("enrich", "default.log", "--region", "Virginia"), "give one such as us-east-1"),
    "a directory in place of a file": (("enrich", "sample"), "give a file of flow logs"),
    "a file that is not there": (("enrich", "nothing.log"), "give a file of flow logs"),
    "a zip file": (("enrich", "flows.zip", "--log-format", "v5"), "give flow logs as text, gzip or Parquet"),
    "half a gzip file": (("enrich", "half.log.gz", "--log-format", "v5"), "fetch it again"),
    "no inventory there": (
        ("enrich", "sample/flows.log", "--inventory", "nowhere"), "give a directory of AWS CLI output"),
    "the directory above the inventory": (
        ("enrich", "sample/flows.log", "--inventory", "sample"), "holds none of network-interfaces.json"),
    "a flow log in place of the inventory": (
        ("enrich", "sample/flows.log", "--inventory", "sample/flows.log"), "inventory build"),
    "a file in place of the lake to write": (
        ("enrich", "sample/flows.log", "--out", "lines.log"), "give a directory that can be written"),
    "a lake that is not there": (("report", "--lake", "nowhere", "--out", "r.html"), "write one with `vpcflow enrich"),
    "an empty lake": (("query", "top_talkers", "--lake", "empty"), "give the directory that holds flow_logs/"),
    "the lake's parent": (
        ("report", "--lake", "sample", "--out", "r.html"), "give the directory that holds flow_logs/"),
    "a report that is no HTML": (("report", "--lake", "empty", "--out", "report"), "give a name that ends in .html"),
    "no lake named": (("query", "top_talkers"), "--lake: is missing; give the directory"),
    "a typo in a query's name": (("query", "top_talker", "--lake", "empty"), "did you mean top_talkers?"),
    "a typo in a parameter": (
        ("query", "top_talkers", "--lake", "empty", "--param", "firstday=2025-11-20"), "did you mean first_day?"),
    "a typo in a command": (("reprot",), "Did you mean 'report'?"),
    "an option that is none": (("enrich", "lines.log", "--format", "v5"), "see `vpcflow enrich --help`"),
    "no address": (("explain", "web-1", "--inventory", "sample/inventory"), "give one such as 10.0.1.5"),
    "a network in place of an address": (
        ("explain", "10.0.0.0/16", "--inventory", "sample/inventory"), "give one address in it"),
    "a time without a zone": (
        ("explain", "10.0.0.1", "--inventory", "sample/inventory", "--at", "2025-11-20T10:00"), "--at"),
    "the demo into a directory in use": (("demo", "--out", "sample"), "give a directory of the demo's own"),
    "a stand-in's event without its format": (("invoke", "--event", "lines.log"), "give the flow log's own"),
}  # fmt: skip


@pytest.mark.parametrize("step", STEPS)
def test_a_wrong_step_ends_in_the_mend(step, made, monkeypatch, capsys):
    """On disk: formats, files, inventories, lakes, names."""
    argv, mend = STEPS[step]
    monkeypatch.chdir(made)
    ends_in_one_line(main, argv, mend, capsys)


@pytest.fixture
def account(monkeypatch, tmp_path):
    """What AWS's own tools set, of which nothing is set here; files of somebody's profile are out of sight."""
    for name in (*CREDENTIALS, "AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.chdir(tmp_path)
    return monkeypatch.setenv


@pytest.mark.parametrize(
    ("argv", "known", "mend"),
    [
        (ATHENA, {}, "give --region where the command has it, or set AWS_DEFAULT_REGION"),
        ((*ATHENA, "--region", "eu-west-1"), {}, "or set AWS_PROFILE"),
        (("replay", "s3://lake/processing-failed/", "--log-format", "v2"), {}, "or set AWS_PROFILE"),
        (("backfill", "s3://delivered/"), {"AWS_PROFILE": "nobody"}, "aws configure list-profiles"),
        (ATHENA[:4], {}, "--database: is missing"),
    ],
)
def test_without_region_or_credentials_it_is_said_what_to_set(argv, known, mend, account, capsys):
    """Before anything is asked of AWS."""
    for name, value in known.items():
        account(name, value)
    ends_in_one_line(main, argv, mend, capsys)


@pytest.mark.parametrize(
    ("argv", "service", "operation"),
    [
        (ATHENA, "athena", "StartQueryExecution"),
        (("replay", "s3://lake/processing-failed/", "--log-format", "v2"), "s3", "ListObjectsV2"),
        (("backfill", "s3://delivered/", "--log-format", "v2"), "s3", "ListObjectsV2"),
        (("replay", "x.json", "--inventory", "s3://lake/inventory/pointer.json", "--lake", "lake"), "s3", "GetObject"),
    ],
)
def test_without_the_right_it_is_said_which(argv, service, operation, account, tmp_path, capsys):
    """AWS refuses the call: the line names it, and where rights are listed."""
    (tmp_path / "x.json").write_text("{}\n")
    with LocalCloud() as cloud:
        for name, value in (CREDENTIALS | {"AWS_ENDPOINT_URL": cloud.endpoint}).items():
            account(name, value)
        code = "AccessDenied" if service == "s3" else "AccessDeniedException"
        cloud.fail(service, operation, Refuse(code, 403), times=FOREVER)
        ends_in_one_line(main, argv, f"allow the caller {operation} there, see docs/", capsys)


def ends_in_one_line(run: Callable[[list[str]], int], argv: tuple[str, ...], mend: str, capsys) -> None:
    """Exit code 2, one line with the mend, nothing on standard output, no file more than before."""
    before = files(Path.cwd())
    capsys.readouterr()
    code = run(list(argv))
    streams = capsys.readouterr()
    assert (code, streams.out, streams.err.count("\n")) == (2, "", 1), streams.err
    assert streams.err.startswith("vpcflow: ")
    assert mend in streams.err
    assert files(Path.cwd()) == before
