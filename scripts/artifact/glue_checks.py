"""What the Glue jobs get must be whole: the wheels install without an index, our imports are all in the archive."""

import ast
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Final

from scripts.artifact.bundle import GLUE_PACKAGES, JOBS, PACKAGES_ZIP, WHEELS_ZIP
from scripts.artifact.checks import CheckError, require_libraries
from scripts.artifact.packages import Platform, host, install_offline

_PROOF: Final = Path(__file__).with_name("glue_proof.py")


def check(code: Path, platform: Platform) -> str:
    """Check a bundle's ``code`` folder with packages for ``platform``; returns one line of what was seen.

    Where the platform is this interpreter's own, every module that needs no Spark is imported from the archives alone.

    Raises:
        CheckError: something is missing.
        PackageError: the wheels do not install from their zip.
    """
    with zipfile.ZipFile(code / PACKAGES_ZIP) as archive:
        names = archive.namelist()
        sources = {name: archive.read(name).decode() for name in names if name.endswith(".py")}
    jobs = {job: (code / job).read_text("utf-8") for job in JOBS}
    require_own_imports(sources | jobs, set(names))
    with tempfile.TemporaryDirectory() as scratch, zipfile.ZipFile(code / WHEELS_ZIP) as wheels:
        wheels.extractall(scratch)
        installed = Path(scratch, "installed")
        install_offline(platform, Path(scratch, "wheels"), installed)
        libraries = require_libraries(installed, platform.machine)
        seen = f"{len(sources)} modules, wheels with {libraries} libraries install without an index"
        if platform == host():
            seen += f", {import_alone(code / PACKAGES_ZIP, installed)}"
    return seen


def require_own_imports(sources: dict[str, str], archived: set[str]) -> None:
    """Whatever the sources import of our packages is in the archive.

    Raises:
        CheckError: names the first import that is not.
    """
    for name, source in sources.items():
        for module in own_imports(source):
            path = module.replace(".", "/")
            if not {f"{path}.py", f"{path}/__init__.py"} & archived:
                raise CheckError(f"artefact: {name} imports {module}, which {PACKAGES_ZIP} does not hold: add it there")


def own_imports(source: str) -> list[str]:
    """Modules of this repository that a source imports, by full name."""
    ours = re.compile(rf"(?:{'|'.join((*GLUE_PACKAGES, 'workbench', 'deployment', 'scripts', 'accuracy'))})(?:\.|$)")
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.append(node.module)
    return [module for module in found if ours.match(module)]


def import_alone(packages: Path, installed: Path) -> str:
    """Run glue_proof.py with the archive and the wheels and nothing else; returns its one line.

    Raises:
        CheckError: with the last line of what went wrong.
    """
    command = [sys.executable, "-I", "-S", "-B", str(_PROOF), str(packages), str(installed)]
    with tempfile.TemporaryDirectory() as empty:
        done = subprocess.run(command, cwd=empty, env={"HOME": empty}, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise CheckError(f"artefact: the Glue jobs' packages do not import on their own: {last}")
    return done.stdout.strip()
