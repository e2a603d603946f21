"""Zips that are equal byte for byte for equal files, and what is in them."""

import hashlib
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


def write_zip(tree: Path, archive: Path) -> None:
    """All files of a tree as a zip: sorted names, one time, plain rights."""
    write_members(archive, {path.relative_to(tree).as_posix(): path for path in tree.rglob("*") if path.is_file()})


def write_members(archive: Path, members: Mapping[str, Path]) -> None:
    """Name in the zip → file, likewise; what is a zip itself is stored as it is."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out:
        for name, path in sorted(members.items()):
            kind = zipfile.ZIP_STORED if path.suffix in (".whl", ".zip") else zipfile.ZIP_DEFLATED
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            entry.compress_type = kind
            out.writestr(entry, path.read_bytes(), compresslevel=9)


def digest_of(files: Iterable[Path]) -> str:
    """SHA-256 over names and bytes of files, in hex."""
    whole = hashlib.sha256()
    for path in sorted(files, key=lambda path: path.name):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        whole.update(f"{path.name} {content}\n".encode())
    return whole.hexdigest()
