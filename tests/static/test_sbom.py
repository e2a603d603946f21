"""Bills of materials: what they say is what is in the artefact, in the form that CycloneDX prescribes."""

import json
import re
import zipfile
from hashlib import sha256

import pytest
from cyclonedx.model.bom import Bom
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from scripts.artifact.lock import Pin, read_lock
from scripts.artifact.packages import REQUIREMENTS
from scripts.artifact.sbom import BillError, bill, of_tree, of_wheels, require_covered
from scripts.build_artifact import main

DIGEST = {"dancing-bear": "a" * 64, "bear-food": "b" * 64}
METADATA = {
    "dancing-bear": "Metadata-Version: 2.4\nName: Dancing_Bear\nVersion: 1.0\nLicense-Expression: MIT OR Apache-2.0\n",
    "bear-food": "Metadata-Version: 2.1\nName: bear.food\nVersion: 2.0.post1\nLicense: Apache License 2.0\n",
}
RECORD = {
    "dancing-bear": "bear/__init__.py,sha256=x,1\n../../bin/dance,,\ndancing_bear-1.0.dist-info/RECORD,,\n",
    "bear-food": "food.py,sha256=y,1\nbear_food-2.0.post1.dist-info/RECORD,,\n",
}
FOLDER = {"dancing-bear": "dancing_bear-1.0.dist-info", "bear-food": "bear_food-2.0.post1.dist-info"}
WHEEL = {"dancing-bear": "dancing_bear-1.0-py3-none-any.whl", "bear-food": "bear_food-2.0.post1-py3-none-any.whl"}
LOCK = {
    "dancing-bear": Pin("1.0", frozenset({"a" * 64, "c" * 64}), frozenset({"-r src/requirements.in"})),
    "bear-food": Pin("2.0.post1", frozenset({"b" * 64}), frozenset({"dancing-bear"})),
    "unused": Pin("3.0", frozenset({"d" * 64}), frozenset({"-r src/requirements.in"})),
}


def told(**changes: str):
    """Pip's report of both packages; ``changes`` are file names of wheels."""
    files = WHEEL | {name.replace("_", "-"): file for name, file in changes.items()}
    return {
        "install": [
            {
                "metadata": {"name": name.replace("-", "_")},
                "download_info": {
                    "url": f"https://index.example/{files[name]}",
                    "archive_info": {"hashes": {"sha256": DIGEST[name]}},
                },
            }
            for name in files
        ]
    }


@pytest.fixture
def tree(tmp_path):
    """Two packages as pip installs them, and one of ours."""
    for name, folder in FOLDER.items():
        (tmp_path / "tree" / folder).mkdir(parents=True)
        (tmp_path / "tree" / folder / "METADATA").write_text(METADATA[name])
        (tmp_path / "tree" / folder / "RECORD").write_text(RECORD[name])
    for place in ("bear/__init__.py", "food.py", "ours/a.py", "ours/b.py"):
        (tmp_path / "tree" / place).parent.mkdir(exist_ok=True)
        (tmp_path / "tree" / place).write_text(place)
    return tmp_path / "tree"


@pytest.fixture
def written(tree, tmp_path):
    """The bill of that tree, as text."""
    (tmp_path / "it.zip").write_bytes(b"the zip")
    packages = of_tree(tree, told(), LOCK)
    return bill("lambda", tmp_path / "it.zip", "0.1.0", packages, {"ours": (tree / "ours").glob("*.py")}, LOCK).decode()


def test_cyclonedx_takes_the_bill_for_one(written):
    """Its strict schema of version 1.6, and its own model with all references resolved; a spoilt bill is told apart."""
    judge = JsonStrictValidator(SchemaVersion.V1_6)
    assert judge.validate_str(written) is None
    assert Bom.from_json(json.loads(written)).validate()  # type: ignore[attr-defined]
    assert judge.validate_str(written.replace('"library"', '"sausage"')) is not None


def test_a_bill_names_what_is_in_the_tree_and_nothing_else(written):
    """Every package with version, licence, hash and address; ours beside them; of the lock file only what is there."""
    components = {each["name"]: each for each in json.loads(written)["components"]}
    assert set(components) == {"dancing-bear", "bear-food", "ours"}
    food = components["bear-food"]
    assert food["version"] == "2.0.post1"
    assert food["licenses"] == [{"expression": "Apache-2.0"}]
    assert food["hashes"] == [{"alg": "SHA-256", "content": "b" * 64}]
    assert food["purl"] == "pkg:pypi/bear-food@2.0.post1?file_name=bear_food-2.0.post1-py3-none-any.whl"
    assert components["dancing-bear"]["licenses"] == [{"expression": "MIT OR Apache-2.0"}]
    assert "index.example" not in written


def test_a_bill_tells_who_needs_whom_and_of_which_zip_it_is(written):
    """Asked for by a person: below the artefact; by a package: below that one."""
    document = json.loads(written)
    names = {each["bom-ref"]: each["name"] for each in document["components"]}
    needs = {each["ref"]: [names[ref] for ref in each["dependsOn"]] for each in document["dependencies"]}
    root = document["metadata"]["component"]
    assert needs[root["bom-ref"]] == ["ours", "dancing-bear"]
    assert {names[ref]: needs[ref] for ref in names if ref in needs} == {"dancing-bear": ["bear-food"], "bear-food": []}
    assert root["hashes"] == [{"alg": "SHA-256", "content": sha256(b"the zip").hexdigest()}]


def test_equal_artefacts_have_equal_bills_and_others_other_ones(tree, tmp_path, written):
    """No time, no random number: a bill can be built again and compared."""
    packages, ours = of_tree(tree, told(), LOCK), list((tree / "ours").glob("*.py"))
    again = bill("lambda", tmp_path / "it.zip", "0.1.0", packages, {"ours": reversed(ours)}, LOCK).decode()
    assert again == written
    (tmp_path / "it.zip").write_bytes(b"another zip")
    other = json.loads(bill("lambda", tmp_path / "it.zip", "0.1.0", packages, {"ours": ours}, LOCK))
    assert other["serialNumber"] != json.loads(written)["serialNumber"]


@pytest.mark.parametrize(
    ("report", "lock", "said"),
    [
        (told(bear_food="bear.food-2.0.post1.tar.gz"), LOCK, "no wheel of the lock file"),
        (told(), {**LOCK, "bear-food": Pin("2.0.post1", frozenset({"e" * 64}), frozenset())}, "no wheel of the lock"),
        (told(), {**LOCK, "bear-food": Pin("2.1", frozenset({"b" * 64}), frozenset())}, "no wheel of the lock file"),
        (told(), {"dancing-bear": LOCK["dancing-bear"]}, "no wheel of the lock file"),
        ({"install": told()["install"][:1]}, LOCK, "bear_food-2.0.post1.dist-info is there, and pip told of no such"),
    ],
    ids=["source archive", "another file", "another version", "not asked for", "not told"],
)
def test_what_is_installed_and_not_what_was_asked_for_has_no_bill(report, lock, said, tree):
    """The build ends with one line."""
    with pytest.raises(BillError, match=said):
        of_tree(tree, report, lock)


def test_a_package_that_pip_told_of_and_that_is_gone_is_named(tree):
    """A bill must not name what does not ship."""
    (tree / FOLDER["bear-food"] / "METADATA").unlink()
    (tree / FOLDER["bear-food"] / "RECORD").unlink()
    (tree / FOLDER["bear-food"]).rmdir()
    with pytest.raises(BillError, match="pip told of bear-food, which is not there"):
        of_tree(tree, told(), LOCK)


def test_what_came_with_no_package_is_named(tree):
    """A file that somebody dropped into the tree would ship without a line in its bill."""
    packages = of_tree(tree, told(), LOCK)
    require_covered((path.name for path in tree.iterdir()), packages, ["ours"])
    (tree / "stowaway.py").write_text("import os")
    with pytest.raises(BillError, match=r"stowaway\.py came with no package"):
        require_covered((path.name for path in tree.iterdir()), packages, ["ours"])


def test_wheels_in_a_zip_are_told_by_their_bytes(tmp_path):
    """What Glue gets: each wheel's digest is computed, its licence read from inside; a strange one is refused."""
    with zipfile.ZipFile(tmp_path / WHEEL["bear-food"], "w") as wheel:
        wheel.writestr(f"{FOLDER['bear-food']}/METADATA", METADATA["bear-food"])
        wheel.writestr(f"{FOLDER['bear-food']}/RECORD", RECORD["bear-food"])
    content = (tmp_path / WHEEL["bear-food"]).read_bytes()
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as outer:
        outer.writestr(f"wheels/{WHEEL['bear-food']}", content)
        outer.writestr("wheels/requirements.txt", "bear-food==2.0.post1\n")
    lock = {"bear-food": Pin("2.0.post1", frozenset({sha256(content).hexdigest()}), frozenset())}
    (package,) = of_wheels(tmp_path / "all.zip", lock)
    assert (package.name, package.licence, package.sha256) == (
        "bear-food",
        "Apache-2.0",
        sha256(content).hexdigest(),
    )
    with pytest.raises(BillError):
        of_wheels(tmp_path / "all.zip", LOCK)


def test_the_lock_file_is_read_whole():
    """Each name that stands at the begin of a line, with its hashes and who asks for it."""
    lock = read_lock(REQUIREMENTS)
    assert set(lock) == set(re.findall(r"^([a-z0-9-]+)==", REQUIREMENTS.read_text("utf-8"), re.MULTILINE))
    assert all(pin.hashes and pin.needed_by for pin in lock.values())
    assert sum(len(pin.hashes) for pin in lock.values()) == REQUIREMENTS.read_text("utf-8").count("--hash=")
    assert lock["s3transfer"].needed_by == {"boto3"}
    assert lock["botocore"].needed_by == {"boto3", "s3transfer"}
    direct = {name for name, pin in lock.items() if pin.is_direct}
    assert direct == {"aws-lambda-powertools", "blake3", "boto3", "cachetools", "msgspec", "pyarrow"}


def test_a_bill_without_a_zip_is_a_usage_error(capsys):
    """It would be the bill of nothing in particular."""
    with pytest.raises(SystemExit):
        main(["--target", "host", "--out", "nowhere", "--sbom", "it.json"])
    assert "give --zip too" in capsys.readouterr().err
