"""The artefact recipe: what is removed, what stays, what is refused."""

import struct
import zipfile

import pytest
from static.templates import listed, load, resources, statements

from scripts.artifact.checks import CheckError, elf_machine, require_libraries, run_alone
from scripts.artifact.slimming import SERVICES, slim
from scripts.build_artifact import ArtifactError, build, main, require_size, size_of, targets, write_zip


def plant(tree, *paths: str, content=b"x"):
    """Write files below a folder."""
    for path in paths:
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_bytes(content)


def files(tree):
    """All files below a folder, as paths relative to it."""
    return {path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_file()}


def elf(machine, *names: str):
    """The first bytes of an ELF file for a machine number, followed by library names."""
    return b"\x7fELF" + bytes(14) + struct.pack("<H", machine) + b"\0" + b"\0".join(name.encode() for name in names)


def test_slimming_keeps_what_the_loader_asks_for_and_drops_its_copies(tmp_path):
    """Of three equal files that stand for two links, the one with the major version stays."""
    copies = ("libarrow_python.so", "libarrow_python.so.2600", "libarrow_python.so.2600.1.0")
    plant(tmp_path / "pyarrow", *copies, content=b"the library")
    plant(tmp_path / "pyarrow", "lib.cpython-313-aarch64-linux-gnu.so", content=b"an extension")
    slim(tmp_path)
    assert files(tmp_path / "pyarrow") == {"libarrow_python.so.2600", "lib.cpython-313-aarch64-linux-gnu.so"}


def test_slimming_keeps_a_library_that_only_looks_like_a_copy(tmp_path):
    """A file of the same name family with other bytes is not a copy."""
    plant(tmp_path / "pyarrow", "libodd.so", content=b"one")
    plant(tmp_path / "pyarrow", "libodd.so.26", content=b"two")
    slim(tmp_path)
    assert files(tmp_path / "pyarrow") == {"libodd.so", "libodd.so.26"}


def test_slimming_drops_headers_tests_and_remote_file_systems(tmp_path):
    """Sources, tests and the libraries of Flight, S3 and ORC go; what Arrow is linked against stays."""
    gone = ("include/a.h", "tests/t.py", "lib.pyx", "parquet/x.pxd", "libarrow_flight.so.26", "libarrow_s3.so.26")
    stays = ("__init__.py", "libarrow_substrait.so.26", "libarrow_dataset.so.26", "parquet/core.py", "_fs.so")
    plant(tmp_path / "pyarrow", *gone, *stays)
    slim(tmp_path)
    assert files(tmp_path / "pyarrow") == set(stays)


def test_slimming_keeps_the_newest_model_of_the_services_in_use(tmp_path):
    """Other services and older API versions go; what all services share stays."""
    data = tmp_path / "botocore" / "data"
    plant(data, "endpoints.json", "ec2/2014-09-01/s.json", "ec2/2016-11-15/s.json", "sqs/2012-11-05/s.json")
    slim(tmp_path)
    assert files(data) == {"endpoints.json", "ec2/2016-11-15/s.json"}


def test_services_that_the_function_calls_are_kept():
    """Every AWS service in the functions' policies that they call through boto3 has its model in the artefact."""
    roles = resources(load("template.yaml"), "AWS::IAM::Role")
    policies = [policy for role in ("TransformRole", "RefreshRole") for policy in roles[role]["Policies"]]
    by_prefix = {
        "autoscaling": {"autoscaling"},
        "ec2": {"ec2"},
        "elasticloadbalancing": {"elb", "elbv2"},
        "glue": {"glue"},
        "s3": {"s3"},
        "sts": {"sts"},
        "tag": {"resourcegroupstaggingapi"},
    }
    called = {
        action.split(":")[0]
        for policy in policies
        if policy["PolicyName"] != "telemetry"
        for statement in statements(policy)
        for action in listed(statement["Action"])
    }
    assert called == set(by_prefix)
    assert {service for prefix in called for service in by_prefix[prefix]} <= set(SERVICES)


def test_equal_trees_make_equal_zips(tmp_path):
    """Order of writing and times of files leave no trace; names and bytes do."""
    plant(tmp_path / "one", "a/x.py", "b.py")
    plant(tmp_path / "two", "b.py", "a/x.py")
    (tmp_path / "two" / "b.py").touch()
    for name in ("one", "two"):
        write_zip(tmp_path / name, tmp_path / f"{name}.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert archive.namelist() == ["a/x.py", "b.py"]
        assert archive.infolist()[0].date_time == (1980, 1, 1, 0, 0, 0)
    plant(tmp_path / "two", "b.py", content=b"y")
    write_zip(tmp_path / "two", tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() != (tmp_path / "two.zip").read_bytes()


@pytest.mark.parametrize(
    ("size", "message"),
    [(150_000_001, "the budget is 150.0 MB"), (262_144_001, "Lambda takes 262.1 MB")],
)
def test_an_artefact_above_its_budget_is_refused(size, message):
    """Our own budget, and above it Lambda's limit, each named in the error."""
    require_size(150_000_000)
    with pytest.raises(ArtifactError, match=message):
        require_size(size)


def test_size_counts_every_file(tmp_path):
    """What Lambda counts: the bytes of all files, wherever they lie."""
    plant(tmp_path, "a/b/c", content=b"12345")
    plant(tmp_path, "d", content=b"12")
    assert size_of(tmp_path) == 7


def test_a_folder_with_something_in_it_is_left_alone(tmp_path, capsys):
    """The recipe neither mixes with nor deletes what it did not write: one line, exit code 1."""
    plant(tmp_path, "precious")
    assert main(["--target", "host", "--out", str(tmp_path)]) == 1
    assert capsys.readouterr().err.endswith("is not empty: remove it or name another --out\n")
    assert files(tmp_path) == {"precious"}
    with pytest.raises(ArtifactError):
        build(targets()["host"], tmp_path)


def test_a_removed_library_that_another_needs_is_named(tmp_path):
    """The names in the libraries' string tables are all files of the artefact."""
    plant(tmp_path, "libarrow.so.2600", content=elf(183, "libarrow.so.2600", "libc.so.6"))
    plant(tmp_path, "libparquet.so.2600", content=elf(183, "libarrow.so.2600", "libparquet.so.2600"))
    assert require_libraries(tmp_path, "aarch64") == 2
    (tmp_path / "libarrow.so.2600").unlink()
    with pytest.raises(CheckError, match=r"libparquet\.so\.2600 needs libarrow\.so\.2600, which was removed"):
        require_libraries(tmp_path, "aarch64")


def test_a_library_for_another_machine_is_named(tmp_path):
    """Wheels of this machine in the function's artefact are noticed before they are deployed."""
    plant(tmp_path, "libarrow.so.2600", content=elf(62))
    assert require_libraries(tmp_path, None) == 1
    with pytest.raises(CheckError, match="is for x86_64, the function runs on aarch64"):
        require_libraries(tmp_path, "aarch64")


def test_an_artefact_without_libraries_is_refused(tmp_path):
    """No shared library at all means that the wheels are missing."""
    plant(tmp_path, "enricher/schema.py")
    with pytest.raises(CheckError, match="the wheels are missing"):
        require_libraries(tmp_path, "aarch64")


def test_something_that_is_no_elf_file_is_called_so():
    """A text file named like a library does not pass for one."""
    assert elf_machine(b"#!/bin/sh") == "no ELF file"
    assert elf_machine(elf(8)) == "ELF machine 8"


def test_artefact_runs_with_nothing_but_itself(tmp_path):
    """The proof sees no installed package: an artefact without our code fails although it is installed here."""
    plant(tmp_path, "cache/__init__.py", content=b"")
    with pytest.raises(CheckError, match="does not run on its own: ModuleNotFoundError: No module named 'enricher'"):
        run_alone(tmp_path)


def test_lambda_target_is_the_template_s_platform():
    """The artefact is fetched for the runtime and the processor that the template names."""
    function = resources(load("template.yaml"), "AWS::Serverless::Function")["TransformFunction"]
    target = targets()["lambda"]
    assert f"python{target.python}" == function["Runtime"]
    assert {"aarch64": "arm64", "x86_64": "x86_64"}[str(target.machine)] == function["Architectures"][0]
    assert all(option.endswith("aarch64") for option in target.pip_options if option.startswith("manylinux"))
