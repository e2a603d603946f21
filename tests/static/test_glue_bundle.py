"""What the deployment function carries for Glue and Athena: complete, in order, named by its content."""

import zipfile

import pytest
from static.templates import load, resources

from scripts.artifact.archives import digest_of, write_members
from scripts.artifact.bundle import (
    GLUE_PACKAGES,
    JOBS,
    PACKAGES_ZIP,
    WHEELS_ZIP,
    our_files,
    without_header,
    write_views,
)
from scripts.artifact.checks import CheckError
from scripts.artifact.glue_checks import own_imports, require_own_imports
from scripts.artifact.packages import ROOT, PackageError, install, linux, pins
from workbench.athena.statement import parse, tables_of


def test_views_are_carried_in_an_order_in_which_they_can_be_created(tmp_path):
    """Each view stands after all views it reads, and its file begins with its statement."""
    names = write_views(tmp_path / "views")
    texts = [(tmp_path / "views" / f"{name}.sql").read_text("utf-8") for name in names]
    assert len(names) >= 5
    assert all(text.startswith(f"CREATE OR REPLACE VIEW {name} AS\n") for name, text in zip(names, texts, strict=True))
    for position, text in enumerate(texts):
        assert {table for table in tables_of(parse(text)) if table in names} <= set(names[:position])


def test_only_the_header_of_a_view_is_left_out():
    """Comments inside the statement stay, so that line numbers of Athena's messages differ by the header alone."""
    assert without_header("-- title: t\n--\nSELECT 1\n-- kept\n") == "SELECT 1\n-- kept\n"


def test_the_archive_holds_every_module_and_data_file_of_the_jobs_packages():
    """Names are those that an import from the archive needs; nothing compiled comes along."""
    names = set(our_files())
    assert {f"{package}/__init__.py" for package in GLUE_PACKAGES} <= names
    assert "enricher/schema.py" in names
    assert [name for name in names if "__pycache__" in name or name.split("/")[0] not in GLUE_PACKAGES] == []


def test_what_the_jobs_import_is_in_the_archive():
    """Also inside functions; a module of the workbench would be missing in AWS."""
    files = our_files()
    sources = {name: path.read_text("utf-8") for name, path in files.items() if name.endswith(".py")}
    jobs = {name: (ROOT / "glue" / name).read_text("utf-8") for name in JOBS}
    require_own_imports(sources | jobs, set(files))
    with pytest.raises(CheckError, match=r"job\.py imports workbench\.cli, which code\.zip does not hold"):
        require_own_imports({"job.py": "def f():\n    from workbench.cli import run"}, set(files))
    with pytest.raises(CheckError, match=r"job\.py imports enricher\.missing"):
        require_own_imports({"job.py": "import enricher.missing"}, set(files))


def test_imports_of_other_packages_are_no_business_of_the_archive():
    """Only our own names are looked for; a package that merely begins like one of ours is another's."""
    code = "import os, pyarrow\nimport cachetools\nfrom enricher import lake\nfrom . import x"
    assert own_imports(code) == ["enricher"]


def test_a_version_names_its_content(tmp_path):
    """Equal names and bytes give one digest; a byte or a name that differs gives another."""
    digests = []
    for folder, name, content in (("a", "x", b"1"), ("b", "x", b"1"), ("c", "x", b"2"), ("d", "y", b"1")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_bytes(content)
        digests.append(digest_of((tmp_path / folder).iterdir()))
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_wheels_are_stored_and_text_is_compressed(tmp_path):
    """A wheel is a zip already: compressing it again costs seconds and saves nothing."""
    for name in ("a.whl", "b.py"):
        (tmp_path / name).write_bytes(b"x" * 1000)
    write_members(tmp_path / "all.zip", {"wheels/a.whl": tmp_path / "a.whl", "b.py": tmp_path / "b.py"})
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        kinds = {entry.filename: entry.compress_type for entry in archive.infolist()}
    assert kinds == {"wheels/a.whl": zipfile.ZIP_STORED, "b.py": zipfile.ZIP_DEFLATED}


def test_a_package_that_is_not_pinned_is_named(tmp_path):
    """A function cannot ask for what the lock file does not hold; nothing is fetched."""
    assert {"boto3", "pyarrow", "msgspec"} <= set(pins())
    with pytest.raises(PackageError, match=r"requirements\.txt does not pin flask"):
        install(linux("3.11", "x86_64"), tmp_path, ("boto3", "flask"))


def test_the_jobs_ask_for_files_that_the_bundle_holds():
    """Script, archive and wheels of both jobs, by the names they are published under; no index is asked."""
    jobs = resources(load("glue/jobs.yaml"), "AWS::Glue::Job").values()
    scripts, others, options = set(), set(), set()
    for job in jobs:
        arguments = job["DefaultArguments"]
        scripts.add(job["Command"]["ScriptLocation"]["Fn::Sub"].rpartition("${CodePrefix}")[2])
        for name in ("--extra-py-files", "--additional-python-modules"):
            others.add(arguments[name]["Fn::Sub"].rpartition("${CodePrefix}")[2])
        options.add(arguments["--python-modules-installer-option"])
    assert scripts == set(JOBS)
    assert others == {PACKAGES_ZIP, WHEELS_ZIP}
    assert options == {"--no-index"}
