"""Audit what we depend on (`make audit`): pins and hashes, licences, the review of what ships, known vulnerabilities.

    python -m scripts.audit [--offline]

Everything but the vulnerabilities is told from the repository and the packages installed beside it, without network.
Where the service that knows vulnerabilities cannot be reached, that is said and fails nothing: a build must not depend
on it. One that it knows of a package that ships does fail the audit; of one that only builds and tests, it is told.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Final

from scripts.advisories import SERVICE, LookUpError, known_vulnerabilities
from scripts.artifact.licences import is_allowed, licence_of
from scripts.artifact.lock import Lock, canonical, read_lock
from scripts.artifact.packages import ROOT

SHIPS: Final = Path("src/requirements.txt")
TESTS: Final = Path("requirements/dev.txt")
TOOLS: Final = (Path("requirements/sam.txt"), Path("requirements/checkov.txt"))
REVIEW: Final = Path("docs/decisions/0010-dependencies.md")
# What ships may only ask for attribution. What builds and tests may also ask that changes to itself be published.
SHIPPED_LICENCES: Final = frozenset({"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0", "PSF-2.0"})
TOOL_LICENCES: Final = SHIPPED_LICENCES | {"0BSD", "AFL-2.1", "CC0-1.0", "CNRI-Python", "MPL-2.0", "Zlib"}
_INDEX: Final = re.compile(
    r"^\s*(?:-i|-f|--(?:extra-)?index-url|--find-links|--trusted-host)\b.*|^.*://.*", re.MULTILINE
)
# A line of the review: name, licence, what for, who keeps it up.
_ROW: Final = re.compile(
    r"^\| ([a-z0-9-]+) \| ([A-Z0-9][A-Za-z0-9.-]*(?: (?:OR|AND) [A-Za-z0-9.-]+)*) \| (.+?) \| (.+?) \|$", re.MULTILINE
)


@dataclass(slots=True)
class Audit:
    """What was found out: ``said`` in order, and the ``faults`` among it."""

    said: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def judge(self, good: str, faults: Iterator[str]) -> None:
        """Take a check's faults; ``good`` is said where there are none."""
        found = list(faults)
        self.faults += found
        self.said += [f"FAULT {each}" for each in found] or [good]


def audit(root: Path, service: str | None) -> Audit:
    """All checks of a repository; ``service``: where vulnerabilities are asked for, None: nowhere."""
    ships, tests = read_lock(root / SHIPS), read_lock(root / TESTS)
    files = [path for path in (SHIPS, TESTS, *TOOLS) if (root / path).is_file()]
    result = Audit()
    pinned = f"every requirement of {len(files)} files is one version with hashes, and none names an index"
    result.judge(pinned, (fault for path in files for fault in unpinned(root / path)))
    result.judge("what ships is tested in the same versions", differing(ships, tests))
    result.judge(
        f"{len(ships)} packages ship, each reviewed, with the licence it says", unreviewed(root / REVIEW, ships)
    )
    result.judge(f"{len(tests)} packages build and test, all with known licences", unlicensed(tests))
    bills = sorted((root / "build").glob("*.sbom.json"))
    result.judge(f"{len(bills)} bills of materials name wheels of the lock file only", foreign(bills, ships))
    if service is None:
        result.said.append("known vulnerabilities: not asked for (--offline)")
    else:
        _look_up(result, ships, tests, service)
    return result


def unpinned(path: Path) -> Iterator[str]:
    """Requirements without version or hash, and lines that name an index."""
    text = path.read_text("utf-8")
    for line in _INDEX.findall(text):
        yield f"{path.name}: names where packages come from: {line.strip()[:60]}"
    lock = read_lock(path)
    names = {canonical(name) for name in re.findall(r"^([A-Za-z0-9][A-Za-z0-9._-]*)", text, re.MULTILINE)}
    for name in sorted(names - lock.keys()):
        yield f"{path.name}: {name} has no exact version; run `make requirements`"
    for name, pin in sorted(lock.items()):
        if not pin.hashes:
            yield f"{path.name}: {name} has no hash; run `make requirements`"
    if not lock:
        yield f"{path.name}: holds nothing"


def differing(ships: Lock, tests: Lock) -> Iterator[str]:
    """What ships in another version, or other files, than is tested."""
    for name, pin in sorted(ships.items()):
        tested = tests.get(name)
        if tested is None or (tested.version, tested.hashes) != (pin.version, pin.hashes):
            other = tested.version if tested else "nothing"
            yield f"{name} {pin.version} ships, {other} is tested: run `make requirements`"


def unreviewed(review: Path, ships: Lock) -> Iterator[str]:
    """What ships without a line in the review, with another licence than it, or one that may not ship."""
    reviewed = {name: licence for name, licence, _, _ in _ROW.findall(review.read_text("utf-8"))}
    for name in sorted(reviewed.keys() - ships.keys()):
        yield f"{review.name} reviews {name}, which does not ship: take the line out"
    for name in sorted(ships):
        told, licence = reviewed.get(name), _licence(name)
        if told is None:
            yield f"{name} ships, and {review.name} has no line for it: review it"
        elif told != licence:
            yield f"{name} says its licence is {licence}, {review.name} says {told}: review it again"
        elif not is_allowed(told, SHIPPED_LICENCES):
            yield f"{name} is {told}, which may not ship: find another package"


def unlicensed(tests: Lock, allowed: frozenset[str] = TOOL_LICENCES) -> Iterator[str]:
    """Installed packages whose licence is not known, or not among those for tools."""
    for name in sorted(tests):
        try:
            licence = _licence(name)
        except PackageNotFoundError:
            continue  # for another platform or Python
        if licence is None or not is_allowed(licence, allowed):
            told = licence or "not told"
            yield f"{name}: licence {told}; look at it, then at TOOL_LICENCES here and _WORDS in artifact/licences.py"


def foreign(bills: list[Path], ships: Lock) -> Iterator[str]:
    """What bills of materials name and the lock file does not: other versions, other files, anything but wheels."""
    for path in bills:
        for each in json.loads(path.read_text("utf-8"))["components"]:
            purl = str(each["purl"])
            if not purl.startswith("pkg:pypi/"):
                continue
            pin = ships.get(each["name"])
            is_ours = pin is not None and pin.version == each["version"] and each["hashes"][0]["content"] in pin.hashes
            if not is_ours or not purl.endswith(".whl"):
                yield f"{path.name}: {purl} is no wheel of {SHIPS}: build again"


def _licence(name: str) -> str | None:
    return licence_of(metadata(name))  # type: ignore[arg-type]  # a Message by another protocol


def _look_up(result: Audit, ships: Lock, tests: Lock, service: str) -> None:
    try:
        found = known_vulnerabilities(tests | ships, service)
    except LookUpError as error:
        result.said.append(f"known vulnerabilities: SKIPPED, {error}; run `make audit` where it can be reached")
        return
    faults = (
        f"{name} {ships[name].version} ships with {', '.join(ids)}" for name, ids in found.items() if name in ships
    )
    result.judge(f"known vulnerabilities: none in the {len(ships)} packages that ship", faults)
    for name, ids in found.items():
        if name not in ships:
            result.said.append(f"known vulnerabilities: {name} {tests[name].version}, a tool, has {', '.join(ids)}")


def main(arguments: list[str] | None = None) -> int:
    """Print what was found; 0 without faults, 1 with."""
    parser = argparse.ArgumentParser(description="Audit of dependencies")
    parser.add_argument("--offline", action="store_true", help="do not ask for known vulnerabilities")
    options = parser.parse_args(arguments)
    result = audit(ROOT, None if options.offline else SERVICE)
    for line in result.said:
        print(f"audit: {line}")
    return 1 if result.faults else 0


if __name__ == "__main__":
    sys.exit(main())
