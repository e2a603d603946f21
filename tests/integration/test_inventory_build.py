"""`vpcflow inventory build`: a snapshot answers as the directory it was made of."""

import json
from pathlib import Path

from workbench.cli import main

GOLDEN = Path(__file__).parents[1] / "data" / "golden"


def summary(capsys, case, inventory, out):
    """The JSON summary of one enrich run."""
    capsys.readouterr()
    argv = [
        "enrich",
        str(GOLDEN / "cases" / case / "flows.log"),
        "--inventory",
        str(inventory),
        "--region",
        "us-east-1",
    ]
    assert main([*argv, "--out", str(out), "--output", "json"]) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_a_snapshot_answers_as_its_directory(tmp_path, capsys):
    """The same statuses, with every address, prefix, subnet and connection of the AWS CLI's files."""
    for case, name in (("034-one-address-in-two-vpcs", "network"), ("022-own-delegated-prefix", "shop")):
        directory = GOLDEN / "inventories" / name
        snapshot = tmp_path / name / "snapshot.parquet"
        assert main(["inventory", "build", "--inventory", str(directory), "--out", str(snapshot)]) == 0
        from_directory = summary(capsys, case, directory, tmp_path / name / "directory")
        assert from_directory["resolved"] > 0
        assert from_directory == summary(capsys, case, snapshot, tmp_path / name / "file")


def test_a_directory_without_inventory_is_refused(tmp_path, capsys):
    """One line names the directory; no snapshot is written."""
    capsys.readouterr()
    code = main(["inventory", "build", "--inventory", str(tmp_path), "--out", str(tmp_path / "snapshot.parquet")])
    printed = capsys.readouterr()
    assert (code, printed.out, printed.err.count("\n")) == (2, "", 1)
    assert str(tmp_path) in printed.err
    assert list(tmp_path.iterdir()) == []
