"""Build what the functions run: the pinned packages for a platform, slimmed, with our code, checked, with its sizes.

    python -m scripts.build_artifact --target lambda --out build/lambda [--zip build/lambda.zip]
    python -m scripts.build_artifact --target host --out build/host

One recipe for both targets: ``lambda`` is what is deployed (`sam build` calls it through src/Makefile), ``host`` is
the same tree for this machine, which can be run: that run is the proof that the slimming removed nothing needed.

Limits and platform: AWS Lambda developer guide, "Lambda quotas" (262,144,000 bytes unzipped) and "Lambda runtimes"
(python3.13 on Amazon Linux 2023, glibc 2.34: manylinux_2_28 wheels run there).
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scripts.artifact import checks, slimming

ROOT: Final = Path(__file__).resolve().parent.parent
REQUIREMENTS: Final = ROOT / "src" / "requirements.txt"
OUR_PACKAGES: Final = ("enricher", "cache")

BUDGET_BYTES: Final = 150_000_000
LAMBDA_LIMIT_BYTES: Final = 262_144_000
ZIP_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


class ArtifactError(Exception):
    """The artefact could not be built or is not what it should be; one line: what, where, the mend."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where an artefact runs: Python version (``3.13``), ELF machine name, and pip's options to fetch for it."""

    python: str
    machine: str | None
    pip_options: tuple[str, ...]


def targets() -> dict[str, Target]:
    """Both targets by name; the host's is this interpreter's own platform."""
    foreign = ["--implementation", "cp", "--python-version", "3.13"]
    for platform in ("manylinux_2_28_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64"):
        foreign += ["--platform", platform]
    return {
        "lambda": Target("3.13", "aarch64", tuple(foreign)),
        "host": Target(f"{sys.version_info.major}.{sys.version_info.minor}", None, ()),
    }


def build(target: Target, tree: Path) -> tuple[int, int]:
    """Install, slim, add our code, compile; returns the bytes before and after slimming."""
    if tree.exists() and any(tree.iterdir()):
        raise ArtifactError(f"artefact: {tree} is not empty: remove it or name another --out")
    tree.mkdir(parents=True, exist_ok=True)
    install(target, tree)
    installed = size_of(tree)
    slimming.slim(tree)
    for package in OUR_PACKAGES:
        shutil.copytree(ROOT / "src" / package, tree / package, ignore=shutil.ignore_patterns("__pycache__"))
    return installed, size_of(tree)


def install(target: Target, tree: Path) -> None:
    """Pinned wheels into ``tree``, each checked against its hash.

    ``--no-deps``: the lock file is complete, so nothing is left to resolve.
    """
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--no-compile", "--only-binary=:all:", "--require-hashes", "--root-user-action=ignore"]
    command += [*target.pip_options, "--target", str(tree), "--requirement", str(REQUIREMENTS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]
        raise ArtifactError(f"artefact: pip could not install {REQUIREMENTS.name}: {last}")


def compile_bytecode(target: Target, tree: Path) -> bool:
    """Bytecode for the target's Python, if one is at hand; without it a cold start compiles for about a second.

    Unchecked hashes: the deployed tree never changes, and time stamps would make each build different.
    """
    python = interpreter(target.python)
    if python is None:
        return False
    options = ["-q", "-s", str(tree), "--invalidation-mode", "unchecked-hash"]
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


def write_zip(tree: Path, archive: Path) -> None:
    """The tree as a zip that is equal byte for byte for equal trees: sorted names, one time, plain rights."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out:
        for path in sorted(path for path in tree.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(tree).as_posix(), ZIP_EPOCH)
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            out.writestr(entry, path.read_bytes(), compresslevel=9)


def require_size(unzipped: int, budget: int = BUDGET_BYTES) -> None:
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
    parser.add_argument("--target", choices=sorted(targets()), required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder for the tree; must be empty or not there")
    parser.add_argument("--zip", type=Path, help="also write the tree as a zip here")
    options = parser.parse_args(arguments)
    try:
        report(options.target, options.out.resolve(), options.zip)
    except (ArtifactError, checks.CheckError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def report(name: str, tree: Path, archive: Path | None) -> None:
    """Build target ``name`` into ``tree``, check it, and print what came out."""
    target = targets()[name]
    print(f"artefact for {name}: Python {target.python}, {target.machine or 'this machine'}")
    installed, slimmed = build(target, tree)
    print(f"  packages      {megabytes(installed):>10}   as installed")
    print(f"  slimmed       {megabytes(slimmed):>10}   with our code")
    if compile_bytecode(target, tree):
        print(f"  bytecode      {megabytes(size_of(tree) - slimmed):>10}")
    else:
        print(f"  bytecode            none   no python{target.python} on the path: cold starts take about 1 s longer")
    unzipped = size_of(tree)
    require_size(unzipped)
    print(f"  unzipped      {megabytes(unzipped):>10}   of {megabytes(BUDGET_BYTES)}")
    with tempfile.TemporaryDirectory() as scratch:
        written = archive or Path(scratch, "artifact.zip")
        write_zip(tree, written)
        digest = hashlib.sha256(written.read_bytes()).hexdigest()
        print(f"  zipped        {megabytes(written.stat().st_size):>10}   sha256 {digest[:16]}…")
    libraries = checks.require_libraries(tree, target.machine)
    print(f"  libraries     {libraries:>10}   each finds the Arrow libraries it needs")
    if name == "host":
        print(f"  runs alone    {checks.run_alone(tree)}")


if __name__ == "__main__":
    sys.exit(main())
