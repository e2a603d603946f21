"""The cloud as a process of its own."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from enricher.errors import InventoryError
from workbench.cloud import read_documents
from workbench.cloud.__main__ import main

ROOT = Path(__file__).parents[2]
SUBNETS = {"Subnets": [{"SubnetId": "subnet-1"}]}


@pytest.fixture
def inventory(tmp_path):
    """An inventory directory with one file."""
    (tmp_path / "subnets.json").write_text(json.dumps(SUBNETS))
    return tmp_path


def test_it_prints_its_endpoint_serves_and_ends_on_a_signal(inventory):
    """One line on stdout, answers until SIGTERM, exit code 0."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")])}
    command = [sys.executable, "-m", "workbench.cloud", "--inventory", str(inventory), "--region", "eu-west-1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:  # noqa: S603  # our own module
        try:
            ec2 = boto3.client(
                "ec2",
                endpoint_url=process.stdout.readline().strip(),
                region_name="eu-west-1",
                aws_access_key_id="testing",
                aws_secret_access_key="testing",
                config=Config(proxies={}, retries={"total_max_attempts": 1}),
            )
            assert ec2.describe_subnets()["Subnets"] == SUBNETS["Subnets"]
            ec2.close()
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == ""
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("file_name", "content", "culprit"),
    [
        ("subnets.json", "{", "subnets.json: not JSON"),
        ("subnets.json", "[]", "'subnets' has no list 'Subnets'"),
        ("notes.txt", "", "no inventory files"),
    ],
)
def test_bad_input_ends_in_one_line_and_exit_code_two(tmp_path, capsys, file_name, content, culprit):
    """The line on stderr names the culprit; stdout stays empty."""
    (tmp_path / file_name).write_text(content)
    assert main(["--inventory", str(tmp_path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert culprit in err
    assert err.count("\n") == 1


def test_a_directory_is_read_by_its_file_names(inventory):
    """Any subset of the files will do; others are ignored."""
    (inventory / "vpcs.json").write_text('{"Vpcs": []}')
    (inventory / "notes.json").write_text("{}")
    assert read_documents(inventory) == {"subnets": SUBNETS, "vpcs": {"Vpcs": []}}


def test_a_directory_without_inventory_is_refused(tmp_path):
    """The error lists what was looked for."""
    with pytest.raises(InventoryError, match=r"network-interfaces\.json"):
        read_documents(tmp_path / "none")
