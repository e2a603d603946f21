"""What ships with the function to be deployed: the Glue jobs' files and the views, written by ``make artifact``.

bundle/manifest.json   {"version": "0.1.0-<digest>", "views": ["prices", …] in their order, "code": [names]}
bundle/views/*.sql     CREATE OR REPLACE VIEW, one a file
bundle/code/*          what lies below code/<version>/ of the lake's bucket
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from deployment.errors import DeploymentError


@dataclass(frozen=True, slots=True)
class Bundle:
    """``version`` names the content of ``code``; ``views`` are (name, SQL) in the order to create them."""

    version: str
    code: tuple[Path, ...]
    views: tuple[tuple[str, str], ...]

    @property
    def code_prefix(self) -> str:
        """Where the code lies in the bucket: ``code/<version>/``."""
        return f"code/{self.version}/"

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The bundle in a folder.

        Raises:
            DeploymentError: it is not there or not whole.
        """
        try:
            manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
            code = tuple(folder / "code" / name for name in manifest["code"])
            views = tuple((name, (folder / "views" / f"{name}.sql").read_text("utf-8")) for name in manifest["views"])
            version = str(manifest["version"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DeploymentError(f"bundle: {error}; build the function with `make artifact` or `sam build`") from error
        missing = [path.name for path in code if not path.is_file()]
        if missing or not code or not views:
            raise DeploymentError(f"bundle: {', '.join(missing) or 'empty'}; build the function with `sam build`")
        return cls(version, code, views)
