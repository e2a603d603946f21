"""What the deployment function carries: the Glue jobs' files, their packages, the views (see src/deployment/bundle.py).

    bundle/manifest.json                          version, names of views in their order, names of code files
    bundle/views/<name>.sql                       without the comment header: Athena gets the statement alone
    bundle/code/code.zip                      enricher, cache, compaction
    bundle/code/dependencies.gluewheels.zip       wheels/requirements.txt and the wheels
    bundle/code/compact.py, backfill.py           the jobs

Glue developer guide, "Using Python libraries with AWS Glue": a zip of wheels is told by its name.
"""

import json
import re
import tempfile
from pathlib import Path
from typing import Final

from scripts.artifact.archives import digest_of, write_members, write_zip
from scripts.artifact.packages import ROOT, Platform, download, linux, pins

# Glue 5.0 and 5.1: Python 3.11 on Amazon Linux 2023, x86_64 (Glue developer guide, "AWS Glue versions").
GLUE: Final = linux("3.11", "x86_64")
GLUE_PACKAGES: Final = ("enricher", "cache", "compaction")
JOBS: Final = ("compact.py", "backfill.py")
PACKAGES_ZIP: Final = "code.zip"
WHEELS_ZIP: Final = "dependencies.gluewheels.zip"
_VIEWS: Final = ROOT / "athena" / "views"
_VERSION: Final = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)


class BundleError(Exception):
    """Something that should be carried is not there; one line: what, where, the mend."""


def build_bundle(platform: Platform, bundle: Path) -> str:
    """Write the bundle with packages for ``platform`` into an empty folder; returns its version."""
    code = bundle / "code"
    code.mkdir(parents=True)
    for job in JOBS:
        if not (ROOT / "glue" / job).is_file():
            raise BundleError(f"artefact: glue/{job} is not there: restore it from the repository")
        (code / job).write_bytes((ROOT / "glue" / job).read_bytes())
    write_members(code / PACKAGES_ZIP, our_files())
    write_wheels(platform, code / WHEELS_ZIP)
    views = write_views(bundle / "views")
    files = sorted(code.iterdir())
    version = f"{own_version()}-{digest_of(files)[:12]}"
    manifest = {"version": version, "views": views, "code": [path.name for path in files]}
    (bundle / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", "utf-8")
    return version


def our_files() -> dict[str, Path]:
    """Name in the archive → file, of the packages that the jobs import, data files included."""
    found = (path for package in GLUE_PACKAGES for path in (ROOT / "src" / package).rglob("*") if path.is_file())
    return {
        path.relative_to(ROOT / "src").as_posix(): path
        for path in found
        if "__pycache__" not in path.relative_to(ROOT).parts
    }


def write_wheels(platform: Platform, archive: Path) -> None:
    """The pinned wheels and a list of them. The list has no hashes: they are checked here, before the zip is made.

    With hashes pip would refuse whatever else Glue may put on the same command line.
    """
    with tempfile.TemporaryDirectory() as scratch:
        wheels = Path(scratch, "wheels")
        wheels.mkdir()
        download(platform, wheels)
        listed = "".join(f"{name}=={version}\n" for name, version in sorted(pins().items()))
        (wheels / "requirements.txt").write_text(listed, "utf-8")
        write_zip(Path(scratch), archive)


def write_views(folder: Path) -> list[str]:
    """Each view's statement; returns their names, each after those it reads."""
    folder.mkdir(parents=True)
    names = (_VIEWS / "order.txt").read_text("utf-8").split()
    there = sorted(path.stem for path in _VIEWS.glob("*.sql"))
    if sorted(names) != there:
        raise BundleError("artefact: athena/views/order.txt does not list the views there are: run `make generate`")
    for name in names:
        (folder / f"{name}.sql").write_text(without_header((_VIEWS / f"{name}.sql").read_text("utf-8")), "utf-8")
    return names


def without_header(sql: str) -> str:
    """A statement without the comment lines before it: Athena finds out by its first words what it is."""
    lines = sql.splitlines(keepends=True)
    first = next((number for number, line in enumerate(lines) if not line.startswith("--")), len(lines))
    return "".join(lines[first:])


def own_version() -> str:
    """The enricher's version."""
    found = _VERSION.search((ROOT / "src" / "enricher" / "__init__.py").read_text("utf-8"))
    if found is None:
        raise BundleError("artefact: src/enricher/__init__.py tells no __version__: restore it")
    return found[1]
