"""The pinned packages, fetched by pip and checked against their hashes: the only place that runs it."""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
REQUIREMENTS: Final = ROOT / "src" / "requirements.txt"

_REQUIREMENT: Final = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)(?:.*\\\n)*.*\n?", re.MULTILINE)


class PackageError(Exception):
    """Packages could not be fetched; one line: what, where, the mend."""


@dataclass(frozen=True, slots=True)
class Platform:
    """What packages are for: Python version (``3.13``), ELF machine (None: any), platform tags (none: this machine)."""

    python: str
    machine: str | None
    tags: tuple[str, ...]

    @property
    def pip_options(self) -> list[str]:
        """How pip is told; nothing where it is this interpreter's own."""
        if not self.tags:
            return []
        foreign = ["--implementation", "cp", "--python-version", self.python]
        return [*foreign, *(word for tag in self.tags for word in ("--platform", tag))]


def linux(python: str, machine: str) -> Platform:
    """A Linux with glibc 2.28 or newer, such as Amazon Linux 2023 (2.34)."""
    return Platform(python, machine, tuple(f"manylinux{tag}_{machine}" for tag in ("_2_28", "_2_17", "2014")))


def host() -> Platform:
    """This interpreter's own platform."""
    return Platform(f"{sys.version_info.major}.{sys.version_info.minor}", None, ())


def pins() -> dict[str, str]:
    """Name → version of everything that ships."""
    return {match[1]: match[2] for match in _REQUIREMENT.finditer(REQUIREMENTS.read_text("utf-8"))}


def install(platform: Platform, tree: Path, only: Collection[str] | None = None) -> dict[str, Any]:
    """Install the pinned packages (None: all) into ``tree``; returns pip's installation report.

    Raises:
        PackageError: pip could not.
    """
    with tempfile.TemporaryDirectory() as scratch:
        told = Path(scratch, "report.json")
        options = ["--no-compile", "--root-user-action=ignore", "--target", str(tree), "--report", str(told)]
        _pip(["install", *options], platform, only)
        report: dict[str, Any] = json.loads(told.read_text("utf-8"))
    return report


def download(platform: Platform, folder: Path) -> None:
    """The pinned packages' wheels into ``folder``.

    Raises:
        PackageError: pip could not.
    """
    _pip(["download", "--dest", str(folder)], platform, None)


def install_offline(platform: Platform, wheels: Path, tree: Path) -> None:
    """Install what ``wheels/requirements.txt`` lists from the wheels beside it, asking no index.

    Raises:
        PackageError: a wheel is missing, or is for another platform.
    """
    options = ["--no-index", "--find-links", str(wheels), "--requirement", str(wheels / "requirements.txt")]
    run_pip(["install", "--no-compile", "--root-user-action=ignore", "--target", str(tree), *options], platform)


def _pip(command: Sequence[str], platform: Platform, only: Collection[str] | None) -> None:
    """``--no-deps``: the lock file is complete, so nothing is left to resolve."""
    with tempfile.TemporaryDirectory() as scratch:
        requirements = REQUIREMENTS
        if only is not None:
            requirements = Path(scratch, "requirements.txt")
            requirements.write_text(_chosen(only), "utf-8")
        run_pip([*command, "--no-deps", "--require-hashes", "--requirement", str(requirements)], platform)


def _chosen(only: Collection[str]) -> str:
    """The lock file's lines of some packages.

    Raises:
        PackageError: it does not hold one of them.
    """
    found = {match[1]: match[0] for match in _REQUIREMENT.finditer(REQUIREMENTS.read_text("utf-8"))}
    missing = sorted(set(only) - set(found))
    if missing:
        raise PackageError(f"artefact: {REQUIREMENTS.name} does not pin {', '.join(missing)}: run `make requirements`")
    return "".join(found[name] for name in sorted(only))


def run_pip(command: Sequence[str], platform: Platform) -> None:
    """Run pip for a platform; wheels only.

    Raises:
        PackageError: with pip's last line.
    """
    quiet = ["--quiet", "--disable-pip-version-check", "--only-binary=:all:", *platform.pip_options]
    whole = [sys.executable, "-m", "pip", command[0], *quiet, *command[1:]]
    done = subprocess.run(whole, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]
        raise PackageError(f"artefact: pip could not {command[0]} {REQUIREMENTS.name}: {last}")
