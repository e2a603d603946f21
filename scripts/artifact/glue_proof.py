"""Run alone: `python -I -S -B glue_proof.py PACKAGES.zip INSTALLED` (see glue_checks.import_alone).

Imports every module of the archive from the archive. Those that need Spark, which Glue brings, are left out. Prints one
line, or raises.
"""

import sys
import zipfile
from importlib import import_module


def main(packages: str, installed: str) -> str:
    """Import what there is; returns what to tell."""
    sys.path[:0] = [packages, installed]
    with zipfile.ZipFile(packages) as archive:
        names = [name for name in archive.namelist() if name.endswith(".py")]
    modules = [name.removesuffix("/__init__.py").removesuffix(".py").replace("/", ".") for name in names]
    chosen = [module for module in modules if not module.rpartition(".")[2].startswith("spark_")]
    for name in chosen:
        module = import_module(name)
        if not str(module.__file__).startswith(packages):
            raise RuntimeError(f"{name} came from {module.__file__}")
    return f"{len(chosen)} of {len(modules)} modules imported"


if __name__ == "__main__":
    print(main(sys.argv[1], sys.argv[2]))
