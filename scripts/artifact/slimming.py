"""What the packages bring and no function uses: removed from an artefact, each line with its reason.

Measured with pyarrow 26.0.1: every extension module is linked against libarrow, libarrow_python, libarrow_compute,
libarrow_acero, libarrow_dataset, libarrow_substrait and libparquet, so ``import pyarrow`` fails without any of them
(ImportError from the loader). Only flight and the remote file systems are libraries of their own.
"""

import filecmp
import re
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Final

REMOVED: Final = {
    "bin": "command line helpers",
    "*.dist-info/RECORD": "lists files that are no longer all there",
    "*.dist-info/INSTALLER": "pip's own notes",
    "*.dist-info/REQUESTED": "same",
    "*.dist-info/direct_url.json": "same",
    "boto3/data": "models of boto3.resource(); only clients are used",
    "boto3/examples": "texts for generated documentation",
    "pyarrow/include": "C++ headers",
    "pyarrow/includes": "Cython headers",
    "pyarrow/src": "C++ sources",
    "pyarrow/tests": "tests",
    "pyarrow/conftest.py": "tests",
    "pyarrow/_pyarrow_cpp_tests*": "tests",
    "pyarrow/**/*.pxd": "Cython sources",
    "pyarrow/**/*.pxi": "same",
    "pyarrow/**/*.pyx": "same",
    "pyarrow/*flight*": "Arrow Flight, a network protocol",
    "pyarrow/*s3fs*": "remote file systems: S3 is written through boto3",
    "pyarrow/libarrow_s3*": "same",
    "pyarrow/_gcsfs*": "same",
    "pyarrow/_azurefs*": "same",
    "pyarrow/_hdfs*": "same",
    "pyarrow/*orc*": "the ORC file format",
    "pyarrow/*parquet_encryption*": "Parquet's own encryption: S3 encrypts",
}

# Services whose clients the functions make.
SERVICES: Final = ("autoscaling", "cloudwatch", "ec2", "elb", "elbv2", "glue", "resourcegroupstaggingapi", "s3", "sts")

DEPLOYMENT_SERVICES: Final = ("athena", "lambda", "s3")

_SHARED_LIBRARY: Final = re.compile(r"(?P<soname>.+\.so\.\d+)(\.\d+)+|(?P<bare>.+\.so)")


def slim(tree: Path, services: Collection[str] = SERVICES) -> None:
    """Remove from ``tree`` what no function uses, and the models of all services but those named.

    A rule that finds nothing is no error (wheels differ by platform).
    """
    for pattern in REMOVED:
        for path in sorted(tree.glob(pattern)):
            remove(path)
    for path in duplicate_libraries(tree / "pyarrow"):
        remove(path)
    for path in unused_service_models(tree / "botocore" / "data", services):
        remove(path)


def remove(path: Path) -> None:
    """Delete a file or a folder."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def duplicate_libraries(folder: Path) -> list[Path]:
    """Copies of a shared library under other names than the one the loader asks for.

    A wheel cannot hold links, so ``libx.so``, ``libx.so.26`` and ``libx.so.26.1.0`` are three equal files; the loader
    asks for ``libx.so.26``. Extension modules (``lib.cpython-313-….so``) have no such sibling and stay.
    """
    copies = []
    for path in sorted(folder.glob("*.so*")):
        name = _SHARED_LIBRARY.fullmatch(path.name)
        if name is None:
            continue
        wanted = [folder / name["soname"]] if name["soname"] else sorted(folder.glob(f"{name['bare']}.[0-9]*"))
        if any(other != path and other.is_file() and filecmp.cmp(path, other, shallow=False) for other in wanted):
            copies.append(path)
    return copies


def unused_service_models(data: Path, services: Collection[str]) -> list[Path]:
    """Models in botocore of services that are not used, and of those that are all but the newest API version.

    botocore takes the newest version unless a client asks for another; files beside the folders (endpoints,
    partitions, retry rules) belong to all services.
    """
    unused = []
    for service in sorted(path for path in data.glob("*") if path.is_dir()):
        if service.name in services:
            unused += sorted(path for path in service.iterdir() if path.is_dir())[:-1]
        else:
            unused.append(service)
    return unused
