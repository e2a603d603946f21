"""Build what the functions run: the pinned packages for a platform, slimmed, with our code, checked, with its sizes.

    python -m scripts.build_artifact --target lambda --out build/lambda [--zip build/lambda.zip [--sbom FILE]]
    python -m scripts.build_artifact --target host --out build/host
    python -m scripts.build_artifact --function deployment --target lambda --out build/deployment

One recipe for the functions (transformation and refresher share ``enrich``; ``deployment`` carries what the Glue jobs
run) and for both targets: ``lambda`` is what is deployed (`sam build` calls it through src/Makefile), ``host`` is the
same tree for this machine, which can be run: that run is the proof that the slimming removed nothing needed.

Limits and platform: AWS Lambda developer guide, "Lambda quotas" (262,144,000 bytes unzipped) and "Lambda runtimes"
(python3.13 on Amazon Linux 2023, glibc 2.34: manylinux_2_28 wheels run there).
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scripts.artifact import checks, glue_checks, sbom, slimming
from scripts.artifact.archives import write_zip
from scripts.artifact.bundle import GLUE, JOBS, PACKAGES_ZIP, WHEELS_ZIP, BundleError, build_bundle, own_version
from scripts.artifact.lock import read_lock
from scripts.artifact.packages import REQUIREMENTS, ROOT, PackageError, Platform, host, install, linux

LAMBDA_LIMIT_BYTES: Final = 262_144_000


class ArtifactError(Exception):
    """The artefact could not be built or is not what it should be; one line: what, where, the mend."""


@dataclass(frozen=True, slots=True)
class Function:
    """What a function's artefact holds.

    Attributes:
        ours: packages below ``src``.
        requirements: names of pinned packages; None: all.
        services: AWS services whose clients it makes.
        has_bundle: it carries what a deployment needs.
        budget: bytes unzipped that we allow.
    """

    ours: tuple[str, ...]
    requirements: tuple[str, ...] | None
    services: tuple[str, ...]
    has_bundle: bool
    budget: int


FUNCTIONS: Final = {
    "enrich": Function(("enricher", "cache"), None, slimming.SERVICES, has_bundle=False, budget=150_000_000),
    "deployment": Function(
        ("deployment",),
        ("boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3"),
        slimming.DEPLOYMENT_SERVICES,
        has_bundle=True,
        budget=100_000_000,
    ),
}


@dataclass(frozen=True, slots=True)
class Built:
    """A tree: bytes as installed, bytes slimmed and with our code, and whose packages are in it."""

    installed: int
    slimmed: int
    packages: list[sbom.Package]


def targets() -> dict[str, Platform]:
    """Both targets by name; the host's is this interpreter's own platform."""
    return {"lambda": linux("3.13", "aarch64"), "host": host()}


def build(target: Platform, tree: Path, function: Function = FUNCTIONS["enrich"]) -> Built:
    """Install, slim, add our code."""
    if tree.exists() and any(tree.iterdir()):
        raise ArtifactError(f"artefact: {tree} is not empty: remove it or name another --out")
    tree.mkdir(parents=True, exist_ok=True)
    told = install(target, tree, function.requirements)
    packages = sbom.of_tree(tree, told, read_lock(REQUIREMENTS))
    installed = size_of(tree)
    slimming.slim(tree, function.services)
    for package in function.ours:
        shutil.copytree(ROOT / "src" / package, tree / package, ignore=shutil.ignore_patterns("__pycache__"))
    if function.has_bundle:
        build_bundle(GLUE if target.tags else target, tree / "bundle")
    ours = (*function.ours, *(["bundle"] if function.has_bundle else []))
    sbom.require_covered((path.name for path in tree.iterdir()), packages, ours)
    return Built(installed, size_of(tree), packages)


def write_bills(file: Path, archive: Path, tree: Path, packages: list[sbom.Package], function: Function) -> list[Path]:
    """The tree's bill of materials, and beside it that of the Glue jobs' archives where it carries them."""
    lock, version = read_lock(REQUIREMENTS), own_version()
    parts = (*function.ours, *(["bundle"] if function.has_bundle else []))
    ours = {name: [path for path in (tree / name).rglob("*.*") if path.suffix != ".pyc"] for name in parts}
    written = [file]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(sbom.bill(file.name.partition(".")[0], archive, version, packages, ours, lock))
    if function.has_bundle:
        code, beside = tree / "bundle" / "code", file.with_name("glue.sbom.json")
        wheels = sbom.of_wheels(code / WHEELS_ZIP, lock)
        files = {name: [code / name] for name in (PACKAGES_ZIP, *JOBS)}
        beside.write_bytes(sbom.bill("glue", code / WHEELS_ZIP, version, wheels, files, lock))
        written.append(beside)
    return written


def compile_bytecode(target: Platform, tree: Path) -> bool:
    """Bytecode for the target's Python, if one is at hand; without it a cold start compiles for about a second.

    Unchecked hashes: the deployed tree never changes, and time stamps would make each build different.
    """
    python = interpreter(target.python)
    if python is None:
        return False
    options = ["-q", "-s", str(tree), "--invalidation-mode", "unchecked-hash", "-x", "/bundle/"]
    subprocess.run([python, "-m", "compileall", *options, str(tree)], check=True, stdout=sys.stderr)
    return True


def interpreter(version: str) -> str | None:
    """An interpreter of that version (``3.13``) that starts: this one, or ``python3.13`` on the path."""
    probe = "import sys; print('%d.%d' % sys.version_info[:2])"
    for candidate in (sys.executable, shutil.which(f"python{version}")):
        if candidate is None:
            continue
        answer = subprocess.run([candidate, "-c", probe], capture_output=True, text=True, check=False)
        if answer.stdout.strip() == version:
            return candidate
    return None


def size_of(tree: Path) -> int:
    """Bytes of all files below ``tree``: what Lambda counts as unzipped size."""
    return sum(path.stat().st_size for path in tree.rglob("*") if path.is_file())


def require_size(unzipped: int, budget: int = FUNCTIONS["enrich"].budget) -> None:
    """Raises ArtifactError above our own budget, or above what Lambda takes at all."""
    if unzipped > LAMBDA_LIMIT_BYTES:
        raise ArtifactError(f"artefact: {megabytes(unzipped)} unzipped, Lambda takes {megabytes(LAMBDA_LIMIT_BYTES)}")
    if unzipped > budget:
        raise ArtifactError(
            f"artefact: {megabytes(unzipped)} unzipped, the budget is {megabytes(budget)}: "
            "add to REMOVED in scripts/artifact/slimming.py or drop a package"
        )


def megabytes(count: int) -> str:
    """Bytes as people read them: decimal megabytes, one digit."""
    return f"{count / 1e6:,.1f} MB"


def main(arguments: list[str] | None = None) -> int:
    """Build, check and report one artefact; 0 done, 1 failed (one line on stderr)."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--function", choices=sorted(FUNCTIONS), default="enrich", help="default: %(default)s")
    parser.add_argument("--target", choices=sorted(targets()), required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder for the tree; must be empty or not there")
    parser.add_argument("--zip", type=Path, help="also write the tree as a zip here")
    parser.add_argument("--sbom", type=Path, help="also write what is in the zip here (CycloneDX 1.6, JSON)")
    options = parser.parse_args(arguments)
    if options.sbom and not options.zip:
        parser.error("--sbom tells of a zip: give --zip too")
    try:
        report(options.function, options.target, options.out.resolve(), options.zip, options.sbom)
    except (ArtifactError, PackageError, BundleError, checks.CheckError, sbom.BillError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def report(function_name: str, name: str, tree: Path, archive: Path | None, bill: Path | None = None) -> None:
    """Build a function for target ``name`` into ``tree``, check it, and print what came out; ``bill``: its SBOM."""
    target, function = targets()[name], FUNCTIONS[function_name]
    print(f"artefact {function_name} for {name}: Python {target.python}, {target.machine or 'this machine'}")
    built = build(target, tree, function)
    print(f"  packages      {megabytes(built.installed):>10}   as installed")
    print(f"  slimmed       {megabytes(built.slimmed):>10}   with our code")
    if compile_bytecode(target, tree):
        print(f"  bytecode      {megabytes(size_of(tree) - built.slimmed):>10}")
    else:
        print(f"  bytecode            none   no python{target.python} on the path: cold starts take about 1 s longer")
    unzipped = size_of(tree)
    require_size(unzipped, function.budget)
    print(f"  unzipped      {megabytes(unzipped):>10}   of {megabytes(function.budget)}")
    with tempfile.TemporaryDirectory() as scratch:
        written = archive or Path(scratch, "artifact.zip")
        write_zip(tree, written)
        digest = hashlib.sha256(written.read_bytes()).hexdigest()
        print(f"  zipped        {megabytes(written.stat().st_size):>10}   sha256 {digest[:16]}…")
        if bill is not None:
            bills = write_bills(bill, written, tree, built.packages, function)
            print(f"  bill          {len(built.packages):>10}   packages: {', '.join(path.name for path in bills)}")
    if function.has_bundle:
        print(f"  Glue's code   {glue_checks.check(tree / 'bundle' / 'code', GLUE if target.tags else target)}")
        if name == "host":
            print(f"  runs alone    {checks.run_deployment_alone(tree)}")
        return
    libraries = checks.require_libraries(tree, target.machine)
    print(f"  libraries     {libraries:>10}   each finds the Arrow libraries it needs")
    if name == "host":
        print(f"  runs alone    {checks.run_alone(tree)}")


if __name__ == "__main__":
    sys.exit(main())
