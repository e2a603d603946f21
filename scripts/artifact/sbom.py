"""What is in an artefact: a software bill of materials, CycloneDX 1.6, JSON (`make artifact` writes build/*.sbom.json).

Written by hand, because the document is one dictionary and `sam build` has nothing but Python and pip; a test has
CycloneDX's own library judge it. It holds no time and no random number: equal artefacts have equal bills.

CycloneDX 1.6 JSON reference; package-url specification, type ``pypi``.
"""

import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from email.parser import Parser
from hashlib import sha256
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from scripts.artifact.licences import licence_of
from scripts.artifact.lock import Lock, canonical

PROJECT: Final = "vpc-flow-log-enrichment"
LICENCE: Final = "Apache-2.0"


class BillError(Exception):
    """What is in the artefact is not what its bill would say; one line: what, where, the mend."""


@dataclass(frozen=True, slots=True)
class Package:
    """A package as it was installed: canonical name, licence by its own word, its wheel and the wheel's SHA-256.

    ``places``: names at the top of the tree that are its own.
    """

    name: str
    version: str
    licence: str | None
    wheel: str
    sha256: str
    places: frozenset[str]

    @property
    def purl(self) -> str:
        """Its package URL, with the wheel's file name."""
        return f"pkg:pypi/{self.name}@{quote(self.version)}?file_name={quote(self.wheel)}"


def of_tree(tree: Path, pip_report: Mapping[str, Any], lock: Lock) -> list[Package]:
    """The packages that pip installed into a tree; read before anything is removed from it.

    Args:
        tree: as pip left it.
        pip_report: what `pip install --report` told of it.
        lock: what was asked for.

    Raises:
        BillError: pip and tree differ, or something else was installed than a wheel of the lock.
    """
    fetched = {canonical(one["metadata"]["name"]): one["download_info"] for one in pip_report["install"]}
    found = []
    for folder in sorted(tree.glob("*.dist-info")):
        metadata = Parser().parsestr((folder / "METADATA").read_text("utf-8"))
        told = fetched.pop(canonical(metadata["Name"]), None)
        if told is None:
            raise BillError(
                f"sbom: {folder.name} is there, and pip told of no such package; build into an empty folder"
            )
        wheel, digest = told["url"].rpartition("/")[2], told["archive_info"]["hashes"]["sha256"]
        found.append(_package(metadata, wheel, digest, (folder / "RECORD").read_text("utf-8"), lock))
    if fetched:
        raise BillError(f"sbom: pip told of {', '.join(sorted(fetched))}, which is not there; build again")
    return found


def of_wheels(archive: Path, lock: Lock) -> list[Package]:
    """The packages of a zip of wheels (folder ``wheels/``); raises BillError as ``of_tree`` does."""
    with zipfile.ZipFile(archive) as outer:
        wheels = {PurePosixPath(name).name: outer.read(name) for name in outer.namelist() if name.endswith(".whl")}
    found = []
    for name, content in sorted(wheels.items()):
        with zipfile.ZipFile(BytesIO(content)) as wheel:
            folder = next(part for part in wheel.namelist() if part.endswith(".dist-info/METADATA")).rpartition("/")[0]
            metadata = Parser().parsestr(wheel.read(f"{folder}/METADATA").decode())
            record = wheel.read(f"{folder}/RECORD").decode()
        found.append(_package(metadata, name, sha256(content).hexdigest(), record, lock))
    return found


def _package(metadata: Any, wheel: str, digest: str, record: str, lock: Lock) -> Package:
    name, version = canonical(metadata["Name"]), str(metadata["Version"])
    pinned = lock.get(name)
    if pinned is None or pinned.version != version or digest not in pinned.hashes or not wheel.endswith(".whl"):
        raise BillError(
            f"sbom: {wheel} ({digest[:12]}…) is no wheel of the lock file; build again from src/requirements.txt"
        )
    tops = {line.rpartition(",")[0].rpartition(",")[0].split("/")[0] for line in record.splitlines() if line}
    return Package(name, version, licence_of(metadata), wheel, digest, frozenset(tops))


def require_covered(names: Iterable[str], packages: Sequence[Package], ours: Iterable[str]) -> None:
    """Raises BillError where something at the top of a tree is neither a package's nor ours: its bill would lie."""
    known = set(ours).union(*(package.places for package in packages))
    strange = sorted(set(names) - known)
    if strange:
        raise BillError(f"sbom: {', '.join(strange)} came with no package; find out where it is from")


def bill(
    subject: str,
    archive: Path,
    version: str,
    packages: Sequence[Package],
    ours: Mapping[str, Iterable[Path]],
    lock: Lock,
) -> bytes:
    """The document.

    Args:
        subject: what the artefact is called.
        archive: its zip: the bill names its hash, so that the two belong together.
        version: ours.
        packages: those of others.
        ours: name → files of what we wrote.
        lock: who needs whom.
    """
    digest = sha256(archive.read_bytes()).hexdigest()
    root = f"{PROJECT}/{subject}@{version}"
    names = {package.name: package.purl for package in packages}
    own = [_own(name, version, files) for name, files in sorted(ours.items())]
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, f'{root}#{digest}')}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": f"{PROJECT}/{subject}",
                "version": version,
                "licenses": [{"expression": LICENCE}],
                "hashes": [{"alg": "SHA-256", "content": digest}],
            }
        },
        "components": [*own, *(_component(package) for package in packages)],
        "dependencies": [
            {
                "ref": root,
                "dependsOn": [
                    *(each["bom-ref"] for each in own),
                    *(names[each] for each in names if lock[each].is_direct),
                ],
            },
            *(
                {"ref": names[name], "dependsOn": sorted(names[each] for each in names if name in lock[each].needed_by)}
                for name in names
            ),
        ],
    }
    return (json.dumps(document, indent=1) + "\n").encode()


def _component(package: Package) -> dict[str, Any]:
    licence = {"licenses": [{"expression": package.licence}]} if package.licence else {}
    return {
        "type": "library",
        "bom-ref": package.purl,
        "name": package.name,
        "version": package.version,
        "purl": package.purl,
        **licence,
        "hashes": [{"alg": "SHA-256", "content": package.sha256}],
    }


def _own(name: str, version: str, files: Iterable[Path]) -> dict[str, Any]:
    """A part of ours: a file has its own digest, a folder one over its files' names and digests."""
    digests = [(path.name, sha256(path.read_bytes()).hexdigest()) for path in sorted(files)]
    told = "".join(f"{file} {digest}\n" for file, digest in digests)
    digest = digests[0][1] if len(digests) == 1 else sha256(told.encode()).hexdigest()
    return {
        "type": "library",
        "bom-ref": f"{PROJECT}/{name}@{version}",
        "name": name,
        "version": version,
        "purl": f"pkg:generic/{PROJECT}@{quote(version)}#{name}",
        "licenses": [{"expression": LICENCE}],
        "hashes": [{"alg": "SHA-256", "content": digest}],
    }
