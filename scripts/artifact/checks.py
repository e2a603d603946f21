"""What an artefact must be, read from its files and, where it fits this machine, by running it alone."""

import re
import struct
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from scripts.artifact.slimming import DEPLOYMENT_SERVICES, SERVICES

_ELF_MAGIC: Final = b"\x7fELF"
_ELF_MACHINE_OFFSET: Final = 18
_ELF_MACHINES: Final = {62: "x86_64", 183: "aarch64"}
_ARROW_LIBRARY: Final = re.compile(rb"lib(?:arrow|parquet)[a-z_]*\.so\.\d+")
_LIBRARY: Final = re.compile(r"\.so(\.\d+)*$")
_PROOF: Final = Path(__file__).with_name("proof.py")
_DEPLOYMENT_PROOF: Final = Path(__file__).with_name("deployment_proof.py")


class CheckError(Exception):
    """The artefact is not what it should be; one line: what, where, the mend."""


def require_libraries(tree: Path, machine: str | None) -> int:
    """Every shared library is for ``machine`` (None: any) and finds the Arrow libraries it names; returns how many.

    Names are read from the files' own string tables, so this holds for a platform that cannot run here too.

    Raises:
        CheckError: a library is for another machine, or names one that is not in the artefact.
    """
    libraries = sorted(path for path in tree.rglob("*.so*") if _LIBRARY.search(path.name) and path.is_file())
    if not libraries:
        raise CheckError(f"artefact: no shared libraries in {tree}: the wheels are missing")
    present = {path.name for path in libraries}
    for path in libraries:
        content = path.read_bytes()
        built_for = elf_machine(content)
        if machine is not None and built_for != machine:
            raise CheckError(f"artefact: {path.name} is for {built_for}, the function runs on {machine}")
        missing = {name.decode() for name in _ARROW_LIBRARY.findall(content)} - present
        if missing:
            raise CheckError(
                f"artefact: {path.name} needs {', '.join(sorted(missing))}, which was removed: "
                "take it out of REMOVED in scripts/artifact/slimming.py"
            )
    return len(libraries)


def elf_machine(content: bytes) -> str:
    """The machine an ELF file is built for (``aarch64``, ``x86_64``), or what it is instead."""
    if not content.startswith(_ELF_MAGIC):
        return "no ELF file"
    (number,) = struct.unpack_from("<H", content, _ELF_MACHINE_OFFSET)
    return _ELF_MACHINES.get(number, f"ELF machine {number}")


def run_alone(tree: Path) -> str:
    """Run proof.py with the artefact and nothing else; returns its one line.

    Raises:
        CheckError: with the last line of what went wrong.
    """
    return _run_proof(_PROOF, tree, SERVICES)


def run_deployment_alone(tree: Path) -> str:
    """The same for the deployment function, by deployment_proof.py."""
    return _run_proof(_DEPLOYMENT_PROOF, tree, DEPLOYMENT_SERVICES)


def _run_proof(proof: Path, tree: Path, services: Sequence[str]) -> str:
    """The interpreter starts isolated and without site packages, in an empty folder, with an empty environment."""
    command = [sys.executable, "-I", "-S", "-B", str(proof), str(tree), ",".join(services)]
    with tempfile.TemporaryDirectory() as empty:
        environment = {"AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true", "HOME": empty}
        done = subprocess.run(command, cwd=empty, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise CheckError(f"artefact: does not run on its own: {last}")
    return done.stdout.strip()
